"""Targets of networks from files: what is refused, and the Jacobians of what is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from validation.targets import hostile_weights, torch_jacobians
from validation.targets.table import Figure, print_rows

ROWS: dict[str, Callable[[], Sequence[Figure]]] = {
    row.__name__: row for row in (hostile_weights.hostile, torch_jacobians.jacobian)
}


def main(wanted: Sequence[str]) -> int:
    """Measure and print the rows."""
    return print_rows(ROWS, wanted)
