"""Compiled kernels, cached in a folder named by the package's sources so that stale code cannot be run.

numba's own cache looks only at the file that holds a kernel: a kernel that calls one of another file keeps
running the old callee after an edit. Here the folder's name is a hash of every source of the package.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import config

__all__ = ["cache_folder", "kernel"]

Function = TypeVar("Function", bound=Callable[..., Any])


@cache
def cache_folder() -> Path:
    """The folder of this version's compiled kernels; NUMBA_CACHE_DIR, if set, is its parent."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for source in sorted(package.rglob("*.py")):
        digest.update(str(source.relative_to(package)).encode())
        digest.update(source.read_bytes())
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    parents = [Path(config.CACHE_DIR)] if config.CACHE_DIR else []
    parents += [Path(base) / "rmtjac", Path(tempfile.gettempdir()) / f"rmtjac-{os.getuid()}"]
    for parent in parents:
        folder = parent / digest.hexdigest()[:16]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.mkdtemp(prefix="rmtjac-"))


def kernel(function: Function) -> Function:
    """Compile a scalar loop: no GIL, NumPy division, cached in `cache_folder`.

    numba reads its cache folder when a function is decorated; it is set for that moment only, so that kernels
    of other packages keep their own.
    """
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder())
    try:
        compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = before
    return compiled  # type: ignore[no-any-return]
