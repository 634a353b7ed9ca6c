"""m_K of every activation against quadrature along paths, at points of the lower half plane."""

from __future__ import annotations

import cmath
import math
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import mpmath as mp
import numpy as np

import rmtjac as rj
from validation.edges import largest_gate
from validation.gate_transforms import Transform, reference_transform
from validation.networks import HARD, SMOOTH, log_uniform, random_name
from validation.targets.table import Figure, at_most

SEED = 20261124
POINTS = 10_000
Q = (0.01, 10.0)
DIGITS = (20, 26)  # of the two references, which must agree to 1e-18
AGREED = mp.mpf("1e-18")
EPS = float(np.finfo(float).eps)
BLOCK = 50


class Found(NamedTuple):
    """Relative error of m, its condition |zeta m'/m| (and that of the axis), and which point it is."""

    error: float
    condition: float
    place: str


def transforms() -> list[Figure]:
    """m_K of every activation at 10,000 points of the lower half plane, q in [.01, 10], against reference_transform.

    Points lie in all of the half plane, from 1e-6 to 1e6 times the end 1/max k of the cut in modulus; beside the cut
    down to 1e-8 of their modulus; about the end of the cut down to 1e-4; on the negative axis. Nothing is left out.
    zeta is the exact double for both. But rounding of zeta by eps moves m by eps |zeta m'/m|, and no arithmetic in
    doubles can be asked for more: the second figure is the error beyond 4 eps of that condition.
    """
    blocks = [range(start, min(start + BLOCK, POINTS)) for start in range(0, POINTS, BLOCK)]
    found: list[Found] = []
    with ProcessPoolExecutor(2) as pool:
        for i, block in enumerate(pool.map(_one_block, blocks), start=1):
            found += block
            if i % 20 == 0:
                print(f"transforms: {len(found)} of {POINTS} points", file=sys.stderr, flush=True)
    worst = max(found)
    beyond = max((max(0.0, p.error - 4.0 * EPS * p.condition), p.place) for p in found)
    over = sum(p.error > 1e-12 for p in found)
    return [
        at_most(
            f"largest relative error ({worst.place}, condition {worst.condition:.2g})", worst.error, 1e-12
        ),
        at_most(f"largest beyond 4 eps of conditioning ({beyond[1]})", beyond[0], 1e-12),
        Figure(what="points above 1e-12", value=f"{over} of {len(found)}", target="reported", met=True),
    ]


def _one_block(numbers: range) -> list[Found]:
    return [_one_point(number) for number in numbers]


def _one_point(number: int) -> Found:
    rng = random.Random(f"{SEED} transforms {number}")
    activation, q = random_name(rng, (*HARD, *SMOOTH)), log_uniform(rng, *Q)
    zeta = point(rng, float(1 / largest_gate(activation)))
    exact = _agreed(activation, q, zeta)
    found = complex(rj.generating_function(activation, q, zeta))
    error = float(abs(mp.mpc(found) - exact.m) / abs(exact.m))
    return Found(error, float(abs(exact.slope / exact.m)), f"{activation}, q={q!r}, zeta={zeta!r}")


def point(rng: random.Random, end: float) -> complex:
    """A point of the lower half plane, or of the negative axis; the cut begins at `end`."""
    kind = rng.randrange(5)
    if kind == 0:
        return end * complex(rng.uniform(-4.0, 4.0), -rng.uniform(0.0, 4.0))
    if kind == 1:
        return end * log_uniform(rng, 1e-6, 1e6) * cmath.rect(1.0, -rng.uniform(0.0, math.pi))
    if kind == 2:
        # beside the cut
        return end * log_uniform(rng, 1.0, 1e6) * complex(1.0, -log_uniform(rng, 1e-8, 1e-2))
    if kind == 3:
        # about the end of the cut, and the real critical points before it
        return end * (1.0 + log_uniform(rng, 1e-4, 1.0) * cmath.rect(1.0, -rng.uniform(0.0, math.pi)))
    return complex(-end * log_uniform(rng, 1e-6, 1e6), -0.0)


def _agreed(activation: str, q: float, zeta: complex) -> Transform:
    """The reference at the higher precision; the lower one must agree."""
    low, high = (reference_transform(activation, q, zeta, digits) for digits in DIGITS)
    if abs(low.m - high.m) > AGREED * abs(high.m):
        raise ArithmeticError(f"m_K of {activation}, q = {q!r}, at {zeta!r}: {low.m} and {high.m}")
    return high
