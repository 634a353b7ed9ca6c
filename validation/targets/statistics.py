"""Targets of the comparison: the finite-N band at n and 2n, and errors that must be caught at full size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

import rmtjac as rj
from rmtjac.comparison.compare import Comparison
from rmtjac.comparison.distributions import DistributionFunctions
from rmtjac.comparison.replicates import mean_deviation, mean_p_value
from rmtjac.sampling.sample import SpectrumSample
from validation.targets.table import Figure, at_least, at_most, print_rows

ALARM = 1e-5  # a right case may fall below it once in 100,000 runs, a wrong one must
SEED = 20261121
DEPTHS = (1, 2, 5, 10)
WIDTHS = {50: 500, 100: 250}  # n and 2n, and how many networks of each
RECTANGLES = ((2, 1), (1, 2), (1, 3, 2), (4, 1, 4), (1, 2, 3, 2, 1))
SQRT2 = math.sqrt(2.0)
NETWORKS: tuple[dict[str, Any], ...] = (
    {"activation": "linear"},
    {"activation": "linear", "weights": "rademacher"},
    {"activation": "linear", "weights": "orthogonal"},
    {"activation": "relu", "sigma_w": SQRT2},
    {"activation": "relu", "sigma_w": SQRT2, "weights": "orthogonal"},
    {"activation": "hard_tanh"},
    {"activation": "hard_tanh", "weights": "orthogonal"},
    {"activation": "tanh"},
    {"activation": "tanh", "weights": "orthogonal"},
    {"activation": "gelu", "sigma_w": 1.4},
)
REALISED = ("relu", "hard_tanh")  # laws at gates of many values take seconds each

Floats = npt.NDArray[np.float64]


def limit_band() -> list[Figure]:
    """Mean spectra of right networks within the band about the limit law, depths 1-10, n = 50 and 100."""
    figures = []
    for network in NETWORKS:
        for depth in DEPTHS:
            for width, replicates in WIDTHS.items():
                ens = rj.Ensemble(depth=depth, width=width, **network)
                sample = _sample(ens, replicates)
                figures.append(_in_band(_name(ens), rj.compare(rj.spectral_law(ens), sample)))
    return figures


def realised_band() -> list[Figure]:
    """The same about the laws at the realised gates, a tenth as wide and less."""
    figures = []
    for network in NETWORKS:
        if network["activation"] in REALISED:
            for depth in DEPTHS:
                for width, replicates in WIDTHS.items():
                    ens = rj.Ensemble(depth=depth, width=width, **network)
                    sample = _sample(ens, replicates // 2)
                    figures.append(_in_band(_name(ens), rj.compare(rj.realised_laws(ens, sample), sample)))
    return figures


def rectangles() -> list[Figure]:
    """The same for rectangular networks on both sides: linear, and ReLU at the realised gates."""
    figures = []
    for shape in RECTANGLES:
        for width, replicates in WIDTHS.items():
            for activation in ("linear", "relu"):
                ens = rj.Ensemble(widths=[width * share for share in shape], activation=activation)
                sample = _sample(ens, replicates // 4)
                for side in ("output", "input"):
                    spectra = sample.of_side(side)
                    laws = rj.realised_laws(ens, spectra)
                    law = laws[0] if activation == "linear" else laws
                    figures.append(_in_band(f"{_name(ens)}, {side}", rj.compare(law, spectra)))
    return figures


def no_band() -> list[Figure]:
    """Without a band the right law is rejected: linear, L = 2, N = 100, 2,000 networks."""
    ens = rj.Ensemble(depth=2, width=100)
    sample, law = _sample(ens, 2000), rj.fuss_catalan(2)
    deviation = mean_deviation(DistributionFunctions([law], sample).deviations())
    return [
        at_least("standard errors of sup |mean F_N - F|", deviation.supremum / deviation.error, 10.0),
        _caught("p-value without a band", deviation.p_value(0.0)),
        _passed("p-value with the band", rj.compare(law, sample).p_value),
    ]


def wrong_laws() -> list[Figure]:
    """Scale off by half a percent, a dropped layer, a repeated replicate: linear, L = 2, N = 200, 200 networks."""
    sample = _sample(rj.Ensemble(depth=2, width=200), 200)
    figures = []
    for sigma_w in (1.0, 1.005, 0.995):
        comparison = rj.compare(rj.spectral_law(rj.Ensemble(depth=2, width=200, sigma_w=sigma_w)), sample)
        check = _passed if sigma_w == 1.0 else _caught
        figures.append(check(f"sigma_w = {sigma_w:g}: p-value of the distribution", comparison.p_value))
        figures.append(check(f"sigma_w = {sigma_w:g}: p-value of the mean", comparison.mean_p_value))
        top = comparison.edge_p_value
        figures.append(
            Figure(what=f"sigma_w = {sigma_w:g}: p-value of the top", value=top, target="reported", met=True)
        )
    for depth in (1, 3):
        figures.append(_caught(f"law of {depth} layers", rj.compare(rj.fuss_catalan(depth), sample).p_value))
    widths = rj.Ensemble(widths=[200, 300, 150]), rj.Ensemble(widths=[150, 300, 200])
    rectangular = _sample(widths[0], 200)
    figures.append(
        _passed("widths 200, 300, 150", rj.compare(rj.spectral_law(widths[0]), rectangular).p_value)
    )
    figures.append(_caught("transposed widths", rj.compare(rj.spectral_law(widths[1]), rectangular).p_value))
    repeated = sample.singular_values.copy()
    repeated[199] = repeated[0]
    try:
        rj.compare(rj.fuss_catalan(2), replace(sample, singular_values=repeated))
        refused = "not refused"
    except ValueError:
        refused = "refused"
    figures.append(
        Figure(what="a replicate twice", value=refused, target="refused", met=refused == "refused")
    )
    return figures


def repeated_layers() -> list[Figure]:
    """One random stream for both layers: E (Tr M)^2 and E Tr M^2 of THEORY.md section 2, N = 8, 20,000 networks."""
    n, replicates = 8, 20_000
    exact = np.linalg.matrix_power([[1.0, 2.0 / n], [1.0 / n, (n + 1.0) / n]], 2) @ [n**2, n]
    w = np.random.default_rng(SEED).standard_normal((replicates, n, n)) / math.sqrt(n)
    right = _sample(rj.Ensemble(depth=2, width=n), replicates).eigenvalues
    wrong = np.linalg.svd(w @ w, compute_uv=False) ** 2
    return [
        _passed("independent layers", _moments_p_value(right, exact)),
        _caught("W^1 = W^2", _moments_p_value(wrong, exact)),
    ]


def _moments_p_value(eigenvalues: Floats, exact: Floats) -> float:
    found = eigenvalues.sum(axis=1) ** 2, (eigenvalues**2).sum(axis=1)
    least = min(mean_p_value(a / b - 1.0, 0.0) for a, b in zip(found, exact, strict=True))
    return min(1.0, 2.0 * least)


def cauchy_gates() -> list[Figure]:
    """Cauchy, hard_tanh, N = 200, 200 networks: true gates D W against independent gates, and against W D."""
    ens = rj.Ensemble(depth=1, width=200, activation="hard_tanh", weights="cauchy")
    true, again = (rj.sample_spectrum(ens, 200, SEED + k) for k in range(2))
    independent = rj.sample_spectrum(ens, 200, SEED + 2, gates="independent")
    return [
        _passed("another seed", rj.compare_samples(true, again).p_value),
        _caught("independent gates", rj.compare_samples(true, independent).p_value),
        _passed("D W, written anew", rj.compare_samples(true, _own_cauchy(true, False)).p_value),
        _caught("W D", rj.compare_samples(true, _own_cauchy(true, True)).p_value),
    ]


def _own_cauchy(like: SpectrumSample, gates_first: bool) -> SpectrumSample:
    """Spectra of one Cauchy layer by a few lines of NumPy, the gates on either side of W."""
    rng = np.random.default_rng(SEED)
    replicates, n = like.singular_values.shape
    values = np.empty((replicates, n))
    for k in range(replicates):
        w, x = rng.standard_cauchy((n, n)) / n, rng.standard_normal(n)
        gates = np.abs(w @ x) < np.sqrt(np.mean(x**2))
        values[k] = np.linalg.svd(w * gates if gates_first else gates[:, None] * w, compute_uv=False)[::-1]
    ranks = (values > 1e-9).sum(axis=1)
    metadata = like.metadata | {"accuracy": "absolute"}
    return replace(like, singular_values=values, ranks=ranks, logs=None, metadata=metadata)


def _sample(ens: rj.Ensemble, replicates: int) -> SpectrumSample:
    return rj.sample_spectrum(ens, replicates, SEED, accuracy="absolute")


def _name(ens: rj.Ensemble) -> str:
    shape = f"L = {ens.depth}, n = {ens.widths[0]}" if ens.is_square else f"widths {ens.widths}"
    return f"{ens.activations[0].name}, {ens.weights.name}, {shape}"


def _in_band(name: str, comparison: Comparison) -> Figure:
    """The Kolmogorov distance in units of the band, met if no p-value speaks against the right law."""
    found = np.array([
        comparison.p_value, comparison.mean_p_value, comparison.edge_p_value, comparison.zero_mass_p_value
    ])  # fmt: skip
    return Figure(
        what=f"{name}: distance/band",
        value=comparison.ks / comparison.band.distribution,
        target=f"all p >= {ALARM:g} (least {np.nanmin(found):.2g})",
        met=bool(np.nanmin(found) >= ALARM),
    )


def _passed(what: str, p: float) -> Figure:
    return at_least(what, p, ALARM)


def _caught(what: str, p: float) -> Figure:
    return at_most(what, p, ALARM)


ROWS: dict[str, Callable[[], Sequence[Figure]]] = {
    row.__name__: row
    for row in (limit_band, realised_band, rectangles, no_band, wrong_laws, repeated_layers, cauchy_gates)
}


def main(wanted: Sequence[str]) -> int:
    """Measure and print the rows."""
    return print_rows(ROWS, wanted)
