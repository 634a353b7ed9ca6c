"""A7: the grid (7), the iteration (8) and the stop (9) as printed, beside labels that are proven."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import rmtjac as rj
from validation.case import Case, Result
from validation.depth_census import ensemble

Floats = npt.NDArray[np.float64]

DEPTHS = (2, 3, 5, 10, 20)
DRAWS, DEEP_DRAWS, QUICK_DRAWS = 20, 3, 1
SHOWN = 3  # depth of the picture
SAME = 1e-3
FIRST = 1  # seed of the first network, the one of the picture


def run(quick: bool) -> Result:
    """What becomes of the 1,681 starts by each rule, in means over networks."""
    header = ["quantity", *(f"L = {depth}" for depth in DEPTHS)]
    shares = [_mean_shares(depth, quick) for depth in DEPTHS]
    table: list[list[Any]] = [header, *([name, *(each[name] for each in shares)] for name in shares[0])]
    rest, right = (
        shares[2]["starts that do not stop"],
        [each["of them: to that very point"] for each in shares],
    )
    cycles = shares[2]["of them: on a cycle"]
    return Result(
        verdict="reproduced under a stated reading",
        sentence=(
            f"Where the scheme stops, its point is the attractor that the robust rule proves for a share of "
            f"{right[0]:.4g} (L = 2) to {right[3]:.4g} (L = 10) of the starts. But at L = 5 a share of {rest:.2g} of "
            f"all starts does not stop within 50 steps, {cycles:.2g} of which are on cycles: the partition that it "
            "gives is one of a part of the square only, and a list of points sees no cycle. As printed (8)-(9) have "
            "no test that a point is one: where L is 10 and more, slow approaches enter some lists (case A10)."
        ),
        table=table,
        artists=_picture(),
    )


def _mean_shares(depth: int, quick: bool) -> dict[str, Any]:
    draws = QUICK_DRAWS if quick else DRAWS if depth < 20 else DEEP_DRAWS
    ens = ensemble().with_depth(depth)
    step = 0.4 if quick and depth == 20 else 0.05
    each = [_shares(ens.sample(FIRST + k), step) for k in range(draws)]
    return {"networks": draws} | {name: _mean([shares[name] for shares in each]) for name in each[0]}


def _mean(values: list[float]) -> float:
    """Over the networks where there is a value."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _shares(net: rj.Network, step: float) -> dict[str, float]:
    """Starts by what the scheme does and what is proven; nan for a share of none."""
    paper, robust = rj.basins(net, step=step, rule="paper"), rj.basins(net, step=step)
    stops, periods = paper.labels > 0, _period_of(robust)
    near = np.linalg.norm(_point_of(paper) - _point_of(robust), axis=-1) < SAME
    return {
        "Q of the scheme": len(paper.attractors),
        "attracting points": int((robust.periods == 1).sum()),
        "attracting cycles": int((robust.periods > 1).sum()),
        "starts that stop": float(stops.mean()),
        "of them: to that very point": _share(near & (periods == 1), stops),
        "starts that do not stop": float((~stops).mean()),
        "of them: on a cycle": _share(periods > 1, ~stops),
        "of them: slowly to a point": _share(periods == 1, ~stops),
        "of them: to none that is known": _share(periods == 0, ~stops),
    }


def _share(what: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_]) -> float:
    return float(what[among].mean()) if among.any() else float("nan")


def _period_of(found: rj.Basins) -> npt.NDArray[np.int64]:
    """Period of the attractor of each start, 0 for none."""
    return np.append(found.periods, 0)[np.where(found.labels > 0, found.labels - 1, -1)]


def _point_of(found: rj.Basins) -> Floats:
    """First point of the attractor of each start, nan for none."""
    points = [attractor.points[0] for attractor in found.attractors]
    return np.array([*points, [np.nan, np.nan]])[np.where(found.labels > 0, found.labels - 1, -1)]


def _picture() -> list[Any]:
    """The first network of the depth with several attracting points, as Fig. 2 draws it."""
    ens = ensemble().with_depth(SHOWN)
    for seed in range(FIRST, FIRST + 100):
        found = rj.basins(ens.sample(seed))
        if (found.periods == 1).sum() >= 2:
            return found.plot()
    return []


CASE = Case(
    name="A7",
    claim="The grid (7), iteration (8) and stop (9) give the list of fixed points and their basins",
    run=run,
)
