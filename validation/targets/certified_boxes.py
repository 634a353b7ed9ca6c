"""Certificates of random boxes, each re-checked in Arb, and the largest certified radius of scalar maps."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import rmtjac as rj
from rmtjac import checker
from validation.random_boxes import random_box, sampled
from validation.targets.table import Figure, at_least, at_most

SEED = 20261122
COUNTS = {1: 3500, 2: 3500, 10: 2500, 100: 500}
BLOCK = 50
LARGEST_NORM, LARGEST_IMAGE = 0.9, 0.95  # sampled, of boxes that should be certified
SHARE = 0.95


class Found(NamedTuple):
    """Of some boxes: certified ones, those of them that the checker does not confirm, those that should be certified,
    those of them that are, and boxes refuted by a point though none of the sampled ones says so."""

    certified: int
    false: int
    due: int
    met: int
    refuted: int


def boxes() -> list[Figure]:
    """10,000 random boxes, d = 1, 2, 10, 100: every certificate re-checked, and how many are certified.

    Maps and boxes: validation/random_boxes.py; norm inf, default parts. A box should be certified if at sampled points
    (uniform, corners, and corners chosen by the signs of the derivative) the norm is at most 0.9 and the image stays
    5 % of a half side away from the sides.
    """
    jobs = [(d, start) for d, count in COUNTS.items() for start in range(0, count, BLOCK)]
    with ProcessPoolExecutor(max_workers=2) as pool:
        found = list(pool.map(_block, jobs))
    by_dimension = {
        d: Found(
            *(sum(x) for x in zip(*(f for f, j in zip(found, jobs, strict=True) if j[0] == d), strict=True))
        )
        for d in COUNTS
    }
    total = Found(*(sum(x) for x in zip(*by_dimension.values(), strict=True)))
    figures = [
        Figure(what="boxes", value=sum(COUNTS.values()), target="10000", met=sum(COUNTS.values()) >= 10_000),
        Figure(what="certified", value=total.certified, target="-", met=True),
        at_most("of them not confirmed by Arb", total.false, 0),
        at_least("certified share of those that should be", total.met / total.due, SHARE),
    ]
    for d, each in by_dimension.items():
        figures.append(
            Figure(
                what=f"  d = {d}: share ({each.due} boxes, {each.refuted} refuted by a point)",
                value=each.met / max(each.due, 1),
                target="-",
                met=True,
            )
        )
    return figures


def _block(job: tuple[int, int]) -> Found:
    """The boxes from a number on."""
    d, start = job
    found = Found(0, 0, 0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        for k in range(start, min(start + BLOCK, COUNTS[d])):
            each = _judged(d, k, Path(folder) / "certificate.json")
            found = Found(*(a + b for a, b in zip(found, each, strict=True)))
    return found


def _judged(d: int, k: int, path: Path) -> Found:
    rng = np.random.default_rng([SEED, d, k])
    box = random_box(d, rng)
    norm, image = sampled(box, rng)
    due = norm <= LARGEST_NORM and image <= LARGEST_IMAGE
    result = rj.certify_contraction(box.f, box.low, box.high)
    false = result.holds and not _is_confirmed(result, path)
    return Found(result.holds, false, due, due and result.holds, due and result.refuted)


def _is_confirmed(result: rj.Contraction, path: Path) -> bool:
    try:
        checker.check(str(result.save(path)))
    except (checker.Refused, checker.Unproven):
        return False
    return True


def radius() -> list[Figure]:
    """Certified radius against the true largest one on scalar examples."""
    root = (3.0 - math.sqrt(13.0)) / 2.0
    cubic, omega = (math.sqrt(5.0 / 3.0) - 1.0) / 2.0, 0.5671432904097838
    examples: list[tuple[str, Callable[[Any], Any], float, float]] = [
        ("(x^2 - 1)/3 about its attracting point", lambda x: (x**2 - 1) / 3, root, 1.5 + root),
        ("3 x^2 - 2 x^3 about 0", lambda x: 3 * x**2 - 2 * x**3, 0.0, cubic),
        ("3 x^2 - 2 x^3 about 1", lambda x: 3 * x**2 - 2 * x**3, 1.0, cubic),
        ("exp(-x) about omega", lambda x: np.exp(-x), omega, omega),
        ("1.5 tanh(x) about its upper point", lambda x: 1.5 * np.tanh(x), *_tanh_example()),
        ("log(2 + x) about its upper point", lambda x: np.log(2 + x), 1.1461932206205825, 2.1461932206205825),
    ]
    return [
        at_least(what, rj.largest_certified_radius(f, center).radius / largest, 0.95)
        for what, f, center, largest in examples
    ]


def _tanh_example() -> tuple[float, float]:
    """The point x = 1.5 tanh(x) > 0, and how far it is from where the slope is 1."""
    x = 1.5
    for _ in range(200):
        x = 1.5 * math.tanh(x)
    return x, x - math.acosh(math.sqrt(1.5))


def cases() -> list[Figure]:
    """A.7's three cases and Lemma A.8: certified, or refused with the right reason."""
    success = rj.certify_contraction(lambda x: (x**2 - 1) / 3, -1, 1)
    away = rj.certify_contraction(lambda x: (x**2 - 1) / 3, 3, 4)
    power = rj.certify_contraction(lambda x: 3.0**-x, 0, 1)
    return [
        _figure("(x^2 - 1)/3 on [-1, 1]", success.reason or "certified", success.holds),
        _figure("(x^2 - 1)/3 on [3, 4]", away.reason, away.refuted and "not a self-map" in away.reason),
        _figure(
            "3^-x on [0, 1]", power.reason, power.self_map and power.reason.startswith("constant 1.0986")
        ),
        at_most(
            "most certified points of a quadratic, 100 with two fixed points", _most_of_quadratics(100), 1
        ),
    ]


def _figure(what: str, reason: str, met: bool) -> Figure:
    return Figure(what=what, value=reason, target="the right reason", met=met)


def _most_of_quadratics(count: int) -> int:
    """The largest number of fixed points of a quadratic that are certified, over random ones with two real points."""
    rng, most, done = np.random.default_rng(SEED), 0, 0
    while done < count:
        a, b, c = rng.uniform(-2.0, 2.0, 3)
        roots = np.roots([a, b - 1.0, c])
        if np.iscomplexobj(roots):
            continue
        found = rj.contraction_regions(_quadratic(a, b, c), points=np.sort(roots), parts=16)
        most, done = max(most, len(found.regions)), done + 1
    return most


def _quadratic(a: float, b: float, c: float) -> Callable[[Any], Any]:
    return lambda x: a * x**2 + b * x + c
