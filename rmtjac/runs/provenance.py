"""Where a result comes from: program, call and machine."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

__all__ = ["program_version", "provenance"]

PACKAGES = ("numpy", "scipy", "numba")


def provenance(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """What a result file records of its making, as JSON-able values.

    Keys: version (of rmtjac), argv, python, platform, packages (their versions), blas (the libraries loaded
    so far), date (UTC, ISO 8601).
    """
    return {
        "version": program_version(),
        "argv": list(sys.argv if argv is None else argv),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "blas": _blas(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def program_version() -> str:
    """The version of rmtjac."""
    from rmtjac import __version__

    return __version__


def _version(package: str) -> str | None:
    # asked of the installation: importing numba for its version alone takes longer than a short run
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _blas() -> list[dict[str, Any]]:
    from threadpoolctl import threadpool_info

    keys = ("internal_api", "version", "architecture")
    return [{key: pool.get(key) for key in keys} for pool in threadpool_info() if pool["user_api"] == "blas"]
