"""A run that a journal keeps: what it has is not computed again."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from typing import Any

from numpy.typing import NDArray

from rmtjac.runs.journal import Journal, read_identity
from rmtjac.runs.runner import run_replicates

__all__ = ["Path", "Progress", "recorded_entropy", "run_journaled"]

Arrays = dict[str, NDArray[Any]]
Path = str | os.PathLike[str]
Progress = Callable[[int, int], object]


def run_journaled(
    task: Callable[[int], Arrays],
    numbers: Sequence[int],
    identity: Mapping[str, Any],
    workers: int | None = None,
    executor: Executor | None = None,
    journal: Path | None = None,
    progress: Progress | None = None,
) -> list[Arrays]:
    """[task(k) for k in numbers], each from the journal or computed now and kept there.

    Parameters
    ----------
    task, numbers, workers, executor
        As in `run_replicates`.
    identity : mapping
        What makes the numbers, as JSON-able values; a journal of another identity is refused.
    journal : path, optional
    progress : callable, optional
        progress(done, total) at the start and after each replicate.

    Raises
    ------
    ValueError, TypeError, ExecutorError
        As `run_replicates` and `Journal`.
    """
    with nullcontext() if journal is None else Journal(journal, identity) as book:
        results = {} if book is None else {k: book.results[k] for k in numbers if k in book.results}

        def keep(k: int, result: Arrays) -> None:
            if book is not None:
                book.append(k, result)
            results[k] = result
            if progress is not None:
                progress(len(results), len(numbers))

        if progress is not None:
            progress(len(results), len(numbers))
        run_replicates(task, [k for k in numbers if k not in results], workers, executor, keep)
    return [results[k] for k in numbers]


def recorded_entropy(journal: Path | None) -> int | None:
    """The seed ("entropy") of a journal that has begun; None without one."""
    if journal is None or not os.path.exists(journal) or not os.path.getsize(journal):
        return None
    return int(read_identity(journal).get("entropy", 0))
