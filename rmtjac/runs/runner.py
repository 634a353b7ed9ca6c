"""Run a task once for each replicate, in parallel; what comes back does not depend on how it was run."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from rmtjac.runs.blas import single_threaded_blas

__all__ = ["Progress", "default_workers", "run_in_order", "run_replicates"]

Result = TypeVar("Result")
Progress = Callable[[int, int], object]


def run_replicates(
    task: Callable[[int], Result],
    count: int,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """[task(0), ..., task(count - 1)], the same bits for any number of workers and any executor.

    Parameters
    ----------
    task : callable
        A function of the replicate number alone; it must pickle where `executor` runs other processes.
    count : int
        Number of replicates, >= 1.
    workers : int, optional
        Number of threads, by default one for each usable core; at most `count` are started.
    executor : concurrent.futures.Executor, optional
        Where to run instead of own threads; it is not shut down.
    progress : callable, optional
        progress(done, count) is called in this thread after each replicate.

    Raises
    ------
    ValueError, TypeError
        If `count` or `workers` is no integer >= 1, or both `workers` and `executor` are given.
    """
    _check_count("replicates", count)
    if workers is not None:
        _check_count("workers", workers)
        if executor is not None:
            raise ValueError(f"workers={workers} with an executor: give one of them")
    with single_threaded_blas(), _started(executor, min(workers or default_workers(), count)) as pool:
        futures: list[Future[Result]] = []
        try:
            for k in range(count):
                futures.append(pool.submit(_SingleThreaded(task), k))
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()  # a task's error ends the run now, and not after the others
                if progress is not None:
                    progress(done, count)
        except BaseException:
            _cancel(futures)
            raise
        return [future.result() for future in futures]


def run_in_order(task: Callable[[int], Result], count: int, workers: int) -> Iterator[Result]:
    """task(0), ..., task(count - 1), each handed out as soon as it and all before it are done.

    At most 2 `workers` results are under way or wait, however many parts there are: for parts of a whole that would
    not fit in memory together. The workers hold BLAS to one thread; a caller who runs everything alone does so too.

    Parameters
    ----------
    task : callable
        A function of the part's number alone.
    count : int
        Number of parts, >= 0.
    workers : int
        Number of threads, >= 1; one worker or one part runs in the caller's thread.
    """
    if min(workers, count) <= 1:
        yield from map(task, range(count))
        return
    alone = _SingleThreaded(task)
    waiting: deque[Future[Result]] = deque()
    with _started(None, min(workers, count)) as pool:
        try:
            for k in range(count):
                waiting.append(pool.submit(alone, k))
                if len(waiting) == 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            _cancel(waiting)


def default_workers() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class _SingleThreaded(Generic[Result]):
    """The task with BLAS held to one thread, in whichever process it runs."""

    task: Callable[[int], Result]

    def __call__(self, k: int) -> Result:
        with single_threaded_blas():
            return self.task(k)


@contextmanager
def _started(executor: Executor | None, workers: int) -> Iterator[Executor]:
    """The caller's executor, or own threads that are not waited for when the run is interrupted."""
    if executor is not None:
        yield executor
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="rmtjac")
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _cancel(futures: Iterable[Future[Result]]) -> None:
    for future in futures:
        future.cancel()


def _check_count(argument: str, value: int) -> None:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{argument}={value!r}: allowed are integers >= 1")
    if value < 1:
        raise ValueError(f"{argument}={value}: allowed are integers >= 1")
