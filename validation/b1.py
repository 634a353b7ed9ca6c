"""B1: the looped network, one layer over and over; Theorem 4.1's regions stay regions at every depth."""

from __future__ import annotations

from typing import Any

import numpy as np

import rmtjac as rj
from rmtjac.plotting import BLACK, BLUE, GREEN, ORANGE, new_axes
from validation.case import Case, Result

DEPTHS = (1, 2, 3, 5, 10, 20, 50)
LAYERS = (("cubic", 2, 300.0), ("exp_cubic", 2, 2_000.0), ("quintic", 2, 5_000.0))
STARTS, QUICK_STARTS = 200, 20


def run(quick: bool) -> Result:
    """Largest distance from the fixed point after L layers beside K^L times that of the start, over all regions."""
    starts = QUICK_STARTS if quick else STARTS
    table: list[list[Any]] = [
        ["activation", "regions", "depth", "moved points", "distance", "K^L |x_0 - x*|", "kept"]
    ]
    ax, artists, holds = new_axes(), [], True
    for (name, d, m), colour in zip(LAYERS, (BLUE, ORANGE, GREEN), strict=True):
        W, b = rj.sample_looped_layer(d, m, rng=1)
        found = rj.certify_looped_regions(W, b, name)
        x = np.random.default_rng(2).uniform(found.lower, found.upper, (starts, *found.lower.shape))
        first = np.abs(x - found.points).max(axis=2)
        distances = []
        for depth in DEPTHS:
            net = rj.looped(W, b, name, depth)
            y = net(x)
            moved = float(np.abs(net(found.points) - found.points).max())
            gap = np.abs(y - found.points).max(axis=2)
            # of the start whose bound is largest
            bounds = found.constants**depth * first + found.errors
            kept = bool(((y >= found.lower) & (y <= found.upper)).all() and (gap <= bounds + 1e-13).all())
            holds = holds and kept and moved <= 1e-12 and found.count == len(found.points)
            distances.append(float(gap.max()))
            table.append([name, found.count, depth, moved, distances[-1], float(bounds.max()), kept])
        shown = np.where(np.array(distances) > 1e-15, distances, np.nan)
        artists += ax.plot(DEPTHS, shown, marker="o", color=colour, label=f"{name}, {found.count} regions")
    bounds = [row[5] for row in table if row[0] == "cubic"]
    artists += ax.plot(DEPTHS, bounds, color=BLACK, ls="--", label="bound, cubic")
    ax.set(xlabel="depth L", ylabel="largest distance from the fixed point", yscale="log")
    ax.legend(edgecolor="none", fontsize="small")
    return Result(
        verdict="reproduced" if holds else "contradicted",
        sentence=(
            "What one layer fixes, every depth fixes; every region of the layer is mapped into itself at every depth, "
            "and the distance from its fixed point falls at least as K^L (Theorem 4.1), in fact far faster: next to a "
            "superattracting point the map contracts much more than on the edge of the region."
        ),
        table=table,
        artists=artists,
    )


CASE = Case(
    name="B1",
    claim="the L-layer looped network has the layer's fixed points, each reached from its region (Def. 3.5, Thm. 4.1)",
    run=run,
)
