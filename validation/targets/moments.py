"""Moments of random networks against power series."""

from __future__ import annotations

import math
import random
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.integrate import quad_vec

import rmtjac as rj
from validation.moments import moments_of_network
from validation.networks import HARD, SMOOTH, Network, mixed_network
from validation.targets.table import Figure, at_most

SEED = 20261122
NETWORKS = 200
INTEGRATED = 20  # networks whose densities are integrated point by point as well
HIGHEST = 4
ERROR = 1e-11
NEGLIGIBLE = 1e-12  # mass of an interval that is left out next to log lambda = -inf

Floats = npt.NDArray[np.float64]


def moments() -> list[Figure]:
    """Moments 0..4 of 200 networks of 2-8 layers that differ, J J^T and J^T J, against power series.

    Three in four have independent weights and random widths, the others Haar weights. `law.moment` integrates along
    the curve; for the first networks SciPy's quad_vec integrates x^k pdf(x) on its own, and the atoms are added.
    """
    with ProcessPoolExecutor(2) as pool:
        results = list(pool.map(_one_network, range(NETWORKS), chunksize=5))
    along, place = max((worst, place) for worst, _, place in results)
    integrated, at = max((worst, place) for _, worst, place in results)
    return [
        at_most(f"law.moment ({place})", along, 1e-8),
        at_most(f"SciPy's quad_vec of x^k pdf and atoms, {INTEGRATED} networks ({at})", integrated, 1e-8),
    ]


def network_of(number: int) -> Network:
    """The network of a number."""
    rng = random.Random(f"{SEED} moments {number}")
    return mixed_network(rng, (*HARD, *SMOOTH), haar=number % 4 == 3)


def _one_network(number: int) -> tuple[float, float, str]:
    """Worst relative errors of both sides: law.moment, and integrals (0 if not asked for); and which network it is."""
    network = network_of(number)
    along = integrated = 0.0
    for side, values in zip(("input", "output"), moments_of_network(network, HIGHEST), strict=True):
        law, exact = network.law(side), np.array([float(value) for value in values])
        found = np.array([law.moment(k) for k in range(exact.size)])
        along = max(along, float(np.abs(found / exact - 1.0).max()))
        if number < INTEGRATED:
            integrated = max(integrated, float(np.abs(ratios_by_quadrature(law, exact) - 1.0).max()))
    return along, integrated, f"{number}: {network}"


def ratios_by_quadrature(law: rj.SpectralLaw, exact: Floats) -> Floats:
    """Integrals of x^k pdf(x) over `exact`, with the atoms' parts, k = 0, 1, ...; taken in log lambda."""
    view, k = law.of("log_eigenvalues"), np.arange(float(exact.size))
    total = np.zeros(exact.size)
    for place, mass in law.atoms:
        total += mass * place**k / exact
    for low, high in view.support:
        end, points = _ends(view, low, high)
        value, _ = quad_vec(
            partial(_integrand, view, low, high, k, exact), 0.0, end, epsabs=ERROR, points=points
        )
        total += value
    return total


def _integrand(view: rj.SpectralLaw, low: float, high: float, k: Floats, exact: Floats, x: float) -> Floats:
    """x^k pdf(x) over `exact` in a variable in which the roots at the edges are gone."""
    if math.isinf(low):
        t, speed = high - x * x, 2.0 * x
    else:
        t, speed = high - (high - low) * math.sin(0.5 * x) ** 2, 0.5 * (high - low) * math.sin(x)
    return np.asarray(speed * view.pdf(t) * np.exp(k * t) / exact)


def _ends(view: rj.SpectralLaw, low: float, high: float) -> tuple[float, Floats]:
    """Where the variable of `_integrand` ends, and quantiles that the quadrature breaks at."""
    below, above = (
        float(view.cdf(low)),
        float(view.sf(high)) + sum(m for place, m in view.atoms if place == high),
    )
    t = view.ppf(
        below + (1.0 - above - below) * np.array([NEGLIGIBLE, 1e-6, 0.01, 0.2, 0.5, 0.8, 0.99, 1.0 - 1e-6])
    )
    if math.isinf(low):
        x = np.sqrt(high - t)
        return float(x[0]), x[1:]
    return math.pi, 2.0 * np.arcsin(np.sqrt(np.clip((high - t[1:]) / (high - low), 0.0, 1.0)))
