"""Whether the bound of a density is ever below its error."""

from __future__ import annotations

import math
import random
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import mpmath as mp
import numpy as np
import numpy.typing as npt
from flint import acb

import rmtjac as rj
from validation.atomic import AtomicEquation
from validation.gate_transforms import to_mpc
from validation.networks import HARD, SMOOTH, Network, mixed_network, package_roots, random_layer
from validation.reference import polished_density
from validation.targets.table import Figure, at_most

SEED = 20261125
ATOMIC = (424, 240)  # networks, and points of each
SMOOTHS = (60, 10)
Q = (0.1, 5.0)
DEEPEST = 20
DIGITS = 50

Floats = npt.NDArray[np.float64]


class Found(NamedTuple):
    """Of one network: points, violations (error/bound and where), points without a reference, infinite bounds, and
    bound/error."""

    points: int
    violations: list[tuple[float, str]]
    unknown: int
    infinite: int
    ratios: list[float]


def bounds() -> list[Figure]:
    """status().bound against the true error, more than 100,000 densities: the bound is never too small.

    Random networks of 2-8 layers that differ, and identical layers, L <= 20; log-uniform lam, down to 1e-25 of a top
    edge, and to 1e-16 of every edge, on both sides of it. Nearly all have gates of finitely many values (linear, relu,
    leaky_relu, hard_tanh), for which the true value is polished in Arb at 60 digits (validation/atomic.py), the others
    smooth layers, polished by mpmath at 50 digits.
    """
    tasks = [(False, k) for k in range(ATOMIC[0])] + [(True, k) for k in range(SMOOTHS[0])]
    results = []
    with ProcessPoolExecutor(2) as pool:
        for done, found in enumerate(pool.map(_one_network, tasks), start=1):
            results.append(found)
            if done % 40 == 0:
                print(f"bounds: {done} of {len(tasks)} networks", file=sys.stderr, flush=True)
    smooth = sum(found.points for found in results[ATOMIC[0] :])
    points = sum(found.points for found in results)
    violations = sorted((v for found in results for v in found.violations), reverse=True)
    for excess, place in violations[:20]:
        print(f"bounds: error/bound {excess:.3g}: {place}", file=sys.stderr, flush=True)
    ratios = [ratio for found in results for ratio in found.ratios]
    return [
        at_most(f"bounds below the error, of {points} ({smooth} smooth)", float(len(violations)), 0.0),
        _reported("points whose reference is not certified (left out)", sum(f.unknown for f in results)),
        _reported("infinite bounds", sum(f.infinite for f in results)),
        _reported("median of bound/error", round(statistics.median(ratios), 1)),
    ]


def _reported(what: str, value: float) -> Figure:
    return Figure(what=what, value=str(value), target="reported", met=True)


def _one_network(task: tuple[bool, int]) -> Found:
    """The densities of one random network."""
    smooth, number = task
    rng = random.Random(f"{SEED} bounds {task}")
    network = network_of(rng, number, smooth)
    side = rng.choice(("output", "input"))
    law = network.law(side)
    if not len(law.support):
        return Found(points=0, violations=[], unknown=0, infinite=0, ratios=[])
    lams = positions(rng, law, (SMOOTHS if smooth else ATOMIC)[1], outside=not smooth)
    exact = _smooth_densities(network, law, lams) if smooth else _atomic_densities(network, law, lams)
    status, pdf = law.status(lams), law.pdf(lams)
    known = [k for k, truth in enumerate(exact) if truth is not None]
    errors = np.array([_error(network, side, float(pdf[k]), exact[k]) for k in known])
    bound = status.bound[known]
    low, inside = errors > bound, (errors > 0.0) & np.isfinite(bound)
    with np.errstate(divide="ignore"):
        excess = errors[low] / bound[low]
    places = [f"lam={float(lam)!r}, {side}, {task} {network}" for lam in lams[known][low]]
    return Found(
        points=len(known),
        violations=list(zip(excess.tolist(), places, strict=True)),
        unknown=len(exact) - len(known),
        infinite=int(np.isinf(bound).sum()),
        ratios=(bound[inside] / errors[inside]).tolist(),
    )


def _error(network: Network, side: str, value: float, truth: mp.mpf) -> float:
    """|value - density| of that side, for the true density of J^T J."""
    with mp.workdps(DIGITS):
        share = 1 if side == "input" else mp.mpf(network.widths[0]) / network.widths[-1]
        return abs(float(mp.mpf(value) - truth * share))


def network_of(rng: random.Random, number: int, smooth: bool) -> Network:
    """Odd numbers: identical layers; a quarter of all have Haar weights."""
    haar, names = number % 4 == 3 or number % 8 == 0, list(SMOOTH if smooth else HARD)
    if number % 2:
        names = [name for name in names if not (haar and name == "linear")]
        return Network.identical(random_layer(rng, names, Q), rng.randint(2, DEEPEST), haar)
    if smooth:
        names += [*SMOOTH, *HARD[1:]]  # a lone layer among linear Haar ones has no equation
    return mixed_network(rng, names, q=Q, haar=haar)


def positions(rng: random.Random, law: rj.SpectralLaw, count: int, *, outside: bool) -> Floats:
    """Half of them log-uniform in an interval, half log-uniformly near edges, some on their far side."""
    lams: list[float] = []
    while len(lams) < count:
        low, high = law.support[rng.randrange(len(law.support))]
        if rng.random() < 0.5:
            bottom = low if low > 0.0 else max(high * 1e-25, 1e-290)
            lam = math.exp(rng.uniform(math.log(bottom), math.log(high)))
        else:
            edge, inward = (low, 1.0) if low > 0.0 and rng.random() < 0.5 else (high, -1.0)
            if outside and rng.random() < 0.1:
                lam = edge * (1.0 - inward * 10.0 ** rng.uniform(-16.0, -14.0))
            else:
                lam = edge * (1.0 + inward * 10.0 ** rng.uniform(-16.0 if outside else -10.0, -1.0))
        if outside or low < lam < high:
            lams.append(lam)
    return np.array(lams)


def _atomic_densities(network: Network, law: rj.SpectralLaw, lams: Floats) -> list[mp.mpf | None]:
    """Densities of J^T J; None where nothing is certified."""
    equation = AtomicEquation(network)
    starts = package_roots(network, law, lams)
    found = [equation.inner_density(float(lam), start) for lam, start in zip(lams, starts, strict=True)]
    return [None if value is None else to_mpc(acb(value)).real for value in found]


def _smooth_densities(network: Network, law: rj.SpectralLaw, lams: Floats) -> list[mp.mpf | None]:
    """Densities of J^T J; None where nothing is certified."""
    result: list[mp.mpf | None] = []
    for lam, start in zip(lams, package_roots(network, law, lams), strict=True):
        try:
            args = (network.layers, network.widths, network.haar, float(lam), start, DIGITS)
            found = polished_density(*args)
        except (ArithmeticError, ZeroDivisionError):
            result.append(None)
            continue
        result.append(found.inner_density if found.certified else None)
    return result
