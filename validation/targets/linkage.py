"""Targets of the linkage wing: all fixed points, basins, census."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from validation.targets import census, enumeration
from validation.targets.table import Figure, print_rows

ROWS: dict[str, Callable[[], Sequence[Figure]]] = {
    row.__name__: row
    for row in (
        enumeration.shallow,
        enumeration.deep,
        enumeration.brute_force,
        enumeration.smooth,
        census.basin_labels,
        census.census_speed,
    )
}


def main(wanted: Sequence[str]) -> int:
    """Measure and print the rows."""
    return print_rows(ROWS, wanted)
