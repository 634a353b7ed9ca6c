"""BLAS held to one thread: replicates share the cores, and the order of sums does not depend on them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

__all__ = ["limit_this_thread", "single_threaded_blas"]

_lock = threading.Lock()
_inside = 0
_limits: Any = None


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Hold every BLAS of this process to one thread while anything runs inside; may be nested and shared."""
    _enter()
    try:
        # a BLAS on OpenMP has a limit for each thread that calls it
        with _controller().limit(limits=1, user_api="blas"):
            yield
    finally:
        _leave()


def limit_this_thread() -> None:
    """Inside `single_threaded_blas`: do in this thread, for its life, what a BLAS on OpenMP needs of each."""
    _controller().limit(limits=1, user_api="blas")


def _enter() -> None:
    """Most BLAS have one limit for the process: the first to enter sets it."""
    global _inside, _limits
    with _lock:
        if _inside == 0:
            _limits = _controller().limit(limits=1, user_api="blas")
        _inside += 1


def _leave() -> None:
    """The last to leave restores the limit; were each to do so, the first would free the others."""
    global _inside, _limits
    with _lock:
        _inside -= 1
        if _inside == 0:
            _disown()
            _limits.restore_original_limits()
            _disown()
            _limits = None


def _disown() -> None:
    """From 3.8 on threadpoolctl listens only to the thread that set a limit first: let it hear this one."""
    import threadpoolctl

    clear = getattr(threadpoolctl.OpenBLASController, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)


@cache
def _controller() -> Any:
    # NumPy and SciPy may load a BLAS each, and one that is loaded later would not be limited
    import numpy.linalg  # noqa: F401
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
