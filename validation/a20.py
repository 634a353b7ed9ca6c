"""A20: "each fixed point is an interior point of its basin": small circles around every fixed point."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import rmtjac as rj
from validation.case import Case, Result
from validation.depth_census import MAX_BOXES, ensemble

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

DEPTHS = (2, 3, 5)
DRAWS, QUICK_DRAWS, FIRST = 200, 12, 2000
RADII = (0.05, 1e-2, 1e-3, 1e-4, 1e-6)
AROUND = 16
SAME = 1e-6


def run(quick: bool) -> Result:
    """Shares of stable and of unstable points whose small circles are drawn to the point."""
    draws = QUICK_DRAWS if quick else DRAWS
    found = {depth: _circles(depth, draws) for depth in DEPTHS}
    table: list[list[Any]] = [["quantity", *(f"L = {depth}" for depth in DEPTHS)]]
    table.append(["networks", *(draws for _ in DEPTHS)])
    for kind in ("stable", "unstable"):
        table.append([f"{kind} points", *(len(found[depth][kind]) for depth in DEPTHS)])
        for place, radius in enumerate(RADII):
            row = [_share(found[depth][kind], place) for depth in DEPTHS]
            table.append([f"  circle of radius {radius:g}: all to the point", *row])
    stable, unstable = (np.concatenate([found[d][kind] for d in DEPTHS]) for kind in ("stable", "unstable"))
    return Result(
        verdict="reproduced under a stated reading" if stable[:, -1].all() else "contradicted",
        sentence=(
            f"It holds for stable points: the circles of radius {RADII[-1]:g} are drawn to the point for "
            f"{int(stable[:, -1].sum())} of {len(stable)}, those of radius {RADII[0]:g}, a step of the grid, for "
            f"{stable[:, 0].mean():.2g}: a grid does not see every basin's width. It does not hold for every fixed "
            f"point: of {len(unstable)} unstable ones in the same networks "
            f"{int(unstable[:, -1].sum())} have such a circle, so that they are in the interior of no basin; forward "
            "iteration never lists them."
        ),
        table=table,
        artists=[],
    )


def _circles(depth: int, draws: int) -> dict[str, Flags]:
    """For the points of each kind: whether all of the circle of each radius is drawn to the point, (k, radii)."""
    ens = ensemble().with_depth(depth)
    rows: dict[str, list[Flags]] = {"stable": [], "unstable": []}
    for k in range(draws):
        net = ens.sample(FIRST + k)
        found = rj.find_fixed_points(net, max_boxes=MAX_BOXES)
        for kind, kept in rows.items():
            points = found.points[[each == kind for each in found.stability]]
            kept.extend(_drawn(net, points))
    return {kind: np.array(kept, dtype=bool).reshape(-1, len(RADII)) for kind, kept in rows.items()}


def _drawn(net: rj.Network, points: Floats) -> list[Flags]:
    if len(points) == 0:
        return []
    angles = 2.0 * np.pi * (np.arange(AROUND) + 0.5) / AROUND
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    starts = points[:, None, None] + np.array(RADII)[:, None, None] * circle
    reached = rj.basins(net, starts=starts.reshape(len(points), -1, 2))
    ends = np.array(
        [a.points[0] if a.period == 1 else [np.nan] * 2 for a in reached.attractors] + [[np.nan] * 2]
    )
    limits = ends[np.where(reached.labels > 0, reached.labels - 1, -1)]
    near = np.linalg.norm(limits - points[:, None], axis=-1) < SAME
    return list(near.reshape(len(points), len(RADII), AROUND).all(axis=2))


def _share(flags: Flags, place: int) -> float:
    return float(flags[:, place].mean()) if len(flags) else float("nan")


CASE = Case(
    name="A20",
    claim="Proposition 2: each fixed point is an interior point of its basin of attraction",
    run=run,
)
