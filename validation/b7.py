"""B7: Theorem A.7 with its success and its two failures, and Lemma A.8 on quadratics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import rmtjac as rj
from rmtjac.plotting import BLACK, BLUE, ORANGE, VERMILION, new_axes
from validation.case import Case, Result

EXAMPLES: list[tuple[str, Callable[[Any], Any], float, float, str, str]] = [
    ("(x^2 - 1)/3", lambda x: (x**2 - 1) / 3, -1.0, 1.0, "success", "yes/yes"),
    ("(x^2 - 1)/3", lambda x: (x**2 - 1) / 3, 3.0, 4.0, "failure: not a self-map", "no/no"),
    ("3^-x", lambda x: 3.0**-x, 0.0, 1.0, "failure: a point exists, uniqueness not shown", "yes/no"),
]
QUADRATICS, QUICK_QUADRATICS = 100, 10


def run(quick: bool) -> Result:
    """What is certified, and the reason where nothing is."""
    table: list[list[Any]] = [["map", "X", "source", "self-map/contraction", "K or reason"]]
    right = []
    for name, f, low, high, source, due in EXAMPLES:
        found = rj.certify_contraction(f, low, high)
        answers = "/".join("yes" if answer else "no" for answer in (found.self_map, found.constant < 1.0))
        right.append(answers == due and (found.holds or found.refuted))
        table.append([name, f"[{low:g}, {high:g}]", source, answers, found.reason or f"{found.constant:.9g}"])
    count = QUICK_QUADRATICS if quick else QUADRATICS
    most = max(_certified_points(seed) for seed in range(count))
    table.append(
        ["a x^2 + b x + c", "about both points", "at most one attracts", f"at most {most}", f"{count} maps"]
    )
    return Result(
        verdict="reproduced" if all(right) and most == 1 else "contradicted",
        sentence=(
            "The first is certified, the others are refused for the source's reasons, each with a point that refutes: "
            "both conditions fail on [3, 4], only the slope (ln 3 at x = 0) for 3^-x, whose self-map is proven. Of "
            f"{count} random quadratics with two fixed points none has two certified ones (slopes at them sum to 2)."
        ),
        table=table,
        artists=_drawn(),
    )


def _certified_points(seed: int) -> int:
    """How many of the two fixed points of a random quadratic have a certified region."""
    rng = np.random.default_rng(seed)
    while True:
        a, b, c = rng.uniform(-2.0, 2.0, 3)
        roots = np.roots([a, b - 1.0, c])
        if not np.iscomplexobj(roots):
            found = rj.contraction_regions(lambda x: a * x**2 + b * x + c, points=np.sort(roots), parts=16)  # noqa: B023
            return len(found.regions)


def _drawn() -> list[Any]:
    """The three maps over their intervals, and the diagonal; squares are X x X."""
    ax, artists = new_axes(), []
    for (name, f, low, high, _, _), colour in zip(EXAMPLES, (BLUE, VERMILION, ORANGE), strict=True):
        x = np.linspace(low, high, 200)
        artists += ax.plot(x, f(x), color=colour, lw=1.6, label=f"{name} on [{low:g}, {high:g}]")
        corners = np.array([[low, low], [high, low], [high, high], [low, high], [low, low]])
        artists += ax.plot(*corners.T, color=colour, lw=0.8, ls=":")
    artists += ax.plot([-1.0, 4.0], [-1.0, 4.0], color=BLACK, lw=0.8, ls="--", label="y = x")
    ax.set(xlabel="x", ylabel="f(x)", aspect="equal")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return artists


CASE = Case(
    name="B7",
    claim="Theorem A.7 certifies (x^2-1)/3 on [-1,1], not on [3,4], and not 3^-x on [0,1]; Lemma A.8 on quadratics",
    run=run,
)
