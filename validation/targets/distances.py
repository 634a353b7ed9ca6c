"""Kolmogorov distance of random networks to sampling."""

from __future__ import annotations

import random
import sys
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
VALUES = 32
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
    at hundreds of gate values a layer takes seconds, so each layer with more than 32 values is thinned to 32 equal
    masses first (means of neighbours). What that does to a law is measured at one replicate of every network.
    """
    with ProcessPoolExecutor(2) as pool:
        results = []
        for found in pool.map(_one_network, range(NETWORKS)):
            print(found, file=sys.stderr, flush=True)
            results.append(found)
    worst = max(results, key=lambda found: found.realised)
    return [
        at_most(f"laws at the realised gates ({worst.place})", worst.realised, 0.01),
        at_most("largest change of a cdf by thinning", max(found.thinning for found in results), 1e-3),
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
    thin = [[thinned(layer) for layer in one] for one in gates]
    realised = limit = 0.0
    for side in ("output", "input"):
        spectra = sample.of_side(side)
        laws = [rj.spectral_law(ens, gates=one, side=side) for one in thin]
        realised = max(realised, rj.compare(laws, spectra).ks)
        limit = max(limit, rj.compare(rj.spectral_law(ens, side=side), spectra).ks)
    names = ", ".join(activation.name for activation in ens.activations)
    thinning = _distance(rj.spectral_law(ens, gates=gates[0], side="input"), laws[0])
    return Distances(realised, limit, thinning, f"{number}: {names}, {ens.weights.name}")


def _distance(law: rj.SpectralLaw, other: rj.SpectralLaw) -> float:
    """Largest difference of two distribution functions at quantiles of the first."""
    view = law.of("log_eigenvalues")
    t = view.ppf(np.linspace(float(law.cdf(0.0)), 1.0, QUANTILES + 2)[1:-1])
    return float(np.abs(view.cdf(t) - other.of("log_eigenvalues").cdf(t)).max())


def thinned(values: Floats) -> Floats:
    """VALUES means of equally many neighbours, a value counting in parts; values of few kinds as they are."""
    if np.unique(values).size <= VALUES:
        return values
    return np.asarray(np.repeat(np.sort(values), VALUES).reshape(VALUES, -1).mean(axis=1))
