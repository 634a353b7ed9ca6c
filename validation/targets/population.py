"""Figures of population dynamics and of tail fits: against the deterministic solution, sampling, and known indices."""

from __future__ import annotations

import math
import time

import numpy as np
import numpy.typing as npt

import rmtjac as rj
from rmtjac.model.stable import draw_stable
from rmtjac.model.stable_field import stable_mean_field
from validation.targets.table import Figure, at_least, at_most

SEED = 7
PLACES = np.array([0.25, 0.5, 1.0, 2.0, 4.0])
DEFAULT, POPULATIONS = 16, 48  # a default run has 16
Floats = npt.NDArray[np.float64]


def population() -> list[Figure]:
    """Stationary Cauchy hard_tanh networks of depth 1, 2, 3 against their deterministic laws.

    The standard errors of 16 populations are too uncertain themselves: the largest |z| of 30 figures passes 3 in one
    run of four. Seconds are those of 16.
    """
    figures = []
    for depth in (1, 2, 3):
        ens = rj.Ensemble(depth, 100, activation="hard_tanh", weights="cauchy")
        law = rj.spectral_law(ens, inputs="stationary").of("singular_values")
        start = time.perf_counter()
        found = rj.population_spectrum(ens, PLACES, "stationary", populations=POPULATIONS, rng=SEED)
        seconds = (time.perf_counter() - start) / PLACES.size * DEFAULT / POPULATIONS
        for name, values, errors, known in (
            ("p", found.pdf, found.pdf_error, law.pdf(PLACES)),
            ("P", found.sf, found.sf_error, law.sf(PLACES)),
        ):
            figures += [
                at_most(
                    f"L = {depth}: {name}, largest |z|", float(np.abs((values - known) / errors).max()), 3.0
                ),
                at_most(f"L = {depth}: {name}, largest relative error", float((errors / known).max()), 0.01),
            ]
        figures.append(at_most(f"L = {depth}: seconds a point", seconds, 120.0))
    return figures


def population_sampling() -> list[Figure]:
    """alpha = 1.5, hard_tanh, L = 2 against 200 networks of width 600, open fractions as control variates."""
    ens = rj.Ensemble(2, 600, activation="hard_tanh", weights="stable:1.5")
    places = np.array([0.25, 1.0, 4.0])
    sample = rj.sample_spectrum(ens, 200, SEED, inputs="stationary")
    opened = stable_mean_field(ens, "stationary").gate_open
    above = (sample.singular_values[..., None] > places).mean(axis=1)
    mean, error = at_limit(above, sample.gate_fractions - opened)
    found = rj.population_spectrum(ens, places, "stationary", rng=SEED)
    z = np.abs(mean - found.sf) / np.hypot(error, found.sf_error)
    return [at_most(f"P(s > {s:g}): |z|", float(size), 3.0) for s, size in zip(places, z, strict=True)]


def at_limit(values: Floats, controls: Floats) -> tuple[Floats, Floats]:
    """Means of values (replicates, points) where the controls are 0, by least squares, and their standard errors."""
    design = np.column_stack([np.ones(len(values)), controls])
    coefficients = np.linalg.lstsq(design, values, rcond=None)[0]
    variance = np.square(values - design @ coefficients).sum(axis=0) / (len(values) - design.shape[1])
    return coefficients[0], np.sqrt(variance * np.linalg.inv(design.T @ design)[0, 0])


def tails() -> list[Figure]:
    """Intervals of 95 %: how often they hold, over 400 samples."""
    rng, figures = np.random.default_rng(SEED), []
    for alpha in (0.7, 1.0, 1.5):
        fits = [rj.fit_tail(draw_stable(rng, (20_000,), alpha)) for _ in range(400)]
        held = np.mean([fit.interval[0] <= alpha <= fit.interval[1] for fit in fits])
        figures.append(at_least(f"stable:{alpha:g}, 20,000 values, 2 sqrt(n) in the tail", float(held), 0.90))
    exact = [rj.fit_tail(rng.random(2000) ** (-1.0 / 1.5), 200) for _ in range(400)]
    held = np.mean([fit.interval[0] <= 1.5 <= fit.interval[1] for fit in exact])
    figures.append(
        at_most("exact power law: |held - 0.95|", abs(float(held) - 0.95), 5.0 * math.sqrt(0.05 * 0.95 / 400))
    )
    return figures
