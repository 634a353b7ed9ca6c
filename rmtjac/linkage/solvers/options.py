"""Options that several methods take."""

from __future__ import annotations

from rmtjac.model.checks import checked_integer, checked_number

__all__ = ["checked_damping", "checked_memory"]

LARGEST_DAMPING = 2.0
MEMORY = 50


def checked_damping(damping: float) -> float:
    """The share of a step that is taken, 0 < damping <= 2."""
    number = checked_number("damping", damping)
    if number > LARGEST_DAMPING:
        raise ValueError(f"damping={damping}: allowed are numbers > 0, at most {LARGEST_DAMPING:g}")
    return number


def checked_memory(memory: int | None, n: int) -> int:
    """How many steps are kept: at most n, as no more are independent; None for min(n, 50)."""
    return min(n, MEMORY if memory is None else checked_integer("memory", memory, 1))
