"""Rows of the table of basins and census: the source's scheme by a loop over all grid points, beside the package."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

import rmtjac as rj
from rmtjac.linkage.census_task import FIRST_TASK
from rmtjac.model.streams import Streams
from rmtjac.runs.blas import single_threaded_blas
from validation.targets.enumeration import WIDTH, drawn
from validation.targets.table import Figure, at_least, at_most

Floats = NDArray[np.float64]
Map = Callable[[Floats], Floats]

EPS, N0 = 1e-5, 50
DEPTH, DRAWS, SEED = 10, 200, 1
LABEL_DEPTHS, LABEL_DRAWS = (2, 3, 5), 20
FASTER, ORDERS = 30.0, 5

Result = TypeVar("Result")


def literal_labels(phi: Map) -> NDArray[np.int64]:
    """Labels of the 41 x 41 grid by (7)-(9) of the source, all points at once; points within 10 eps are one."""
    side = -1.0 + 0.05 * np.arange(41)
    x = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    ends, is_open = np.full(x.shape, np.nan), np.ones(len(x), dtype=np.bool_)
    for _ in range(1, N0):
        image = phi(x)
        stops = is_open & (np.linalg.norm(image - x, axis=1) < EPS)
        ends[stops], is_open = x[stops], is_open & ~stops
        if not is_open.any():
            break
        x = image
    labels, count = np.full(len(x), -1), 0
    for i in range(len(x)):
        if labels[i] < 0 and not is_open[i]:
            count += 1
            with np.errstate(invalid="ignore"):
                labels[(labels < 0) & (np.linalg.norm(ends - ends[i], axis=1) < 10.0 * EPS)] = count
    return labels


def other_order(net: rj.Network, seed: int) -> Map:
    """The same map, its sums taken in another order: what changes with that is rounding."""
    generator = np.random.default_rng(seed)
    orders = [generator.permutation(n) for n in net.widths[:-1]]
    weights = [w[:, order].T.copy() for w, order in zip(net.weights, orders, strict=True)]

    def phi(x: Floats) -> Floats:
        for w, b, order, activation in zip(weights, net.biases, orders, net.activations, strict=True):
            x = activation.value(x[:, order] @ w + b)
        return x

    return phi


def literal_count(phi: Map) -> int:
    """Length of the source's list."""
    return max(int(literal_labels(phi).max()), 0)


def basin_labels() -> Sequence[Figure]:
    """rule="paper" against the literal scheme, labels of 1681 starts, 20 draws each of depth 2, 3, 5."""
    figures: list[Figure] = []
    for depth in LABEL_DEPTHS:
        different = stopped = 0
        for seed in range(LABEL_DRAWS):
            net = drawn(depth)(seed)
            theirs = literal_labels(net)
            ours = rj.basins(net, rule="paper").labels.ravel()
            stopped += int((theirs > 0).sum())
            different += int((ours != theirs)[theirs > 0].sum())
        figures.append(at_least(f"depth {depth}: starts that stop", float(stopped), 1.0))
        figures.append(at_most(f"depth {depth}: of them with another label", float(different), 0.0))
    return figures


def census_speed() -> Sequence[Figure]:
    """Census of depth 10, width 100, 200 draws, rule="paper": time and counts against the loop."""
    ens = rj.Ensemble.self_map(
        2, WIDTH, DEPTH, activation="hard_tanh", weights="cauchy", sigma_b="as_weights"
    )
    rj.fixed_point_census(ens, [DEPTH], 1, 0, rule="paper")  # compiles
    wall, busy, found = {}, {}, {}
    for workers in (1, 2):
        wall[workers], busy[workers], found[workers] = _clocked(
            lambda workers=workers: rj.fixed_point_census(
                ens, [DEPTH], DRAWS, SEED, rule="paper", workers=workers
            )
        )
    with single_threaded_blas():
        loop, loop_busy, counts = _clocked(lambda: [literal_count(_network(ens, k)) for k in range(DRAWS)])
    differ = np.flatnonzero(found[1].counts[0] != counts)
    # trajectories in chaos that pass an unstable point: the loop itself counts otherwise when it adds otherwise
    settled = [
        k
        for k in differ
        if all(literal_count(other_order(_network(ens, k), seed)) == counts[k] for seed in range(ORDERS))
    ]
    return [
        *(at_most(f"milliseconds a draw, {w} worker(s)", 1e3 * wall[w] / DRAWS, np.inf) for w in (1, 2)),
        at_most("milliseconds a draw, the loop", 1e3 * loop / DRAWS, np.inf),
        *(at_least(f"times faster, {w} worker(s)", loop / wall[w], FASTER) for w in (1, 2)),
        at_least("times less processor time", loop_busy / busy[1], FASTER),
        at_most("draws with another count", float(len(differ)), 0.0),
        at_most(f"of them the loop counts alike in {ORDERS} other orders of sums", float(len(settled)), 0.0),
    ]


def _clocked(call: Callable[[], Result]) -> tuple[float, float, Result]:
    """Seconds, seconds of processor time, and the result."""
    start, busy = time.perf_counter(), time.process_time()
    result = call()
    return time.perf_counter() - start, time.process_time() - busy, result


def _network(ens: rj.Ensemble, k: int) -> rj.Network:
    return ens.network(Streams(SEED, FIRST_TASK + DEPTH, k))
