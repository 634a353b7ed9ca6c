"""Targets of the fixed-point solvers: evaluations and time against the packages in use."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from validation.targets import solver_races
from validation.targets.table import Figure, print_rows

ROWS: dict[str, Callable[[], Sequence[Figure]]] = {
    row.__name__: row for row in (solver_races.evaluations, solver_races.time)
}


def main(wanted: Sequence[str]) -> int:
    """Measure and print the rows."""
    return print_rows(ROWS, wanted)
