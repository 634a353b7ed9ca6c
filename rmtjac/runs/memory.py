"""How much memory a run may take, asked before it starts."""

from __future__ import annotations

from pathlib import Path

from rmtjac.errors import MemoryLimitError

__all__ = ["available_memory", "check_memory"]

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")


def check_memory(bytes_needed: int, what: str) -> None:
    """Raise MemoryLimitError if `what` needs more than is available; systems that do not tell pass.

    Raises
    ------
    MemoryLimitError
        With the bytes needed and available, in GB.
    """
    available = available_memory()
    if available is not None and bytes_needed > available:
        raise MemoryLimitError(
            f"{what} needs {_in_gigabytes(bytes_needed)} of memory: available are {_in_gigabytes(available)}"
        )


def available_memory() -> int | None:
    """Bytes that this process can still take, by the system and by its control group; None if unknown."""
    limits = [limit for limit in (_system_memory(), *_group_memories()) if limit is not None]
    return max(min(limits), 0) if limits else None


def _system_memory() -> int | None:
    try:
        lines = MEMINFO.read_text().splitlines()
        fields = next(line.split() for line in lines if line.startswith("MemAvailable:"))
        return int(fields[1]) * 1024
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def _group_memories() -> list[int | None]:
    """What is left in this process's control groups, from its own up to the root (version 1: the root)."""
    try:
        own = OWN_CGROUP.read_text().strip().rpartition("::")[2].strip("/")
    except OSError:
        own = ""
    folder = CGROUP / own
    folders = [folder, *folder.parents]
    groups = [f for f in folders if f == CGROUP or CGROUP in f.parents]
    left = [_left(f / "memory.max", f / "memory.current", f / "memory.stat", "inactive_file") for f in groups]
    old = CGROUP / "memory"
    usage = old / "memory.usage_in_bytes"
    return [
        *left,
        _left(old / "memory.limit_in_bytes", usage, old / "memory.stat", "total_inactive_file"),
    ]


def _left(limit: Path, usage: Path, statistics: Path, reclaimable: str) -> int | None:
    """Limit - usage + what the kernel drops first (file pages not in use); None without a limit."""
    try:
        pairs = dict(line.split() for line in statistics.read_text().splitlines())
        return int(limit.read_text()) - int(usage.read_text()) + int(pairs.get(reclaimable, 0))
    except (OSError, ValueError):
        return None


def _in_gigabytes(size: int) -> str:
    return f"{size / 1e9:.3g} GB"
