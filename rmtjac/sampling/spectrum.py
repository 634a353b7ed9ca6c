"""Sampled spectra of J J^T over replicates of a random network: at once, resumed, or in shards."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
from scipy.special import psi

from rmtjac.errors import check_choice
from rmtjac.model.checks import checked_integer
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.streams import RandomSource, entropy_of
from rmtjac.runs.journal import Journal, read_identity, read_results
from rmtjac.runs.journaled import Path, Progress, recorded_entropy, run_journaled
from rmtjac.runs.memory import check_memory
from rmtjac.runs.provenance import program_version
from rmtjac.sampling.cost import busy_workers, memory_estimate
from rmtjac.sampling.inputs import Inputs, checked_inputs
from rmtjac.sampling.replicate import Arrays, ReplicateTask
from rmtjac.sampling.sample import SpectrumSample

__all__ = ["merge_journals", "resolved_accuracy", "sample_shard", "sample_spectrum"]

PROGRAM = "rmtjac sample"
ACCURACIES = ("absolute", "eigenvalues", "relative")
LARGE_CONDITION = math.log(1e8)


def sample_spectrum(
    ens: Ensemble,
    replicates: int = 100,
    rng: RandomSource = None,
    workers: int | None = None,
    executor: Executor | None = None,
    journal: Path | None = None,
    *,
    gates: str = "network",
    inputs: Inputs = None,
    accuracy: str = "auto",
    progress: Progress | None = None,
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
        Where to run instead: a process pool, or a Dask cluster by `distributed.Client(...).get_executor()`.
    journal : path, optional
        File that keeps every replicate as it ends; if it exists, only those are sampled that it lacks, and the seed is
        its own unless `rng` says it again. See `rmtjac.runs.journal`.
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
        progress(done, replicates) at the start and after each replicate.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range, or the journal is that of another run or no journal.
    MemoryLimitError
        If the run cannot fit in memory; nothing was allocated then.
    ConvergenceError
        If the rotations of accuracy="relative" do not end.
    ExecutorError
        If the executor died.
    """
    replicates = checked_integer("replicates", replicates, 1)
    task = _task(ens, _entropy(rng, journal), gates, inputs, accuracy)
    results = _run(task, range(replicates), workers, executor, journal, progress)
    return _sample(results, task.entropy, task.describe())


def sample_shard(
    ens: Ensemble,
    shard: tuple[int, int],
    replicates: int,
    rng: RandomSource,
    journal: Path,
    workers: int | None = None,
    executor: Executor | None = None,
    *,
    gates: str = "network",
    inputs: Inputs = None,
    accuracy: str = "auto",
    progress: Progress | None = None,
) -> None:
    """Sample one shard of a run into its own journal.

    Shards run anywhere and in any order; `merge_journals` makes the sample of them.

    Parameters
    ----------
    shard : (i, n)
        The i-th of n shards, 1 <= i <= n: replicates i - 1, i - 1 + n, i - 1 + 2n, ...
    replicates : int
        Of the whole run.
    rng : int, SeedSequence or Generator
        The same for all shards; None if the journal exists.
    journal : path
    workers, executor, gates, inputs, accuracy, progress
        As in `sample_spectrum`.

    Raises
    ------
    ValueError, TypeError, MemoryLimitError, ConvergenceError, ExecutorError
        As `sample_spectrum`.
    """
    replicates = checked_integer("replicates", replicates, 1)
    numbers = range(_first_of(shard), replicates, shard[1])
    if rng is None and not os.path.exists(journal):
        raise ValueError("rng=None with a shard: allowed is a seed, the same for all shards")
    task = _task(ens, _entropy(rng, journal), gates, inputs, accuracy)
    _run(task, numbers, workers, executor, journal, progress)


