"""Targets of heavy-tailed networks with their own gates: golden values, tail, time, sampling (HEAVY_TAILS.md)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

import rmtjac as rj
from rmtjac.model.stable_field import stable_mean_field
from validation.targets.population import at_limit
from validation.targets.table import Figure, at_most

Floats = npt.NDArray[np.float64]

GOLDEN_PDF = {
    1: {1.0: 0.27607323, 4.0: 0.0103351},
    2: {1.0: 0.1435769, 4.0: 0.0120272},
    3: {1.0: 0.0980995, 4.0: 0.0110504},
}
GOLDEN_SF = {
    1: {0.5: 0.42067, 1.0: 0.22966, 4.0: 0.02104},
    2: {0.5: 0.27365, 1.0: 0.16868, 4.0: 0.03163},
    3: {0.5: 0.21025, 1.0: 0.13762, 4.0: 0.03632},
}
ZERO_MASS = 0.3423210554
TAIL = 0.3398
SECONDS = {1: 2.0, 2: 10.0, 3: 20.0}
WIDTH, NETWORKS, SEED = 1000, 200, 20261121
PLACES = np.array([0.25, 1.0, 4.0])
SAMPLED: tuple[tuple[dict[str, Any], Any], ...] = (
    ({"weights": "cauchy", "activation": "hard_tanh"}, "stationary"),
    ({"weights": "cauchy", "activation": "tanh", "sigma_w": 1.5, "sigma_b": 0.3}, None),
)


def own_gates() -> list[Figure]:
    """Cauchy hard_tanh, stationary, L = 1, 2, 3: densities and tails against the numbers of HEAVY_TAILS.md.

    The references are printed to 6 to 8 digits of p and 5 decimals of P, of which the last may be off by one.
    """
    figures = []
    for depth in GOLDEN_PDF:
        law = _law(depth)
        for x, value in GOLDEN_PDF[depth].items():
            error = abs(float(law.pdf(x)) / value - 1.0)
            figures.append(at_most(f"p({x:g}), L = {depth}: relative", error, 1e-5))
        for x, value in GOLDEN_SF[depth].items():
            error = abs(float(law.sf(x)) / value - 1.0)
            figures.append(
                at_most(f"P(s > {x:g}), L = {depth}: relative", error, 2e-3 if depth == 3 else 1e-4)
            )
        figures.append(at_most(f"zero mass, L = {depth}", abs(law.cdf(0.0) - ZERO_MASS), 1e-9))
    return figures


def tail() -> list[Figure]:
    """x^2 P(s > x) of one layer at x = 1000."""
    value = 1e6 * float(_law(1).sf(1e3))
    return [at_most(f"relative distance of {value:.6g} from {TAIL}", abs(value / TAIL - 1.0), 1e-3)]


def construction() -> list[Figure]:
    """Seconds for a whole law, pdf to cdf, one core; compiled before."""
    _law(1)
    figures = []
    for depth, limit in SECONDS.items():
        start = time.process_time()
        _law(depth).cdf(1.0)
        figures.append(at_most(f"L = {depth}", time.process_time() - start, limit))
    return figures


def own_gates_sampling() -> list[Figure]:
    """P(s > x) of two layers against 200 networks, N = 1000, open fractions as control variates, in standard errors."""
    figures = []
    for parameters, inputs in SAMPLED:
        ens = rj.Ensemble(2, WIDTH, **parameters)
        law = rj.spectral_law(ens, inputs=inputs).of("singular_values")
        for x, share, error in zip(PLACES, *sampled_tails(ens, inputs), strict=True):
            z = abs(share - float(law.sf(x))) / error
            figures.append(
                at_most(f"{parameters['activation']}: P(s > {x:g}) = {share:.5f} +- {error:.5f}", z, 3.0)
            )
    return figures


def sampled_tails(ens: rj.Ensemble, inputs: Any) -> tuple[Floats, Floats]:
    """P(s > x), zeros counted, at `PLACES`, and standard errors: regressed on the fractions of open gates."""
    sample = rj.sample_spectrum(ens, NETWORKS, SEED, inputs=inputs, accuracy="absolute")
    above = (np.sqrt(sample.eigenvalues)[..., None] > PLACES).mean(axis=1)
    # where every gate is open the fractions say nothing
    varying = sample.gate_fractions.std(axis=0) > 0.0
    excess = sample.gate_fractions - stable_mean_field(ens, inputs).gate_open
    return at_limit(above, excess[:, varying])


def _law(depth: int) -> rj.SpectralLaw:
    ens = rj.Ensemble(depth, WIDTH, "hard_tanh", weights="cauchy")
    return rj.spectral_law(ens, inputs="stationary").of("singular_values")
