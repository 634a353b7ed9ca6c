"""Targets of the general law: any activation, any widths, layers that differ."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np

import rmtjac as rj
from validation.targets.bounds import bounds
from validation.targets.densities import densities
from validation.targets.distances import sampling
from validation.targets.moments import moments
from validation.targets.table import Figure, at_least, at_most, print_rows
from validation.targets.transforms import transforms

POINTS = 200_000


def golden() -> list[Figure]:
    """Golden erf values of THEORY.md section 2, q = .8, sigma_w = 1, L = 2."""
    figures = []

    def check(what: str, value: float, given: float) -> None:
        figures.append(at_most(what, abs(value - given), 1e-9))

    law = rj.spectral_law(rj.Ensemble(depth=2, activation="erf"), q=0.8)
    check("Gaussian: rho(.1)", law.pdf(0.1), 1.1987808460)
    check("Gaussian: rho(.5)", law.pdf(0.5), 0.2867988961)
    check("Gaussian: top", law.edges[-1], 2.5429035959)
    check("Gaussian: E log lambda = -L (1 + pi q/2)", law.log_moment(), -2.0 * (1.0 + 0.4 * math.pi))
    law = rj.spectral_law(rj.Ensemble(depth=2, activation="erf", weights="orthogonal"), q=0.8)
    check("Haar: rho(.5)", law.pdf(0.5), 0.7614945852)
    check("Haar: top", law.edges[-1], 0.8679393733)
    check("Haar: E log lambda = -L pi q/2", law.log_moment(), -0.8 * math.pi)
    return figures


def speed() -> list[Figure]:
    """Densities a second, depth 10, 200,000 shuffled points, construction included; one core, median of 3."""
    return [
        at_least(f"{name}, q = {q:g}: densities a second", 1.0 / _seconds_per_density(name, q), 50_000.0)
        for name in ("erf", "tanh")
        for q in (0.1, 1.0)
    ]


def _seconds_per_density(activation: str, q: float) -> float:
    ens = rj.Ensemble(depth=10, activation=activation)
    u = np.linspace(1e-4, 1.0 - 1e-4, 2000)
    lam = np.interp(np.random.default_rng(1).random(POINTS), u, rj.spectral_law(ens, q=q).ppf(u))
    return _median_seconds(lambda: rj.spectral_law(ens, q=q).pdf(lam)) / POINTS


def layers() -> list[Figure]:
    """50 different erf layers against one layer: time of the law and 2,000 densities of log lambda, median of 5."""
    qs = np.geomspace(0.1, 10.0, 50)
    alone, together = _law_and_densities(qs[25:26]), _law_and_densities(qs)
    one, many = _median_seconds(alone, 5), _median_seconds(together, 5)
    return [
        Figure(what="one layer, ms", value=1e3 * one, target="reported", met=True),
        Figure(what="50 layers, ms", value=1e3 * many, target="reported", met=True),
        at_most("ratio", many / one, 60.0),
    ]


def _law_and_densities(qs: np.ndarray) -> Callable[[], object]:
    """The work that is timed, done once already."""
    ens = rj.Ensemble(depth=qs.size, activation="erf")

    def law() -> rj.SpectralLaw:
        return rj.spectral_law(ens, q=[float(q) for q in qs]).of("log_eigenvalues")

    points = law().ppf(np.random.default_rng(1).random(2000))
    law().logpdf(points)
    return lambda: law().logpdf(points)


def _median_seconds(work: Callable[[], object], runs: int = 3) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


ROWS: dict[str, Callable[[], Sequence[Figure]]] = {
    row.__name__: row for row in (golden, transforms, densities, moments, sampling, bounds, speed, layers)
}


def main(wanted: Sequence[str]) -> int:
    """Measure and print the rows."""
    return print_rows(ROWS, wanted)
