"""Sampled spectra of J J^T over replicates of a random network."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import psi

from rmtjac.errors import check_choice
from rmtjac.model.checks import checked_integer
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.streams import RandomSource, Streams, entropy_of
from rmtjac.model.weights import BLOCK_ROWS
from rmtjac.runs.memory import check_memory
from rmtjac.runs.runner import default_workers, run_replicates
from rmtjac.sampling.graded import GradedProduct
from rmtjac.sampling.inputs import InputLaw, Inputs, checked_inputs, draw_input
from rmtjac.sampling.jacobians import ForwardPass, active_jacobian
from rmtjac.sampling.products import ExplicitProduct
from rmtjac.sampling.sample import SpectrumSample, load_sample

__all__ = [
    "SpectrumSample",
    "busy_workers",
    "description",
    "gate_streams",
    "load_sample",
    "memory_estimate",
    "sample_spectrum",
]

ACCURACIES = ("absolute", "eigenvalues", "relative")
LARGE_CONDITION = math.log(1e8)
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
    accuracy : {"auto", "absolute", "eigenvalues", "relative"}
        "absolute": errors of a small multiple of eps times the largest singular value. "eigenvalues", in half the
        time: of eps times the largest eigenvalue, for eigenvalues. "relative": of every singular value, however
        small, a rounding times the condition of a layer; `log_singular_values` and `lyapunov_exponents` need it.
        Its rotations take some 20 s for a matrix with 1,000 open units, against 0.3 s.
        "auto": relative where the condition number is expected to pass 1e8, else absolute.
    progress : callable, optional
        progress(done, replicates) after each replicate.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.
    MemoryLimitError
        If the run cannot fit in memory; nothing was allocated then.
    ConvergenceError
        If the rotations of accuracy="relative" do not end.
    """
    replicates = checked_integer("replicates", replicates, 1)
    check_choice("gates", gates, ("network", "independent"))
    check_choice("accuracy", accuracy, ("auto", *ACCURACIES))
    law = checked_inputs(ens, inputs)
    busy = busy_workers(workers, executor, replicates)
    check_memory(memory_estimate(ens, busy, replicates), f"sampling {ens!r} by {busy} worker(s)")
    entropy = entropy_of(rng)
    accuracy = chosen_accuracy(ens) if accuracy == "auto" else accuracy
    task = partial(_replicate, ens, entropy, gates, law, accuracy)
    results = run_replicates(task, replicates, workers, executor, progress)
    arrays: dict[str, Any] = {name: np.array([result[name] for result in results]) for name in results[0]}
    logs = arrays.pop("log_singular_values", None)
    metadata = description(ens, gates, law) | {"accuracy": accuracy}
    return SpectrumSample(**arrays, logs=logs, entropy=entropy, metadata=metadata)


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


def gate_streams(entropy: int, gates: str, k: int) -> Streams:
    """The streams of the network that sets the gates of replicate k."""
    return Streams(entropy, GATES_TASK if gates == "independent" else NETWORK_TASK, k)


def busy_workers(workers: int | None, executor: Executor | None, replicates: int) -> int:
    """How many replicates are in memory at once; of a caller's executor one at least is known."""
    threads = default_workers() if workers is None else checked_integer("workers", workers, 1)
    return 1 if executor is not None else min(threads, replicates)


def _replicate(
    ens: Ensemble, entropy: int, gates: str, law: InputLaw, accuracy: str, k: int
) -> dict[str, NDArray[Any]]:
    """What is kept of replicate k, by the names of `SpectrumSample`."""
    streams, setting = Streams(entropy, NETWORK_TASK, k), gate_streams(entropy, gates, k)
    forward = ForwardPass(ens, draw_input(ens, law, setting))
    product: ExplicitProduct | GradedProduct
    relative = accuracy == "relative"
    product = GradedProduct(ens.widths[0]) if relative else ExplicitProduct(gram=accuracy == "eigenvalues")
    facts = active_jacobian(ens, streams, forward, product, None if setting == streams else setting)
    result = {"ranks": np.array(facts.rank), "q": facts.q, "gate_fractions": facts.gate_fractions}
    n_out = ens.widths[-1]
    values, logs = np.zeros(n_out), np.full(n_out, -np.inf)
    # what exceeds the rank is zero in exact arithmetic
    filled = slice(n_out - facts.rank, n_out)
    if isinstance(product, GradedProduct):
        logs[filled] = product.log_singular_values()
        with np.errstate(over="ignore", under="ignore"):
            return result | {"singular_values": np.exp(logs), "log_singular_values": logs}
    if facts.rank > 0:
        found = product.singular_values()
        values[filled] = found[found.size - facts.rank :]
    return result | {"singular_values": values}


def chosen_accuracy(ens: Ensemble) -> str:
    """What accuracy="auto" stands for.

    The condition number is expected to be that of Gaussian layers, the spread of their Lyapunov exponents a layer
    (THEORY.md section 2); gates and heavy tails make it larger. Linear orthogonal layers have condition 1.
    """
    if ens.weights.is_orthogonal and all(phi.name == "linear" for phi in ens.activations):
        return "absolute"
    rank = min(ens.widths)
    spread = sum(float(psi(n / 2) - psi((n - rank + 1) / 2)) / 2 for n in ens.widths[1:])
    return "relative" if spread > LARGE_CONDITION else "absolute"


def description(ens: Ensemble, gates: str, law: InputLaw) -> dict[str, Any]:
    """What was sampled, as JSON-able values."""
    inputs: Any = "gaussian" if law is None else "stationary"
    if isinstance(law, np.ndarray):
        inputs = law.tolist()
    return {"ensemble": ens.describe(), "gates": gates, "inputs": inputs}
