"""How far a run is, on stderr: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress"]

Report = Callable[[int, int], object]
SECONDS_A_LINE = 10.0


@contextmanager
def progress(args: argparse.Namespace, total: int, units: str) -> Iterator[Report | None]:
    """report(done, total) for a run of `total` units; None with --quiet."""
    if args.quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar(total, units) as report:
            yield report
    else:
        yield _Lines(args.prog, units)


@contextmanager
def _bar(total: int, units: str) -> Iterator[Report]:
    from tqdm import tqdm

    with tqdm(total=total, unit=f" {units}", leave=False) as bar:

        def report(done: int, _: int) -> None:
            if bar.n == 0:
                bar.initial = done  # done by an earlier run: no work of this one
            bar.update(done - bar.n)

        yield report


class _Lines:
    """A line every ten seconds: done, rate, time to go."""

    def __init__(self, program: str, units: str) -> None:
        self._program, self._units = program, units
        self._begun = self._told = time.monotonic()
        self._first: int | None = None

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = done
        if now < self._told + SECONDS_A_LINE or done == self._first:
            return
        self._told = now
        rate = (done - self._first) / (now - self._begun)
        left = (total - done) / rate
        print(
            f"{self._program}: {done} of {total} {self._units}, {rate:.3g} a second, {left:.0f} s to go",
            file=sys.stderr,
            flush=True,
        )
