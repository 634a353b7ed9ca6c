"""Targets of looped networks: points with their boxes, counts, and the numbers of THEORY.md section 4."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import rmtjac as rj
from rmtjac import checker
from validation.targets.table import Figure, at_least, at_most, print_rows

M = 2_000.0
SECONDS = 5.0
TRIALS = 200


def points() -> list[Figure]:
    """Cubic, random W = I + E/2000 and b: boxes at d = 10 and 12, each proven again by Arb, and a count at d = 100."""
    start = time.perf_counter()
    rj.certify_looped_regions(*rj.sample_looped_layer(2, M, rng=1), "cubic")
    first = time.perf_counter() - start
    figures = [
        Figure(
            what="seconds of a first call (kernels compiled or read)", value=first, target="stated", met=True
        )
    ]
    for d, seconds in ((10, SECONDS), (12, 6 * SECONDS)):
        start = time.perf_counter()
        found = rj.certify_looped_regions(*rj.sample_looped_layer(d, M, rng=1), "cubic")
        listed = time.perf_counter() - start
        proven, checked = _checked(found)
        figures += [
            at_least(f"d = {d}: certified points", found.count, 2**d),
            at_least(f"d = {d}: different constants", np.unique(found.constants).size, 2**d),
            at_least(
                f"d = {d}: boxes proven again, disjoint",
                2**d if f"{2**d} fixed points" in proven else 0,
                2**d,
            ),
            at_most(f"d = {d}: largest error of a point", found.errors.max(), 1e-13),
            at_most(f"d = {d}: seconds, list and check", listed + checked, seconds),
            Figure(what=f"d = {d}: seconds of the list alone", value=listed, target="stated", met=True),
        ]
    start = time.perf_counter()
    counted = rj.certify_looped_count(*rj.sample_looped_layer(100, 12_000.0, rng=1), "cubic")
    proven, checked = _checked(counted)
    same = counted.count == 2**100 and "2^100 in all" in proven
    return [
        *figures,
        Figure(
            what="d = 100: proven by a count, and again", value=counted.message[:5], target="2^100", met=same
        ),
        at_most("d = 100: seconds", time.perf_counter() - start, SECONDS),
    ]


def constants() -> list[Figure]:
    """Boxes of radius .12 of cubic: K <= .8814 (1 + d/m), image radius <= .0551, for random and extreme E and b."""
    worst_share, worst_radius, held = 0.0, 0.0, 0
    trials = [(d, kind) for d in (1, 3, 10, 100) for kind in (*range(TRIALS // 4), "one sign", "other sign")]
    for d, kind in trials:
        m = 100.0 * (1.13 * d + 1.0)
        if isinstance(kind, int):
            generator = np.random.default_rng([kind, d])
            E, b = generator.choice([-1.0, 1.0], (d, d)), generator.choice([-1.0, 1.0], d)
        else:
            sign = 1.0 if kind == "one sign" else -1.0
            E, b = np.full((d, d), sign), np.full(d, sign)
        found = rj.certify_looped_count(np.eye(d) + E / m, b / m, "cubic", radius=0.12)
        held += found.holds
        worst_share = max(worst_share, found.constant / (0.8814 * (1.0 + d / m)))
        worst_radius = max(worst_radius, 0.12 - float(found.margins.min()))
    return [
        at_least(f"certified of {len(trials)} networks with |E_ij| = |m b_i| = 1", held, len(trials)),
        at_most("largest K over .8814 (1 + d/m)", worst_share, 1.0 + 1e-9),
        at_most("largest image radius", worst_radius, 0.05510),
        at_most("K at the largest d/m, 1/113", 0.8814 * (1.0 + 1.0 / 113.0), 0.8893),
    ]


def _checked(found: rj.LoopedRegions | rj.LoopedCount) -> tuple[str, float]:
    """What the checker proves of the saved certificate, and its seconds, with those of saving."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        lines = checker.check(str(found.save(Path(folder) / "proof.json")))
    return "\n".join(lines), time.perf_counter() - start


ROWS: dict[str, Callable[[], Sequence[Figure]]] = {row.__name__: row for row in (points, constants)}


def main(wanted: Sequence[str]) -> int:
    """Measure and print the rows."""
    return print_rows(ROWS, wanted)
