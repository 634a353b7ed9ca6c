"""Printing of target tables: figure wanted, figure reached."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure and what it must reach."""

    what: str
    value: float | str
    target: str
    met: bool


def at_most(what: str, value: float, limit: float) -> Figure:
    """A figure that must not exceed a limit."""
    return Figure(what=what, value=value, target=f"<= {limit:g}", met=value <= limit)


def at_least(what: str, value: float, limit: float) -> Figure:
    """A figure that must reach a limit."""
    return Figure(what=what, value=value, target=f">= {limit:g}", met=value >= limit)


def print_rows(rows: Mapping[str, Callable[[], Sequence[Figure]]], wanted: Sequence[str]) -> int:
    """Measure and print the wanted rows (all if none is named); 1 if a figure misses its target."""
    unknown = [name for name in wanted if name not in rows]
    if unknown:
        print(f"ROW={unknown[0]!r}: allowed are {', '.join(rows)}", file=sys.stderr)
        return 2
    missed = 0
    for name in wanted or rows:
        start = time.perf_counter()
        figures = rows[name]()
        print(
            f"\n{name}: {(rows[name].__doc__ or '').splitlines()[0]}  ({time.perf_counter() - start:.1f} s)"
        )
        for figure in figures:
            value = f"{figure.value:.4g}" if isinstance(figure.value, float) else str(figure.value)
            print(
                f"  {'ok  ' if figure.met else 'MISS'} {figure.what:58} {value:>12}  target {figure.target}"
            )
            missed += not figure.met
    return int(missed > 0)
