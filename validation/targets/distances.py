"""Kolmogorov distance of random networks to sampling."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

import rmtjac as rj
from validation.networks import HARD, SMOOTH, random_name
from validation.targets.table import Figure, at_most

SEED = 20261123
NETWORKS = 20
REPLICATES = 100
VALUES = 16
QUANTILES = 300

Floats = npt.NDArray[np.float64]


class Distances(NamedTuple):
    """The worse side's distances, to the laws at the gates and to the limit; error of thinning; which network."""

    realised: float
    limit: float
    thinning: float
    place: str


def sampling() -> list[Figure]:
    """Kolmogorov distance to sampling, law at the realised gates: 20 networks, widths 300-600, 100 replicates.

    2-8 layers, J J^T and J^T J, the zeros counted. Every replicate has its own law, and the laws are averaged. A law
    at hundreds of gate values a layer takes seconds, so of each layer with more than 16 values 16 quantiles are kept,
    whose levels (j + u)/16 have an offset u of their own in every replicate and layer: one such law has lumps, their
    average has not. What is left of them is measured at one replicate of every network, thinned as often.
    """
    with ProcessPoolExecutor(2) as pool:
        results = []
        for found in pool.map(_one_network, range(NETWORKS)):
            print(found, file=sys.stderr, flush=True)
            results.append(found)
    worst = max(results, key=lambda found: found.realised)
    return [
        at_most(f"laws at the realised gates ({worst.place})", worst.realised, 0.01),
        at_most("largest change of a cdf by thinning", max(found.thinning for found in results), 2.5e-3),
        Figure(
            what="the limit law itself",
            value=max(found.limit for found in results),
            target="reported",
            met=True,
        ),
    ]


def ensemble_of(number: int) -> rj.Ensemble:
    """The random network of a number; every fourth has Haar weights and is square."""
    rng = random.Random(f"{SEED} sampling {number}")
    depth, haar = rng.randint(2, 8), number % 4 == 3
    widths = [rng.randint(300, 600) for _ in range(depth + 1)]
    return rj.Ensemble(
        widths=[widths[0]] * (depth + 1) if haar else widths,
        activation=[random_name(rng, (*HARD, *SMOOTH)) for _ in range(depth)],
        weights="orthogonal" if haar else "gaussian",
        sigma_w=[round(rng.uniform(0.5, 2.5), 3) for _ in range(depth)],
        sigma_b=round(rng.uniform(0.0, 0.5), 3),
        q0=round(rng.uniform(0.5, 2.0), 3),
    )


def _one_network(number: int) -> Distances:
    """The distances of one network."""
    ens = ensemble_of(number)
    sample = rj.sample_spectrum(ens, REPLICATES, SEED + number, workers=1, accuracy="absolute")
    gates = rj.realised_gates(ens, sample, workers=1)
    offsets = _offsets(number, ens.depth)
    thin = [_thinned(one, row) for one, row in zip(gates, offsets, strict=True)]
    realised = limit = 0.0
    for side in ("output", "input"):
        spectra = sample.of_side(side)
        laws = [rj.spectral_law(ens, gates=one, side=side) for one in thin]
        realised = max(realised, rj.compare(laws, spectra).ks)
        limit = max(limit, rj.compare(rj.spectral_law(ens, side=side), spectra).ks)
    names = ", ".join(activation.name for activation in ens.activations)
    return Distances(
        realised, limit, _effect_of_thinning(ens, gates[0], offsets), f"{number}: {names}, {ens.weights.name}"
    )


def _offsets(number: int, depth: int) -> Floats:
    """An offset in [0, 1] for every replicate and layer; those of a layer are spread evenly."""
    rng = np.random.default_rng([SEED, number])
    return np.array([(rng.permutation(REPLICATES) + 0.5) / REPLICATES for _ in range(depth)]).T


def _thinned(gates: Sequence[Floats], offsets: Floats) -> list[Floats]:
    """VALUES quantiles of each layer; layers of few values as they are."""
    levels = (np.arange(VALUES) + offsets[:, None]) / VALUES
    return [
        values if np.unique(values).size <= VALUES else np.quantile(values, level, method="hazen")
        for values, level in zip(gates, levels, strict=True)
    ]


def _effect_of_thinning(ens: rj.Ensemble, gates: Sequence[Floats], offsets: Floats) -> float:
    """Largest change of a distribution function at its quantiles by all the thinnings together."""
    if all(np.unique(values).size <= VALUES for values in gates):
        return 0.0
    view = rj.spectral_law(ens, gates=gates, side="input").of("log_eigenvalues")
    t = view.ppf(np.linspace(float(view.cdf(-np.inf)), 1.0, QUANTILES + 2)[1:-1])
    laws = [rj.spectral_law(ens, gates=_thinned(gates, row), side="input") for row in offsets]
    mean = np.mean([law.of("log_eigenvalues").cdf(t) for law in laws], axis=0)
    return float(np.abs(view.cdf(t) - mean).max())
