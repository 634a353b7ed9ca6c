"""A10: Fig. 3 and Proposition 2: Q(100, L) rises with depth, then falls to 1, for Cauchy weights.

Both readings of the widths: 2-100-...-100-2, as in the numerical part, and all widths 100, as in Proposition 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

import rmtjac as rj
from validation.case import Case, Result
from validation.depth_census import DEPTHS, WIDTH, counts_at, mean_and_error, shown

Floats = npt.NDArray[np.float64]

# a small study of the project before this one, 120 draws a depth, by depth: stable points, all attractors
SMALL_POINTS = (0.89, 0.82, 0.69, 0.68, 0.62, 0.49, 0.42, 0.29, 0.23)
SMALL_ATTRACTORS = (1.34, 1.57, 1.38, 1.60, 1.67, 1.73, 1.80, 1.52, 1.32)
EQUAL_DEPTHS = (1, 2, 3, 5, 10, 20)
EQUAL_DRAWS, QUICK_EQUAL_DRAWS, STARTS, QUICK_STARTS, SEED = 25, 2, 10, 3, 1000
COLOURS = {
    "scheme (7)-(9)": "#0072B2",
    "points and cycles": "#D55E00",
    "attractors, others as one": "#000000",
    "points that starts reach": "#56B4E9",
}


def run(quick: bool) -> Result:
    """Mean of Q at each depth in every reading, with standard errors over networks."""
    found = {depth: counts_at(depth, quick) for depth in DEPTHS}
    readings = {depth: counts.readings() for depth, counts in found.items()}
    table: list[list[Any]] = [["reading", *(f"L = {depth}" for depth in DEPTHS)]]
    table.append(["networks", *(counts.robust.counts.size for counts in found.values())])
    for name in readings[2]:
        table.append([name, *(shown(each[name]) if name in each else "-" for each in readings.values())])
        table += _earlier(name)
    table.append(["networks with others", *(float(counts.others.mean()) for counts in found.values())])
    table.append(
        ["half the step finds more", *(shown(counts.found_by_finer_grid) for counts in found.values())]
    )
    every = [counts.every.complete.mean() if counts.every else "-" for counts in found.values()]
    table.append(["enumerations complete", *every])
    equal = [_equal_widths(depth, quick) for depth in EQUAL_DEPTHS]
    rest = [""] * (len(DEPTHS) - len(EQUAL_DEPTHS))
    table.append(["all widths 100", *(f"L = {depth}" for depth in EQUAL_DEPTHS), *rest])
    table += [[name, *(each[name] for each in equal), *rest] for name in equal[0]]
    return Result(
        verdict="reproduced under a stated reading" if _rises(readings) else "contradicted",
        sentence=_sentence(readings, equal),
        table=table,
        artists=_picture(readings),
    )


def _earlier(name: str) -> list[list[Any]]:
    """The numbers of the small study for the reading."""
    rows = {"points that starts reach": SMALL_POINTS, "attractors, others as one": SMALL_ATTRACTORS}
    return [["  small study", *rows[name]]] if name in rows else []


def _curve(readings: dict[int, dict[str, Floats]], name: str) -> list[tuple[float, float]]:
    return [mean_and_error(each[name]) for each in readings.values()]


def _rises(readings: dict[int, dict[str, Floats]]) -> bool:
    """Whether the attractors, with cycles and others, have their largest mean inside of the depths by 2 errors."""
    curve = _curve(readings, "attractors, others as one")
    top = max(curve)
    return all(top[0] - mean > 2.0 * np.hypot(top[1], error) for mean, error in (curve[0], curve[-1]))


def _sentence(readings: dict[int, dict[str, Floats]], equal: list[dict[str, Any]]) -> str:
    points, attractors, scheme, both = (
        _curve(readings, name)
        for name in (
            "points that starts reach",
            "attractors, others as one",
            "scheme (7)-(9)",
            "points and cycles",
        )
    )
    top = int(np.argmax([mean for mean, _ in attractors]))
    return (
        f"The number of attracting points does not rise: {_text(points[0])} at L = 2, {_text(points[3])} at L = 5, "
        f"{_text(points[6])} at L = 10, {_text(points[-1])} at L = 30, nor does the scheme's ({_text(scheme[0])}, "
        f"{_text(scheme[3])}, {_text(scheme[6])}, {_text(scheme[-1])}). If Q counts attractors (points, cycles, and "
        f"whatever else keeps starts, as one), it rises from {_text(attractors[0])} to {_text(attractors[top])} at "
        f"L = {DEPTHS[top]} and falls to {_text(attractors[-1])} at L = 30, mostly through networks with no "
        f"attractor but an unresolved one (points and cycles alone: {_text(both[-1])}). With all widths {WIDTH}, as "
        f"Proposition 2 has it, {equal[3]['unresolved starts']:.2g} of the starts reach no point and no cycle at "
        f"L = 5, and the mean number of attracting points is {equal[3]['attracting points']}."
    )


def _text(value: tuple[float, float]) -> str:
    return f"{value[0]:.2f} +- {value[1]:.2g}"


def _equal_widths(depth: int, quick: bool) -> dict[str, Any]:
    """Attractors that random starts of the cube reach where all widths are equal."""
    draws, count = (QUICK_EQUAL_DRAWS, QUICK_STARTS) if quick else (EQUAL_DRAWS, STARTS)
    ens = rj.Ensemble(
        depth=depth, width=WIDTH, activation="hard_tanh", weights="cauchy", sigma_b="as_weights"
    )
    starts = np.random.default_rng(SEED).uniform(-1.0, 1.0, (draws, count, WIDTH))
    found = [rj.basins(ens.sample(SEED + k), starts=each) for k, each in enumerate(starts)]
    return {
        "networks": draws,
        "attracting points": shown([(each.periods == 1).sum() for each in found]),
        "cycles": shown([(each.periods > 1).sum() for each in found]),
        "unresolved starts": float(np.mean([each.unresolved for each in found])),
    }


def _picture(readings: dict[int, dict[str, Floats]]) -> list[Any]:
    """Means with bands of two standard errors, as Fig. 3 draws Q against L."""
    ax = Figure(figsize=(6.4, 4.2), layout="constrained").subplots()
    artists: list[Any] = []
    for name, colour in COLOURS.items():
        mean, error = np.array(_curve(readings, name)).T
        artists.append(
            ax.fill_between(DEPTHS, mean - 2 * error, mean + 2 * error, color=colour, alpha=0.2, lw=0)
        )
        artists += ax.plot(DEPTHS, mean, "o-", ms=4, color=colour, label=name)
    ax.set(
        xscale="log",
        xticks=DEPTHS,
        xlabel="depth L",
        ylabel="mean Q (bands: 2 standard errors)",
        ylim=(0, None),
    )
    ax.set_xticks([], minor=True)
    ax.set_xticklabels([str(depth) for depth in DEPTHS])
    ax.legend(frameon=False)
    return artists


CASE = Case(
    name="A10",
    claim="Fig. 3, Proposition 2: Q(100, L) rises with depth and then falls to 1 (Cauchy weights)",
    run=run,
)
