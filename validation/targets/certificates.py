"""Targets of certificates: random boxes, largest radii, the source's cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from validation.targets import certified_boxes
from validation.targets.table import Figure, print_rows

ROWS: dict[str, Callable[[], Sequence[Figure]]] = {
    row.__name__: row for row in (certified_boxes.boxes, certified_boxes.radius, certified_boxes.cases)
}


def main(wanted: Sequence[str]) -> int:
    """Measure and print the rows."""
    return print_rows(ROWS, wanted)
