"""Targets of the sampling half: speed, digits, exact facts at finite width, and runs that cannot be lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from validation.targets import finite_width, journals, matrix_free, sampling_speed
from validation.targets.table import Figure, print_rows

ROWS: dict[str, Callable[[], Sequence[Figure]]] = {
    row.__name__: row
    for row in (
        sampling_speed.speed,
        finite_width.log_singular_values,
        finite_width.lyapunov,
        finite_width.exact_moments,
        matrix_free.dense,
        matrix_free.large,
        journals.kills,
        journals.damage,
        journals.executors,
    )
}


def main(wanted: Sequence[str]) -> int:
    """Measure and print the rows."""
    return print_rows(ROWS, wanted)
