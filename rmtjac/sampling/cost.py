"""What a sample costs: memory by counting arrays, time by a small copy of the network."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor

from rmtjac.model.checks import checked_integer
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.streams import Streams
from rmtjac.model.weights import BLOCK_ROWS
from rmtjac.runs.blas import single_threaded_blas
from rmtjac.runs.runner import default_workers
from rmtjac.sampling.replicate import ReplicateTask

__all__ = ["busy_workers", "memory_estimate", "time_estimate"]

MEASURED_WIDTH = 400
MEASURED_DEPTH = 20


def memory_estimate(ens: Ensemble, workers: int | None = None, replicates: int = 1) -> int:
    """Bytes that `sample_spectrum` takes at its height, above what the interpreter holds: an upper estimate.

    Each worker holds up to four matrices of the size of the largest W^l (drawn, its active block, those
    of orthogonalising), three of the size of the largest product, and what drawing one block of rows takes; the graded
    form of relative accuracy fits into that too.
    """
    workers = default_workers() if workers is None else checked_integer("workers", workers, 1)
    largest = max(n_in * n_out for n_in, n_out in zip(ens.widths[:-1], ens.widths[1:], strict=True))
    product = max(ens.widths[1:]) * ens.widths[0]
    drawing = 8 * min(BLOCK_ROWS, max(ens.widths[1:])) * max(ens.widths[:-1])
    results = replicates * (ens.widths[-1] + 2 * ens.depth)
    return 8 * (workers * (4 * largest + 3 * product + drawing) + 2 * results)


def busy_workers(workers: int | None, executor: Executor | None, replicates: int) -> int:
    """How many replicates are in memory at once; of a caller's executor one at least is known."""
    threads = default_workers() if workers is None else checked_integer("workers", workers, 1)
    return 1 if executor is not None else min(threads, replicates)


def time_estimate(ens: Ensemble, accuracy: str, workers: int, replicates: int) -> float:
    """Seconds that `sample_spectrum` takes on this machine as it is now, to a factor of about 2.

    A copy of at most 400 units and 20 layers is timed; draws grow as width^2, products and singular values as width^3.

    Parameters
    ----------
    accuracy : {"absolute", "eigenvalues", "relative"}
    """
    copy, shrink = _small_copy(ens)
    task = ReplicateTask(ens=copy, entropy=0, gates="network", inputs=None, accuracy=accuracy)
    with single_threaded_blas():
        task(0)  # compiles, loads libraries
        draws = _seconds(lambda: [copy.draw_layer(layer, Streams(0)) for layer in range(1, copy.depth + 1)])
        whole = max(_seconds(lambda: task(0)), draws)
    single = (draws / shrink**2 + (whole - draws) / shrink**3) * ens.depth / copy.depth
    return single * -(-replicates // workers)


def _small_copy(ens: Ensemble) -> tuple[Ensemble, float]:
    """The first layers of a narrower network, and how much narrower."""
    shrink = min(1.0, MEASURED_WIDTH / max(ens.widths))
    depth = min(ens.depth, MEASURED_DEPTH)
    copy = Ensemble(
        widths=[max(1, round(shrink * n)) for n in ens.widths[: depth + 1]],
        activation=ens.activations[:depth],
        weights=ens.weights,
        sigma_w=ens.sigma_w[:depth],
        sigma_b=ens.sigma_b if isinstance(ens.sigma_b, str) else ens.sigma_b[:depth],
        q0=ens.q0,
    )
    return copy, shrink


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
