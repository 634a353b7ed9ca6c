"""Rows of the table of fixed points: complete enumeration, its time, and brute force beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import count, islice

import numpy as np

import rmtjac as rj
from validation.brute_force import fixed_points
from validation.targets.table import Figure, at_least, at_most

DRAWS = 100
WIDTH = 100
SHALLOW = {2: 2e-3, 5: 50e-3}  # mean seconds by depth
DEEP = {8: (0.90, 5.0), 10: (0.75, 20.0)}  # share complete within seconds
MAX_BOXES = 250_000  # some 20 s at depth 10
SMOOTH, SMOOTH_DEPTHS, AT_LEAST_THREE = ("tanh", "erf"), (2, 3, 5), 30
GRID, BRUTE_DRAWS, BRUTE_DEPTHS = 2000, 20, (3, 5)


def drawn(depth: int, activation: str = "hard_tanh") -> Callable[[int], rj.Network]:
    """Networks by seed: Cauchy weights and biases of scale 1/n, widths 2-100-...-100-2."""
    ens = rj.Ensemble.self_map(2, WIDTH, depth, activation=activation, weights="cauchy", sigma_b="as_weights")
    return ens.sample


def timed(net: rj.Network, max_boxes: int = MAX_BOXES) -> tuple[rj.FixedPoints, float]:
    """The fixed points, and the seconds they took."""
    start = time.perf_counter()
    found = rj.find_fixed_points(net, max_boxes=max_boxes)
    return found, time.perf_counter() - start


def shallow() -> Sequence[Figure]:
    """Depth 2 and 5, 100 draws each: all complete, index sum 1, mean time."""
    figures: list[Figure] = []
    for depth, limit in SHALLOW.items():
        nets = [drawn(depth)(seed) for seed in range(DRAWS)]
        timed(nets[0])
        found = [timed(net) for net in nets]
        figures += _completeness(f"depth {depth}", [f for f, _ in found])
        figures.append(at_most(f"depth {depth}: mean seconds", float(np.mean([t for _, t in found])), limit))
    return figures


def deep() -> Sequence[Figure]:
    """Depth 8 and 10, 100 draws each: the share that is complete in time."""
    figures: list[Figure] = []
    for depth, (share, seconds) in DEEP.items():
        found = [timed(drawn(depth)(seed)) for seed in range(DRAWS)]
        times = np.array([t if f.complete else np.inf for f, t in found])
        figures.append(
            at_least(
                f"depth {depth}: share complete within {seconds:g} s", float(np.mean(times <= seconds)), share
            )
        )
        complete = [f for f, _ in found if f.complete]
        figures.append(
            at_least(
                f"depth {depth}: of those index sum 1",
                float(np.mean([f.index_sum == 1 for f in complete])),
                1.0,
            )
        )
        figures.append(at_most(f"depth {depth}: median seconds", float(np.median(times)), seconds))
        figures.append(at_most(f"depth {depth}: slowest seconds", float(max(t for _, t in found)), np.inf))
        points = float(np.mean([len(f.points) for f in complete]))
        figures.append(at_least(f"depth {depth}: mean number of points", points, 1.0))
    return figures


def brute_force() -> Sequence[Figure]:
    """Newton's method from 4 million starts, 20 draws of at least three points, depth 3 and 5 each."""
    figures: list[Figure] = []
    for depth in BRUTE_DEPTHS:
        nets = (drawn(depth)(seed) for seed in count())
        found = ((net, rj.find_fixed_points(net)) for net in nets)
        missed = invented = points = 0
        for net, ours in islice((pair for pair in found if len(pair[1].points) >= 3), BRUTE_DRAWS):
            theirs = fixed_points(net, count=GRID)
            distance = np.abs(ours.points[:, None] - theirs[None]).max(axis=2)
            missed += int((distance.min(axis=0) > 1e-7).sum())
            # a point that no start leads to is no invention if it is one
            gap = np.abs(net(ours.points) - ours.points).max(axis=1)
            invented += int(((distance.min(axis=1) > 1e-7) & (gap > 1e-9)).sum())
            points += len(theirs)
        figures.append(at_least(f"depth {depth}: points by brute force", float(points), 3.0 * BRUTE_DRAWS))
        figures.append(at_most(f"depth {depth}: points missed", float(missed), 0.0))
        figures.append(at_most(f"depth {depth}: points invented", float(invented), 0.0))
    return figures


def smooth() -> Sequence[Figure]:
    """tanh and erf, depth 2, 3 and 5, 100 draws each, of which 30 with three points or more."""
    figures: list[Figure] = []
    for activation in SMOOTH:
        for depth in SMOOTH_DEPTHS:
            found = [timed(drawn(depth, activation)(seed)) for seed in range(DRAWS)]
            many = sum(len(f.points) >= 3 for f, _ in found)
            for seed in count(DRAWS):
                if many >= AT_LEAST_THREE:
                    break
                pair = timed(drawn(depth, activation)(seed))
                if len(pair[0].points) >= 3:
                    found.append(pair)
                    many += 1
            name = f"{activation}, depth {depth}"
            figures += _completeness(name, [f for f, _ in found])
            figures.append(at_least(f"{name}: draws with three or more", float(many), AT_LEAST_THREE))
            figures.append(at_most(f"{name}: mean seconds", float(np.mean([t for _, t in found])), np.inf))
    return figures


def _completeness(name: str, found: list[rj.FixedPoints]) -> list[Figure]:
    return [
        at_least(f"{name}: share complete", float(np.mean([f.complete for f in found])), 1.0),
        at_least(f"{name}: share certified", float(np.mean([f.certified.all() for f in found])), 1.0),
        at_least(f"{name}: share of index sum 1", float(np.mean([f.index_sum == 1 for f in found])), 1.0),
    ]
