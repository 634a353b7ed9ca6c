"""Rows of the table of basins and the census: the source's scheme to the letter, and the time of counting by it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

import rmtjac as rj
from tests.naive.basins import paper_basins, paper_grid
from validation.targets.enumeration import drawn
from validation.targets.table import Figure, at_least, at_most

DEPTH, DRAWS, SEED = 10, 200, 1
LABELLED, LABEL_DEPTHS = 20, (2, 3, 5, 10)


def labels() -> Sequence[Figure]:
    """Labels of rule="paper" against the literal scheme, 20 draws at each of four depths."""
    grid = paper_grid()
    figures: list[Figure] = []
    for depth in LABEL_DEPTHS:
        different = lists = 0
        for seed in range(LABELLED):
            net = drawn(depth)(seed)
            found, (literal, points) = rj.basins(net, rule="paper"), paper_basins(net, grid)
            different += int((found.labels != literal).sum())
            lists += len(found.attractors) != len(points)
        figures.append(at_most(f"depth {depth}: labels that differ", float(different), 0.0))
        figures.append(at_most(f"depth {depth}: lists of another length", float(lists), 0.0))
    return figures


def census() -> Sequence[Figure]:
    """Depth 10, width 100, 200 draws, rule="paper": time and counts against a NumPy loop over all grid points."""
    ens = rj.Ensemble.self_map(2, 100, DEPTH, activation="hard_tanh", weights="cauchy", sigma_b="as_weights")
    grid = paper_grid()
    rj.fixed_point_census(ens, [DEPTH], 2, SEED, rule="paper")  # compiles
    start = time.perf_counter()
    ours = rj.fixed_point_census(ens, [DEPTH], DRAWS, SEED, rule="paper")
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    counts = [len(paper_basins(net, grid)[1]) for net in map(network_of(ens), range(DRAWS))]
    loop = time.perf_counter() - start
    return [
        at_least("times as fast as the loop", loop / seconds, 30.0),
        at_most("draws of another count", float((ours.counts[0] != np.array(counts)).sum()), 0.0),
        at_most("seconds a draw, ours", seconds / DRAWS, np.inf),
        at_most("seconds a draw, loop", loop / DRAWS, np.inf),
    ]


def network_of(ens: rj.Ensemble):
    """Replicate k of the census at the ensemble's depth."""
    from rmtjac.linkage.census_task import FIRST_TASK
    from rmtjac.model.streams import Streams

    return lambda k: ens.network(Streams(SEED, FIRST_TASK + ens.depth, k))
