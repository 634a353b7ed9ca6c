"""Targets of the main job: accuracy, moments, quantiles, sampling, speed and start-up."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import rmtjac as rj
from rmtjac.comparison import realised_laws
from validation.paper_scheme import paper_density
from validation.series import moments_by_series
from validation.targets.table import Figure, at_least, at_most, print_rows

EPS = np.finfo(float).eps
ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
# cells that shrink towards an edge, where near criticality the density has a narrow peak; not further, since
# within 1e-8 of an edge the double lambda itself is too coarse
GRADED = np.concatenate([[0.0], np.geomspace(1e-3, 1.0, 80)])


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
    """Integral of x^k pdf plus atoms, in log lambda (lambda itself underflows), by Gauss-Legendre in coordinates that remove square-root ends."""
    view = law.of("log_eigenvalues")
    points, weights = np.polynomial.legendre.leggauss(20)
    total = sum(mass * place**k for place, mass in law.atoms)
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
            sample = rj.sample_spectrum(ens, 20, 20261121)
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


def speed() -> list[Figure]:
    """Densities a second, depth 10, hard_tanh, 200,000 shuffled points, construction included; one core."""
    count, ens = 200_000, rj.Ensemble(depth=10, activation="hard_tanh")
    top = float(rj.spectral_law(ens, q=1.0).edges[-1])
    rng = np.random.default_rng(1)
    lam = top * rng.permutation(
        np.concatenate([np.linspace(1e-9, 1.0, count // 2), np.logspace(-30, 0, count // 2)])
    )
    lam = lam * (1.0 - 1e-12)

    def ours() -> np.ndarray:
        return rj.spectral_law(ens, q=1.0).pdf(lam)

    few = lam[:2000]
    opened = math.erf(math.sqrt(0.5))
    mine, paper = [], []
    for _ in range(5):
        mine.append(_seconds(ours) / count)
        paper.append(_seconds(lambda: paper_density(few, 10, opened)) / few.size)
    values = ours()
    alone = np.array([rj.spectral_law(ens, q=1.0).pdf(float(x)) for x in lam[:50]])
    return [
        at_least("densities a second (median of 5)", 1.0 / float(np.median(mine)), 400_000.0),
        at_least(
            "times faster than the paper's scheme, per point",
            float(np.median(np.array(paper) / np.array(mine))),
            100.0,
        ),
        at_most("largest change of a value computed alone", float(np.abs(alone - values[:50]).max()), 0.0),
        at_most("points not converged", float(rj.spectral_law(ens, q=1.0).status(lam).code.sum()), 0.0),
    ]


def depth() -> list[Figure]:
    """Depth 10,000 against depth 10: time, and accuracy of the log density of log lambda."""
    figures = []
    u = np.random.default_rng(2).random(200_000)
    for activation, q in (("linear", None), ("hard_tanh", 1.0)):
        seconds: dict[int, list[float]] = {10: [], 10_000: []}
        points = {}
        for d in seconds:
            view = rj.spectral_law(rj.Ensemble(depth=d, activation=activation), q=q).of("log_eigenvalues")
            zero = float(view.cdf(-np.inf))
            points[d] = view.ppf(zero + (1.0 - zero) * u[:20_000])[
                np.random.default_rng(3).integers(0, 20_000, u.size)
            ]
        for _ in range(5):
            for d, taken in seconds.items():
                ens = rj.Ensemble(depth=d, activation=activation)
                t = points[d]
                taken.append(
                    _seconds(lambda ens=ens, t=t: rj.spectral_law(ens, q=q).of("log_eigenvalues").logpdf(t))
                )
        ratio = float(np.median(np.array(seconds[10_000]) / np.array(seconds[10])))
        figures.append(at_most(f"{activation}: time at depth 10,000 / depth 10", ratio, 2.0))
    for d in (10, 10_000):
        t, log_rho = reference_log_densities(d)
        law = rj.spectral_law(rj.Ensemble(depth=d)).of("log_eigenvalues")
        error = np.abs(law.logpdf(t) - log_rho)
        figures.append(
            at_most(f"linear, L = {d}: median error of log density (mpmath)", float(np.median(error)), 1e-13)
        )
        figures.append(
            at_most(f"linear, L = {d}: largest error of log density (mpmath)", float(error.max()), 1e-10)
        )
    return figures


def startup() -> list[Figure]:
    """Start-up of the command line and the package: medians of 5 new processes; and a cold compile."""
    command = [sys.executable, "-m", "rmtjac"]
    script = Path(sys.executable).with_name("rmtjac")
    fast = [str(script)] if script.exists() else command
    law = [*fast, "law", "--depth", "3"]
    subprocess.run(law, check=True, capture_output=True)
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache}
        cold = _seconds(lambda: subprocess.run(law, check=True, capture_output=True, env=environment))
    return [
        at_most("rmtjac --help, s", _process([*fast, "--help"]), 0.1),
        at_most("import rmtjac, s", _process([sys.executable, "-c", "import rmtjac"]), 0.2),
        at_most("second rmtjac law --depth 3, s", _process(law), 1.5),
        at_most("first rmtjac law --depth 3, cold compile, s", cold, 30.0),
    ]


def _process(command: list[str]) -> float:
    return float(
        np.median(
            [_seconds(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(5)]
        )
    )


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def reference_densities() -> dict[int, np.ndarray]:
    """Depth -> rows of lambda, density, 1 - lambda/edge, from tests/data."""
    raise NotImplementedError


def reference_log_densities(depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and log densities of log lambda, from tests/data."""
    raise NotImplementedError


ROWS: dict[str, Callable[[], Sequence[Figure]]] = {
    row.__name__: row for row in (linear, golden, moments, quantiles, sampling, speed, depth, startup)
}


def main(wanted: Sequence[str]) -> int:
    """Measure and print the rows."""
    return print_rows(ROWS, wanted)
