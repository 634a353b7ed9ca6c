"""What is known exactly at finite width: moments, determinants, Lyapunov exponents, all digits of singular values."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import numpy.typing as npt
from scipy.special import polygamma, psi

import rmtjac as rj
from rmtjac.model.streams import Streams
from validation.targets.table import Figure, at_least, at_most

Floats = npt.NDArray[np.float64]

DIGITS = (200, 300)
STANDARD_ERRORS = 4.0


def log_singular_values() -> list[Figure]:
    """Every log singular value at N = 30, depth 60, against mpmath at 200 digits (300 give the same)."""
    return [
        at_most(f"{weights}: largest error", _error(weights), 1e-10) for weights in ("gaussian", "cauchy")
    ]


def _error(weights: str) -> float:
    ens = rj.Ensemble(depth=60, width=30, weights=weights)
    found = rj.sample_spectrum(ens, 1, 4, accuracy="relative").log_singular_values[0]
    exact = [_exact(ens, 4, digits) for digits in DIGITS]
    assert np.abs(exact[0] - exact[1]).max() < 1e-13
    return float(np.abs(found - exact[0]).max())


def _exact(ens: rj.Ensemble, seed: int, digits: int) -> Floats:
    with mp.workdps(digits):
        product = mp.eye(ens.widths[0])
        for layer in range(1, ens.depth + 1):
            weights, _ = ens.draw_layer(layer, Streams(seed))
            product = mp.matrix(weights.tolist()) * product
        values = mp.svd_r(product, compute_uv=False)
        return np.array(sorted(float(mp.log(value)) for value in values))


def lyapunov() -> list[Figure]:
    """N = 100, depth 1,000, Gaussian: Lyapunov exponents against (1/2)[log(2/N) + psi(k/2)]."""
    n, depth, replicates = 100, 1000, 4
    sample = rj.sample_spectrum(rj.Ensemble(depth=depth, width=n), replicates, 5, accuracy="relative")
    exponents = sample.lyapunov_exponents
    k = np.arange(1, n + 1)
    mean = 0.5 * (math.log(2.0 / n) + psi(k / 2.0))
    # log det is a sum over layers of independent logs of chi variables: the error of the mean exponent is known exactly
    deviation = math.sqrt(polygamma(1, k / 2.0).sum() / 4.0 / (depth * replicates)) / n
    return [
        at_most("exponents that are not finite or out of order", float(_disorder(exponents)), 0.0),
        at_most(
            "mean exponent, in standard errors", abs(float(exponents.mean() - mean.mean())) / deviation, 3.0
        ),
        at_most("largest gap of one exponent (means over replicates)", _largest_gap(exponents, mean), 0.02),
    ]


def _disorder(exponents: Floats) -> int:
    return int((~np.isfinite(exponents)).sum() + (np.diff(exponents, axis=1) <= 0.0).sum())


def _largest_gap(exponents: Floats, exact: Floats) -> float:
    return float(np.abs(exponents.mean(axis=0) - exact).max())


def exact_moments() -> list[Figure]:
    """N = 8, depths 1 to 6, 20,000 replicates: E (Tr M)^2, E Tr M^2, E log det M, in standard errors."""
    n, replicates = 8, 20_000
    figures = []
    step = np.array([[1.0, 2.0 / n], [1.0 / n, (n + 1.0) / n]])
    exact = np.array([float(n * n), float(n)])
    log_det = sum(math.log(2.0 / n) + float(psi(k / 2.0)) for k in range(1, n + 1))
    for depth in range(1, 7):
        exact = step @ exact
        values = rj.sample_spectrum(rj.Ensemble(depth=depth, width=n), replicates, depth, accuracy="relative")
        eigenvalues = values.eigenvalues
        traces, squares = eigenvalues.sum(axis=1), (eigenvalues**2).sum(axis=1)
        logs = 2.0 * values.log_singular_values.sum(axis=1)
        scores = [
            _score(traces, float(n)),
            _score(traces**2, exact[0]),
            _score(squares, exact[1]),
            _score(logs, depth * log_det),
        ]
        figures.append(at_most(f"depth {depth}: worst of four", max(scores), STANDARD_ERRORS))
    return [*figures, _repeated_layers(n, replicates)]


def _repeated_layers(n: int, replicates: int) -> Figure:
    """Negative control: one matrix used for both layers has the same limit law, and other moments."""
    rng = np.random.default_rng(1)
    w = rng.standard_normal((replicates, n, n)) / math.sqrt(n)
    values = np.linalg.svd(w @ w, compute_uv=False) ** 2
    step = np.array([[1.0, 2.0 / n], [1.0 / n, (n + 1.0) / n]])
    exact = step @ step @ np.array([float(n * n), float(n)])
    score = _score((values**2).sum(axis=1), exact[1])
    return at_least("negative control, a stream repeated in layer 2: caught by", score, STANDARD_ERRORS)


def _score(values: Floats, exact: float) -> float:
    return abs(float(values.mean()) - exact) / (float(values.std(ddof=1)) / math.sqrt(values.size))
