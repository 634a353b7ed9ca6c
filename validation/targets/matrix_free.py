"""Targets of the matrix-free path: the same network as the dense one, and a width that no dense path reaches."""

from __future__ import annotations

import math
import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

import rmtjac as rj
from rmtjac.model.streams import Streams
from rmtjac.sampling.estimate import SpectrumEstimate
from rmtjac.sampling.inputs import draw_input
from rmtjac.sampling.lanczos import signs
from rmtjac.theory.soft_edge import soft_edge
from validation.targets.table import Figure, at_most

SEED = 1
WIDTH, PROBES, STEPS = 20_000, 64, 8
# N times the relative spread of moments 1 and 2 about the law at the realised gates, of 30 networks of N = 300
NETWORKS = {1: 13.0, 2: 36.0}


def dense() -> list[Figure]:
    """N = 2,000, depth 10, hard_tanh: the estimate against the dense Jacobian of the very same network."""
    ens = _ensemble(2000)
    jacobian = ens.sample(SEED).jacobian(draw_input(ens, None, Streams(SEED)))
    eigenvalues = np.linalg.svd(jacobian, compute_uv=False) ** 2
    est = rj.estimate_spectrum(ens, 32, 8, rng=SEED)
    figures, probes = [], signs(SEED, 32, 2000) * jacobian.any(axis=1)[:, None]
    images = jacobian @ (jacobian.T @ probes)
    for k, exact in ((1, np.mean(probes * images)), (2, np.mean(images * images))):
        value, error = est.moment(k)
        z = abs(value - float(np.mean(eigenvalues**k))) / error
        figures += [
            at_most(f"moment {k} against that of the same probes, relative", abs(value / exact - 1.0), 1e-12),
            at_most(f"moment {k} against the spectrum, standard errors", z, 3.0),
            at_most(f"moment {k}: standard error, relative", error / value, 0.1),
        ]
    top = math.sqrt(float(eigenvalues[0]))
    return [
        *figures,
        at_most("top against the SVD, in its standard error", abs(est.top.value - top) / _error(est), 1.0),
        at_most("top against the SVD, relative", abs(est.top.value / top - 1.0), 1e-6),
    ]


def large() -> list[Figure]:
    """N = 20,000, depth 10, hard_tanh: time, memory, and the law at the realised gate fractions."""
    return figures_of(WIDTH, PROBES, STEPS)


def figures_of(width: int, probes: int, steps: int) -> list[Figure]:
    """The figures of one network of any width, in a process of its own.

    Each standard error is the root of the sum of two squares. Moments: that of the probes, and NETWORKS/N of the moment
    by which networks of these gates differ. Log of the top eigenvalue: the estimate's, and the standard deviation of
    the Tracy-Widom law in units of the edge's scale; its mean is added to the edge.
    """
    ens = _ensemble(width)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        run = pool.submit(_measured, ens, probes, steps).result()
    est = run.estimate
    law = rj.spectral_law(ens, gates=[_gates(f, width) for f in est.gate_fractions])
    figures = [at_most("seconds", run.seconds, 900.0), at_most("peak memory, GB", run.gigabytes, 2.0)]
    for k in (1, 2):
        value, error = est.moment(k)
        z = abs(value - float(law.moment(k))) / math.hypot(error, value * NETWORKS[k] / width)
        figures.append(at_most(f"moment {k} against the law, standard errors", z, 3.0))
    edge, random = soft_edge(law, width), rj.tracy_widom()
    gap = 2.0 * math.log(est.top.value) - edge.log_top - edge.scale * random.mean()
    error = math.hypot(edge.scale * random.std(), 2.0 * est.top.standard_error / est.top.value)
    return [
        *figures,
        at_most("mean: standard error, relative", est.moment(1).standard_error / est.moment(1).value, 0.01),
        at_most("log of the top eigenvalue, standard errors", abs(gap) / error, 3.0),
        at_most("top: error of the estimate, relative", est.top.standard_error / est.top.value, 1e-3),
        at_most("mass at 0 against the law", abs(est.zero_mass - float(law.cdf(0.0))), 1e-12),
    ]


@dataclass(frozen=True, kw_only=True)
class _Run:
    """An estimate and what it cost."""

    estimate: SpectrumEstimate
    seconds: float
    gigabytes: float


def _measured(ens: rj.Ensemble, probes: int, steps: int) -> _Run:
    start = time.perf_counter()
    est = rj.estimate_spectrum(ens, probes, steps, rng=SEED)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return _Run(estimate=est, seconds=seconds, gigabytes=peak / 1e9)


def _ensemble(width: int) -> rj.Ensemble:
    return rj.Ensemble(depth=10, width=width, activation="hard_tanh")


def _gates(fraction: float, width: int) -> np.ndarray:
    """Squared gates of a layer of hard_tanh with that fraction of open units."""
    return (np.arange(width) < round(fraction * width)).astype(float)


def _error(est: SpectrumEstimate) -> float:
    """Of the top, with some roundings of the dense SVD."""
    return float(est.top.standard_error + 1e-13 * est.top.value)