def merge_journals(paths: Sequence[Path], journal: Path | None = None) -> SpectrumSample:
    """The sample whose replicates are in journals of one run, such as those of its shards.

    Parameters
    ----------
    paths : sequence of paths, at least one
    journal : path, optional
        Journal that takes them all; a run can go on from it.

    Raises
    ------
    ValueError
        If a file is no journal, the runs differ, or a replicate before the last one is missing.
    """
    if not paths:
        raise ValueError("paths=[]: allowed is at least one journal")
    identity = read_identity(paths[0])
    if identity.get("program") != PROGRAM:
        raise ValueError(f"journal={str(paths[0])!r}: holds no spectra of networks")
    results: dict[int, Arrays] = {}
    for path in paths:
        results |= read_results(path, identity)
    if journal is not None:
        with Journal(journal, identity) as book:
            for k in sorted(results.keys() - book.results.keys()):
                book.append(k, results[k])
            results |= book.results
    missing = [k for k in range(max(results, default=0) + 1) if k not in results]
    if missing:
        shown = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise ValueError(f"replicates {shown} are in none of the {len(paths)} journals ({len(results)} are)")
    ordered = [results[k] for k in range(len(results))]
    return _sample(ordered, int(identity["entropy"]), identity["sample"])


def _identity(task: ReplicateTask) -> Mapping[str, Any]:
    """What makes the numbers of a run, but for how many there are."""
    return {
        "program": PROGRAM,
        "version": program_version(),
        "entropy": str(task.entropy),
        "sample": task.describe(),
    }


def _entropy(rng: RandomSource, journal: Path | None) -> int:
    """The seed; a journal that has begun knows it."""
    recorded = recorded_entropy(journal) if rng is None else None
    return entropy_of(rng) if recorded is None else recorded


def _task(ens: Ensemble, entropy: int, gates: str, inputs: Inputs, accuracy: str) -> ReplicateTask:
    check_choice("gates", gates, ("network", "independent"))
    return ReplicateTask(
        ens=ens,
        entropy=entropy,
        gates=gates,
        inputs=checked_inputs(ens, inputs),
        accuracy=resolved_accuracy(ens, accuracy),
    )


def _run(
    task: ReplicateTask,
    numbers: range,
    workers: int | None,
    executor: Executor | None,
    journal: Path | None,
    progress: Progress | None,
) -> list[Arrays]:
    """The replicates of these numbers, from the journal or sampled now."""
    busy = busy_workers(workers, executor, len(numbers))
    check_memory(memory_estimate(task.ens, busy, len(numbers)), f"sampling {task.ens!r} by {busy} worker(s)")
    return run_journaled(task, numbers, _identity(task), workers, executor, journal, progress)


def _sample(results: Iterable[Arrays], entropy: int, metadata: dict[str, Any]) -> SpectrumSample:
    results = list(results)
    arrays: dict[str, Any] = {name: np.array([result[name] for result in results]) for name in results[0]}
    logs = arrays.pop("log_singular_values", None)
    return SpectrumSample(**arrays, logs=logs, entropy=entropy, metadata=metadata)


def _first_of(shard: tuple[int, int]) -> int:
    """Number of the shard's first replicate."""
    if len(shard) != 2 or not 1 <= checked_integer("shard", shard[0], 1) <= checked_integer(
        "shard", shard[1], 1
    ):
        raise ValueError(f"shard={tuple(shard)}: allowed is (i, n) with 1 <= i <= n")
    return shard[0] - 1


def resolved_accuracy(ens: Ensemble, accuracy: str) -> str:
    """The accuracy itself, and for "auto" what that stands for here.

    The condition number is expected to be that of Gaussian layers, the spread of their Lyapunov exponents a layer
    (THEORY.md section 2); gates and heavy tails make it larger. Linear orthogonal layers have condition 1.
    """
    check_choice("accuracy", accuracy, ("auto", *ACCURACIES))
    if accuracy != "auto":
        return accuracy
    if ens.weights.is_orthogonal and all(phi.name == "linear" for phi in ens.activations):
        return "absolute"
    rank = min(ens.widths)
    spread = sum(float(psi(n / 2) - psi((n - rank + 1) / 2)) / 2 for n in ens.widths[1:])
    return "relative" if spread > LARGE_CONDITION else "absolute"
