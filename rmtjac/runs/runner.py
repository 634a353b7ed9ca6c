"""Run a task once for each replicate, in parallel; what comes back does not depend on how it was run."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from typing import Generic, TypeVar

from rmtjac.errors import ExecutorError
from rmtjac.runs.blas import limit_this_thread, single_threaded_blas

__all__ = ["default_workers", "run_in_order", "run_replicates"]

Result = TypeVar("Result")
Keep = Callable[[int, Result], object]

IN_FLIGHT = (
    4096  # tasks handed to the executor at once: enough for a cluster, and no list of a million futures
)


def run_replicates(
    task: Callable[[int], Result],
    numbers: Sequence[int],
    workers: int | None = None,
    executor: Executor | None = None,
    keep: Keep[Result] | None = None,
) -> list[Result]:
    """[task(k) for k in numbers], the same bits for any number of workers and any executor.

    Parameters
    ----------
    task : callable
        A function of the replicate number alone; it must pickle where `executor` runs other processes.
    numbers : sequence of int
        Numbers of the replicates, all different.
    workers : int, optional
        Number of threads, by default one for each usable core; no more are started than there are replicates.
    executor : concurrent.futures.Executor, optional
        Where to run instead of own threads; it is not shut down.
    keep : callable, optional
        keep(k, result) is called in this thread as each replicate ends. When the run is broken off, by an error or
        an interruption, it has been called for everything that had ended.

    Raises
    ------
    ValueError, TypeError
        If `workers` is no integer >= 1, or both `workers` and `executor` are given.
    ExecutorError
        If the executor died.
    """
    if workers is not None:
        _check_workers(workers)
        if executor is not None:
            raise ValueError(f"workers={workers} with an executor: give one of them")
    results: dict[int, Result] = {}
    with (
        single_threaded_blas(),
        _started(
            executor, min(workers or default_workers(), max(len(numbers), 1)), limit_this_thread
        ) as pool,
    ):
        run = _Run(pool, task if executor is None else _SingleThreaded(task), keep, results)
        try:
            run.all(numbers)
        except BaseException:
            run.break_off()
            raise
    return [results[k] for k in numbers]


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
            for future in waiting:
                future.cancel()


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


class _Run(Generic[Result]):
    """Replicates on their way: handed out a bounded number at a time, taken back as they end."""

    def __init__(
        self,
        pool: Executor,
        task: Callable[[int], Result],
        keep: Keep[Result] | None,
        results: dict[int, Result],
    ) -> None:
        self._pool = pool
        self._task = task
        self._keep = keep
        self._results = results
        self._running: dict[int, Future[Result]] = {}
        self._ended: SimpleQueue[int] = SimpleQueue()

    def all(self, numbers: Sequence[int]) -> None:
        """Run them; a task's error ends the run at once, and not after the others."""
        waiting = iter(numbers)
        try:
            for k in islice(waiting, IN_FLIGHT):
                self._hand_out(k)
            while self._running:
                self._take_back(self._ended.get())
                for k in islice(waiting, 1):
                    self._hand_out(k)
        except (BrokenExecutor, CancelledError) as error:
            missing = len(numbers) - len(self._results)
            raise ExecutorError(
                f"the executor died with {missing} of {len(numbers)} replicates to go ({str(error) or 'cancelled'})"
            ) from error

    def break_off(self) -> None:
        """Cancel what has not begun, take back what has ended, wait for nothing."""
        for future in self._running.values():
            future.cancel()
        for k, future in list(self._running.items()):
            if future.done() and not future.cancelled() and future.exception() is None:
                self._take_back(k)

    def _hand_out(self, k: int) -> None:
        future = self._pool.submit(self._task, k)
        self._running[k] = future
        future.add_done_callback(lambda _: self._ended.put(k))

    def _take_back(self, k: int) -> None:
        result = self._running[k].result()
        if self._keep is not None:
            self._keep(k, result)
        self._results[k] = result
        del self._running[k]


@contextmanager
def _started(
    executor: Executor | None, workers: int, initializer: Callable[[], None] | None = None
) -> Iterator[Executor]:
    """The caller's executor, or own threads that are not waited for when the run is broken off."""
    if executor is not None:
        yield executor
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="rmtjac", initializer=initializer)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _check_workers(workers: object) -> None:
    if isinstance(workers, bool) or not hasattr(workers, "__index__"):
        raise TypeError(f"workers={workers!r}: allowed are integers >= 1")
    if workers.__index__() < 1:
        raise ValueError(f"workers={workers}: allowed are integers >= 1")
