"""Targets of the main job: a random deep network, its limiting spectrum, and sampling beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from validation.targets import accuracy, speed
from validation.targets.table import Figure, print_rows

ROWS: dict[str, Callable[[], Sequence[Figure]]] = {
    row.__name__: row
    for row in (
        accuracy.linear,
        accuracy.golden,
        accuracy.moments,
        accuracy.quantiles,
        accuracy.sampling,
        speed.speed,
        speed.depth,
        speed.startup,
    )
}


def main(wanted: Sequence[str]) -> int:
    """Measure and print the rows."""
    return print_rows(ROWS, wanted)
