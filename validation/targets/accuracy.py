"""Accuracy targets of the main job: densities, moments, quantiles, and the distance to sampling."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import rmtjac as rj
from rmtjac.comparison.realised_laws import realised_laws
from validation.series import moments_by_series
from validation.targets.table import Figure, at_most

EPS = np.finfo(float).eps
DATA = Path(__file__).parents[2] / "tests" / "data"
# cells that shrink towards an edge, where near criticality the density has a narrow peak; not further, since
# within 1e-8 of an edge the double lambda itself is too coarse
GRADED = np.concatenate([[0.0], np.geomspace(1e-3, 1.0, 80)])


def linear() -> list[Figure]:
    """Linear Gaussian densities against mpmath at 40 digits, at the exact double lambda."""
    figures = []
    for depth, rows in reference_densities().items():
        lam, rho = rows[:, 0], rows[:, 1]
        law = rj.spectral_law(rj.Ensemble(depth=depth))
        error = np.abs(law.pdf(lam) / rho - 1.0)
        inside = rows[:, 2]  # 1 - lam/edge
        far = inside >= 1e-4
        figures.append(at_most(f"L = {depth}: median relative error", float(np.median(error)), 1e-13))
        figures.append(
            at_most(f"L = {depth}: largest where 1 - lam/edge >= 1e-4", float(error[far].max()), 1e-10)
        )
        closer = error[~far] * inside[~far] / (20.0 * depth * EPS)
        figures.append(
            at_most(
                f"L = {depth}: largest closer, in units of 20 L eps/(1 - lam/edge)", float(closer.max()), 1.0
            )
        )
        figures.append(at_most(f"L = {depth}: points not converged", float(law.status(lam).code.sum()), 0.0))
    return figures


def reference_densities() -> dict[int, np.ndarray]:
    """Depth -> rows of lambda, density, 1 - lambda/edge (in exact arithmetic), from tests/data."""
    result = {}
    for table in json.loads((DATA / "fuss_catalan.json").read_text())["tables"]:
        n = table["depth"]
        edge = Fraction((n + 1) ** (n + 1), n**n)
        rows = [(lam, rho, float(1 - Fraction(lam) / edge)) for lam, rho in table["lam_density"]]
        result[n] = np.array(rows)
    return result


def golden() -> list[Figure]:
    """Golden values of THEORY.md section 2 for gates of finitely many values."""
    figures = []

    def check(what: str, value: float, given: float, digits: float = 1e-9) -> None:
        figures.append(at_most(what, abs(value - given), max(1e-9, digits)))

    for depth, rho in {1: 0.2756644477108962, 2: 0.1789791274880285, 3: 0.1368777991756355,
                       5: 0.0956543236011748, 10: 0.0565658196123541}.items():  # fmt: skip
        check(f"linear, L = {depth}: rho(1)", rj.spectral_law(rj.Ensemble(depth=depth)).pdf(1.0), rho)
    law = rj.spectral_law(rj.Ensemble(depth=2, activation="hard_tanh"), q=1.0)
    check("hard_tanh, Gaussian, L = 2: rho(.1)", law.pdf(0.1), 0.9036573012)
    check("hard_tanh, Gaussian, L = 2: rho(.5)", law.pdf(0.5), 0.2648310125)
    check("hard_tanh, Gaussian, L = 2: top", law.edges[-1], 4.1008959522)
    law = rj.spectral_law(rj.Ensemble(depth=2, activation="hard_tanh", weights="orthogonal"), q=1.0)
    check("hard_tanh, Haar, L = 2: rho(.1)", law.pdf(0.1), 0.4895907357)
    check("hard_tanh, Haar, L = 2: rho(.5)", law.pdf(0.5), 0.2725216733)
    check("hard_tanh, Haar, L = 2: atom at 1", law.atoms[1, 1], 0.3653789843)
    check("hard_tanh, Haar, L = 2: atom at 0", law.atoms[0, 1], 0.3173105079)
    check("hard_tanh, Haar, L = 2: top of the continuous part", law.edges[-1], 0.8664981979)
    for depth, top in {1: 5.828427, 5: 27.272773, 10: 54.410859}.items():
        law = rj.spectral_law(rj.Ensemble(depth=depth, activation="relu", sigma_w=math.sqrt(2.0)))
        check(f"relu, L = {depth}: top (6 digits given)", law.edges[-1], top, 5e-7)
        check(f"relu, L = {depth}: variance - 2 L", law.var(), 2.0 * depth)
    return figures


def moments() -> list[Figure]:
    """Integral of x^k pdf plus atoms, k = 0..4, by quadrature of pdf, against the power series: 500 draws."""
    seed, draws = 20261121, 500
    rng = np.random.default_rng(seed)
    worst, place, own = 0.0, "", 0.0
    for _ in range(draws):
        activation = ["relu", f"leaky_relu({rng.uniform(0.05, 0.9):.3f})", "hard_tanh"][rng.integers(3)]
        weights = ["gaussian", "orthogonal"][rng.integers(2)]
        depth = int(rng.integers(1, 21))
        q = float(np.exp(rng.uniform(math.log(0.01), math.log(10.0))))
        sigma = float(rng.uniform(0.5, 3.0))
        ens = rj.Ensemble(depth=depth, activation=activation, weights=weights, sigma_w=sigma)
        law = rj.spectral_law(ens, q=q)
        expected = moments_by_series(ens, q, 4)
        for k in range(5):
            own = max(own, abs(law.moment(k) / expected[k] - 1.0))
            error = abs(quadrature_moment(law, k) / expected[k] - 1.0)
            if error > worst:
                worst, place = (
                    error,
                    f"k={k}, {activation}, {weights}, L={depth}, q={q:.4g}, sigma_w={sigma:.4g}",
                )
    return [
        at_most(f"largest relative error, seed {seed} ({place})", worst, 1e-9),
        at_most("largest relative error of law.moment", own, 1e-9),
    ]


def quadrature_moment(law: Any, k: int) -> float:
    """Integral of x^k pdf plus atoms by Gauss-Legendre, in log lambda since lambda underflows."""
    view = law.of("log_eigenvalues")
    points, weights = np.polynomial.legendre.leggauss(20)
    total = sum(float(mass * place**k) for place, mass in law.atoms)
    for low, high in view.support:
        if math.isinf(low):
            # t = high - s^2; stop where the mass below is negligible
            zero, top = float(view.cdf(-np.inf)), float(view.cdf(high * (1.0 - EPS)))
            if top - zero < 1e-13:
                continue
            end = math.sqrt(high - view.ppf(zero + 1e-13 * (top - zero)))
            edges = end * GRADED
        else:
            edges = math.pi * np.concatenate([0.5 * GRADED, 1.0 - 0.5 * GRADED[-2::-1]])
        half = 0.5 * np.diff(edges)
        x = (0.5 * (edges[1:] + edges[:-1])[:, None] + half[:, None] * points).ravel()
        w = (half[:, None] * weights).ravel()
        if math.isinf(low):
            t, jacobian = high - x**2, 2.0 * x
        else:
            t, jacobian = high - (high - low) * np.sin(x / 2) ** 2, 0.5 * (high - low) * np.sin(x)
        total += float((w * jacobian * np.exp(k * t) * view.pdf(t)).sum())
    return total


def quantiles() -> list[Figure]:
    """cdf(ppf(u)) - u in log lambda, u from 1e-9 to 1 - 1e-9."""
    u = np.concatenate([np.logspace(-9, -1, 100), np.linspace(0.1, 0.9, 100), 1.0 - np.logspace(-1, -9, 100)])
    figures = []
    for depth in (1, 2, 3, 5, 10, 30, 100, 300, 1000, 3000, 10_000):
        law = rj.spectral_law(rj.Ensemble(depth=depth)).of("log_eigenvalues")
        figures.append(at_most(f"linear, L = {depth}", float(np.abs(law.cdf(law.ppf(u)) - u).max()), 1e-9))
    for weights in ("gaussian", "orthogonal"):
        for depth in (2, 10, 100, 10_000):
            ens = rj.Ensemble(depth=depth, activation="hard_tanh", weights=weights)
            law = rj.spectral_law(ens, q=0.7).of("log_eigenvalues")
            error = float(np.abs(law.cdf(law.ppf(u)) - u)[_off_atoms(law, u)].max(initial=0.0))
            figures.append(at_most(f"hard_tanh, {weights}, q = .7, L = {depth}", error, 1e-9))
    return figures


def _off_atoms(law: Any, u: np.ndarray) -> np.ndarray:
    """Levels u that no atom covers."""
    off = np.ones(u.shape, dtype=bool)
    for place, mass in law.atoms:
        top = float(law.cdf(place))
        off &= (u <= top - mass) | (u > top)
    return off


def sampling() -> list[Figure]:
    """Kolmogorov distance to sampling, N = 1000, 20 replicates; the law at each network's gate fractions."""
    figures = []
    for activation, sigma in (("linear", 1.0), ("relu", math.sqrt(2.0)), ("hard_tanh", 1.0)):
        for depth in (2, 5):
            ens = rj.Ensemble(depth=depth, width=1000, activation=activation, sigma_w=sigma)
            sample = rj.sample_spectrum(ens, 20, 20261121, accuracy="absolute")
            limit = rj.compare(rj.spectral_law(ens), sample).ks
            if activation == "linear":
                figures.append(at_most(f"linear, L = {depth}", limit, 0.005))
                continue
            realised = rj.compare(realised_laws(ens, sample), sample).ks
            figures.append(at_most(f"{activation}, L = {depth}, at realised gates", realised, 0.005))
            figures.append(
                Figure(
                    what=f"{activation}, L = {depth}, the limit law itself",
                    value=limit,
                    target="reported",
                    met=True,
                )
            )
    return figures
