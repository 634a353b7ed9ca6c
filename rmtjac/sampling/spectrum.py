"""Sampled spectra of J J^T over replicates of a random network."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtjac.errors import check_choice
from rmtjac.model.checks import checked_integer
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.streams import RandomSource, Streams, entropy_of
from rmtjac.model.weights import BLOCK_ROWS
from rmtjac.runs.memory import check_memory
from rmtjac.runs.runner import default_workers, run_replicates
from rmtjac.sampling.inputs import InputLaw, Inputs, checked_inputs, draw_input
from rmtjac.sampling.jacobians import ForwardPass, active_jacobian
from rmtjac.sampling.sample import SpectrumSample, load_sample
from rmtjac.sampling.singular_values import singular_values

__all__ = [
    "SpectrumSample",
    "busy_workers",
    "gate_streams",
    "load_sample",
    "memory_estimate",
    "sample_spectrum",
]

NETWORK_TASK = 0
GATES_TASK = 1  # the independent copy that sets the gates for gates="independent"


def sample_spectrum(
    ens: Ensemble,
    replicates: int = 100,
    rng: RandomSource = None,
    workers: int | None = None,
    executor: Executor | None = None,
    *,
    gates: str = "network",
    inputs: Inputs = None,
    accuracy: str = "auto",
    progress: Callable[[int, int], object] | None = None,
) -> SpectrumSample:
    """Singular values of the Jacobians of `replicates` random networks, each at its own input.

    They are those of J J^T; `sample.of_side("input")` has those of J^T J. Rectangular orthogonal weights have
    orthonormal rows if n_l <= n_{l-1}, W W^T = sigma_w^2, and else W^T W = sigma_w^2 n_l/n_{l-1}, so that their
    entries have the mean square sigma_w^2/n_{l-1} of every other law.

    Parameters
    ----------
    ens : Ensemble
    replicates : int
        Number of networks, >= 1.
    rng : int, SeedSequence, Generator or None
        Replicate k is a function of this and k alone; `ens.sample(rng)` is the network of replicate 0.
    workers : int, optional
        Number of threads, by default one for each usable core. Results are the same bits for any number.
    executor : concurrent.futures.Executor, optional
        Where to run instead.
    gates : {"network", "independent"}
        D^l from the forward pass of the network itself, or of an independent copy of it at its own input.
    inputs : None, "stationary" or array of shape (n_0,)
        x^0: Gaussian entries rescaled so that |x^0|^2/n_0 = q0; phi(sqrt(q_star) Z); or this one.
    accuracy : {"auto", "absolute"}
        Both are absolute: errors of a small multiple of eps times the largest singular value.
    progress : callable, optional
        progress(done, replicates) after each replicate.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.
    MemoryLimitError
        If the run cannot fit in memory; nothing was allocated then.
    """
    replicates = checked_integer("replicates", replicates, 1)
    check_choice("gates", gates, ("network", "independent"))
    check_choice("accuracy", accuracy, ("auto", "absolute"))
    law = checked_inputs(ens, inputs)
    busy = busy_workers(workers, executor, replicates)
    check_memory(memory_estimate(ens, busy, replicates), f"sampling {ens!r} by {busy} worker(s)")
    entropy = entropy_of(rng)
    task = partial(_replicate, ens, entropy, gates, law)
    results = run_replicates(task, replicates, workers, executor, progress)
    values, ranks, q, fractions = (np.array(column) for column in zip(*results, strict=True))
    return SpectrumSample(
        singular_values=values,
        ranks=ranks,
        q=q,
        gate_fractions=fractions,
        entropy=entropy,
        metadata=_description(ens, gates, law),
    )


def memory_estimate(ens: Ensemble, workers: int | None = None, replicates: int = 1) -> int:
    """Bytes that `sample_spectrum` takes at its height, above what the interpreter holds: an upper estimate.

    Each worker holds up to four matrices of the size of the largest W^l (drawn, its active block, those
    of orthogonalising), three of the size of the largest product, and what drawing one block of rows takes.
    """
    workers = default_workers() if workers is None else checked_integer("workers", workers, 1)
    largest = max(n_in * n_out for n_in, n_out in zip(ens.widths[:-1], ens.widths[1:], strict=True))
    product = max(ens.widths[1:]) * ens.widths[0]
    drawing = 8 * min(BLOCK_ROWS, max(ens.widths[1:])) * max(ens.widths[:-1])
    results = replicates * (ens.widths[-1] + 2 * ens.depth)
    return 8 * (workers * (4 * largest + 3 * product + drawing) + 2 * results)


def gate_streams(entropy: int, gates: str, k: int) -> Streams:
    """The streams of the network that sets the gates of replicate k."""
    return Streams(entropy, GATES_TASK if gates == "independent" else NETWORK_TASK, k)


def busy_workers(workers: int | None, executor: Executor | None, replicates: int) -> int:
    """How many replicates are in memory at once; of a caller's executor one at least is known."""
    threads = default_workers() if workers is None else checked_integer("workers", workers, 1)
    return 1 if executor is not None else min(threads, replicates)


def _replicate(
    ens: Ensemble, entropy: int, gates: str, law: InputLaw, k: int
) -> tuple[NDArray[np.float64], int, NDArray[np.float64], NDArray[np.float64]]:
    """Singular values, rank, q and gate fractions of replicate k."""
    streams, setting = Streams(entropy, NETWORK_TASK, k), gate_streams(entropy, gates, k)
    forward = ForwardPass(ens, draw_input(ens, law, setting))
    jacobian = active_jacobian(ens, streams, forward, None if setting == streams else setting)
    values = singular_values(jacobian, ens.widths[-1])
    return values, jacobian.rank, jacobian.q, jacobian.gate_fractions


def _description(ens: Ensemble, gates: str, law: InputLaw) -> dict[str, Any]:
    inputs: Any = "gaussian" if law is None else "stationary"
    if isinstance(law, np.ndarray):
        inputs = law.tolist()
    return {"ensemble": ens.describe(), "gates": gates, "inputs": inputs, "accuracy": "absolute"}
