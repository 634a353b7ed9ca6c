"""B2: Banach's theorem for a number, a vector and a matrix, with its three error bounds against true errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

import rmtjac as rj
from validation.case import Case, Result

Floats = npt.NDArray[np.float64]

REACH = 0.5  # of the boxes and balls, about 0
STEPS = 12
STARTS, QUICK_STARTS = 200, 20
ORDERS = {"inf": np.inf, "1": 1, "2": 2}
MATRIX = np.array([[0.3, -0.2, 0.1], [0.1, 0.2, 0.4], [-0.3, 0.1, 0.2]])
SHIFT = np.array([0.1, -0.05, 0.02])
SMALLEST = 1e-12  # errors that rounding does not reach

Row = tuple[str, Callable[[Any], Any], tuple[int, ...], str]
ROWS: list[Row] = [
    ("number: (x^2 - 1)/3", lambda x: (x**2 - 1) / 3, (), "inf"),
    ("number: tanh(x)/2 + 1/9", lambda x: np.tanh(x) / 2 + 1 / 9, (), "inf"),
    *(
        (f"vector: tanh(W x) + b, {norm}", lambda x: np.tanh(MATRIX @ x) + SHIFT, (3,), norm)
        for norm in ("inf", "1", "2", "diagonal")
    ),
    *(
        (f"matrix: W X X^T/6 + W/9, {norm}", lambda X: MATRIX @ X @ X.T / 6 + MATRIX / 9, (3, 3), norm)
        for norm in ("inf", "1", "2")
    ),
]


def run(quick: bool) -> Result:
    """The largest share of each bound that an error takes, over random starts."""
    table: list[list[Any]] = [["map and norm", "K", "slope taken", "per step", "a priori", "a posteriori"]]
    table += [_shares(row, QUICK_STARTS if quick else STARTS) for row in ROWS]
    largest = max(max(row[3:]) for row in table[1:])
    return Result(
        verdict="reproduced" if largest <= 1.0 else "contradicted",
        sentence=(
            f"On boxes and balls about 0 all {len(ROWS)} maps are certified, of numbers, vectors and matrices, and no "
            f"error of {STEPS} steps from random starts passes a bound: the largest share is {largest:.4f}. Row sums "
            "are the condition of the source's Lemma A.5; column sums, the 2-norm and weights serve as well."
        ),
        table=table,
        artists=[],
    )


def _shares(row: Row, starts: int) -> list[Any]:
    name, f, shape, norm = row
    ones = np.ones(shape)
    ball = norm in ("1", "2")
    region = (
        {"center": 0 * ones, "radius": REACH} if ball else {"lower": -REACH * ones, "upper": REACH * ones}
    )
    found = rj.certify_contraction(f, **region, norm=norm)
    if not found.holds:
        raise RuntimeError(f"{name}: {found.reason}")
    target = found.fixed_point()[0]
    weights = found.weights if found.weights is not None else ones

    def length(x: Floats) -> float:
        return float(np.linalg.norm(np.ravel(x / weights), ORDERS.get(norm, np.inf)))

    shares = np.zeros(3)
    steepest = 0.0
    rng = np.random.default_rng(2)
    for _ in range(starts):
        xs = [_start(shape, norm, rng)]
        for _ in range(STEPS):
            xs.append(np.asarray(f(xs[-1])))
        errors = [length(x - target) for x in xs]
        other = _start(shape, norm, rng)
        steepest = max(steepest, length(f(xs[0]) - f(other)) / length(xs[0] - other))
        first = length(xs[1] - xs[0])
        for n in range(1, STEPS + 1):
            if errors[n] > SMALLEST:
                last = length(xs[n] - xs[n - 1])
                bounds = (
                    found.per_step_error(errors[n - 1]),
                    found.a_priori_error(n, first),
                    found.a_posteriori_error(last),
                )
                shares = np.maximum(shares, errors[n] / np.array(bounds))
    return [name, found.constant, steepest, *(float(share) for share in shares)]


def _start(shape: tuple[int, ...], norm: str, rng: np.random.Generator) -> Floats:
    """A point of the region, near its boundary as often as not."""
    x = rng.uniform(-REACH, REACH, shape)
    if norm in ("1", "2"):
        return x / np.linalg.norm(np.ravel(x), ORDERS[norm]) * REACH * rng.uniform(0.0, 1.0) ** 0.1
    return x


CASE = Case(
    name="B2",
    claim="Banach's theorem for numbers, vectors and matrices, with a priori, a posteriori and per-step bounds",
    run=run,
)
