"""Targets of the applications on images: identities, restoration, and what each case takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib import import_module

from validation.applications import APPLICATIONS, a2, a3
from validation.applications.digits import load
from validation.targets.table import Figure, at_least, at_most, print_rows

LIMIT = 180.0  # seconds on 2 cores


def identities() -> list[Figure]:
    """K = 10 identities on digits, L = 4: standard images that are certified attracting fixed points."""
    measured = a2.measure(*load(), 10, a2.DEPTH, a2.STEPS)
    return [
        at_least("standard images certified, of 10", measured.certified, 9),
        Figure(what="unseen pictures that flow to theirs", value=measured.recall, target="-", met=True),
        Figure(
            what="  whose nearest standard image is theirs", value=measured.template, target="-", met=True
        ),
        Figure(what="other attractors", value=str(measured.others), target="-", met=True),
    ]


def restoration() -> list[Figure]:
    """Limit against one pass, share of test images: stored ones have a target, of unseen ones the number is said."""
    digits, unseen = load()
    stored = digits.images[: a3.STORED]
    figures = []
    for kind, damage, _, damaged, one_pass, limit, better, *_ in a3.measured(
        a3.restorer(stored), stored, unseen.images
    ):
        what = f"{kind}, {damage}: limit better than one pass"
        goal = (
            at_least(what, better, 0.8)
            if kind == "stored"
            else Figure(what=what, value=better, target="-", met=True)
        )
        errors = f"{damaged:.3f} {one_pass:.3f} {limit:.3f}"
        figures += [
            goal,
            Figure(what="  errors: damaged, one pass, limit", value=errors, target="-", met=True),
        ]
    return figures


def times() -> list[Figure]:
    """Seconds of each application, and of its processor."""
    figures = []
    for name in APPLICATIONS:
        start, start_cpu = time.perf_counter(), time.process_time()
        import_module(f"validation.applications.{name}").CASE.run(False)
        seconds, busy = time.perf_counter() - start, time.process_time() - start_cpu
        figures.append(at_most(f"{name}: seconds ({busy:.0f} of the processor)", seconds, LIMIT))
    return figures


ROWS: dict[str, Callable[[], Sequence[Figure]]] = {
    row.__name__: row for row in (identities, restoration, times)
}


def main(wanted: Sequence[str]) -> int:
    """Measure and print the rows."""
    return print_rows(ROWS, wanted)
