"""A19: the source's open question: do Q and the basins become non-random as the width grows?"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

import rmtjac as rj
from validation.case import Case, Result
from validation.depth_census import ensemble, mean_and_error

Labels = npt.NDArray[np.int64]

DEPTH = 3
WIDTHS, QUICK_WIDTHS = (25, 50, 100, 200, 400, 800), (25, 100)
DRAWS, QUICK_DRAWS = {25: 400, 50: 400, 100: 400, 200: 200, 400: 100, 800: 40}, 12
STEP, FIRST = 0.1, 19_000


def run(quick: bool) -> Result:
    """Mean and variance of Q, its distribution, and how far the labels of two independent networks differ, by width."""
    widths = QUICK_WIDTHS if quick else WIDTHS
    columns = [_column(width, QUICK_DRAWS if quick else DRAWS[width]) for width in widths]
    table: list[list[Any]] = [["quantity", *(f"width {width}" for width in widths)]]
    table += [[name, *(column[name] for column in columns)] for name in columns[0]]
    first, last = columns[0], columns[-1]
    return Result(
        verdict="contradicted",
        sentence=(
            f"Not for Cauchy weights and two inputs: the variance of the number of points and cycles is "
            f"{first['variance of points and cycles']:.2g} at width {widths[0]} and "
            f"{last['variance of points and cycles']:.2g} at {widths[-1]}, and the labels of two independent networks, "
            f"matched as well as they can be, differ on shares of {first['labels that differ']:.2g} and "
            f"{last['labels that differ']:.2g} of the square, the sets where starts reach no point on "
            f"{first['pointless sets that differ']:.2g} and {last['pointless sets that differ']:.2g}. The two rows of "
            "the last layer and the two columns of the first stay random at any width."
        ),
        table=table,
        artists=[],
    )


def _column(width: int, draws: int) -> dict[str, Any]:
    ens = ensemble(width).with_depth(DEPTH)
    found = [rj.basins(ens.sample(FIRST + k), step=STEP) for k in range(draws)]
    points = np.array([(each.periods == 1).sum() for each in found])
    counts = np.array([len(each.attractors) for each in found])
    pairs = list(pairwise(found))[::2]
    apart = [disagreement(a.labels, b.labels) for a, b in pairs]
    pointless = [float(np.mean(_has_point(a) != _has_point(b))) for a, b in pairs]
    return {
        "networks": draws,
        "mean of points": mean_and_error(points)[0],
        "variance of points": float(points.var(ddof=1)),
        "mean of points and cycles": mean_and_error(counts)[0],
        "its standard error": mean_and_error(counts)[1],
        "variance of points and cycles": float(counts.var(ddof=1)),
        "its standard error (jackknife)": _error_of_variance(counts),
        "P(Q = 1)": float((counts == 1).mean()),
        "labels that differ": mean_and_error(apart)[0],
        "labels: standard error": mean_and_error(apart)[1],
        "pointless sets that differ": mean_and_error(pointless)[0],
    }


def disagreement(first: Labels, second: Labels) -> float:
    """The share of starts with other labels under the best matching of them; unresolved is one more label."""
    a, b = np.maximum(first, 0).ravel(), np.maximum(second, 0).ravel()
    together = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(together, (a, b), 1.0)
    rows, columns = linear_sum_assignment(-together)
    return float(1.0 - together[rows, columns].sum() / a.size)


def _has_point(found: rj.Basins) -> npt.NDArray[np.bool_]:
    """Whether a start reaches an attracting point."""
    is_point = np.append(found.periods == 1, False)
    return np.asarray(is_point[np.where(found.labels > 0, found.labels - 1, -1)])


def _error_of_variance(values: npt.NDArray[Any]) -> float:
    n = len(values)
    left_out = np.array([np.delete(values, k).var(ddof=1) for k in range(n)])
    return float(np.sqrt((n - 1) * left_out.var()))


CASE = Case(
    name="A19",
    claim="As the width grows Q and the basins may become non-random (an open question of the source)",
    run=run,
)
