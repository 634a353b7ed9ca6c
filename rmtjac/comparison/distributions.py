"""Distribution functions of sampled spectra and of laws: how far apart, together and replicate by replicate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from rmtjac.sampling.sample import SpectrumSample
from rmtjac.theory.spectral_law import SpectralLaw

__all__ = ["POINTS", "DistributionFunctions", "fractions_below", "log_eigenvalues", "spread_nodes"]

Floats = npt.NDArray[np.float64]
Side = Literal["left", "right"]

NODES = 1024
POINTS = 128
SNAP = 1e-9  # an eigenvalue this close to an atom, relatively, is the atom up to rounding


class DistributionFunctions:
    """F_N of a sample and F of its law, or laws one a replicate, in log lambda.

    F_N and F of all replicates together are compared at every point where F_N can jump. One law is asked at every
    such point. Many laws, and the deviations of single replicates, are asked at few nodes; in between the
    continuous part of many laws is linear, with an error of some 1e-5. Below the floor nothing is compared: there the
    sample is not resolved, or a law not known.
    """

    def __init__(self, laws: Sequence[SpectralLaw], sample: SpectrumSample) -> None:
        self._views = [law.of("log_eigenvalues") for law in laws]
        self._atoms = [view.atoms for view in self._views]
        values, resolved = log_eigenvalues(sample)
        self._floor = max(resolved, *(view.known_from for view in self._views))
        values[np.isfinite(values)] = np.maximum(values[np.isfinite(values)], self._floor)
        places = np.unique(np.concatenate([atoms[:, 0] for atoms in self._atoms]))
        for place in places[np.isfinite(places)]:
            values[np.abs(values - place) <= SNAP] = place
        self.values = values
        self._tested_atoms = spread_nodes(places, POINTS)

    @cached_property
    def _pooled(self) -> tuple[Floats, Floats]:
        """Places of the jumps of the pooled F_N, and F_N there."""
        places, counts = np.unique(self.values, return_counts=True)
        return places, np.cumsum(counts) / self.values.size

    @cached_property
    def _nodes(self) -> Floats:
        edges = np.concatenate([view.edges for view in self._views])
        return np.union1d(
            spread_nodes(self._pooled[0], NODES),
            np.concatenate([edges[np.isfinite(edges)], self._tested_atoms]),
        )

    @cached_property
    def _smooth(self) -> Floats:
        """Continuous parts of the laws at the nodes, shape (laws, nodes)."""
        return np.array([self._continuous(k, self._nodes) for k in range(len(self._views))])

    def _continuous(self, k: int, x: Floats) -> Floats:
        return np.asarray(self._views[k].cdf(x)) - _mass_of_atoms(self._atoms[k], x, "right")

    @cached_property
    def _grid(self) -> tuple[Floats, Floats, Floats]:
        """Every place where F_N can jump or F bends, the mean F of the laws there, and its limit from below."""
        x = np.union1d(np.append(self._pooled[0], -math.inf), self._nodes)
        if len(self._views) == 1:
            smooth = self._continuous(0, x)
        else:
            # a law without finite places has no other node than inf
            nodes, mean = np.append(self._nodes, math.inf), np.append(self._smooth.mean(axis=0), 0.0)
            smooth = np.interp(x, nodes, mean, left=0.0)
        atoms = np.concatenate(self._atoms)
        at, before = (
            smooth + _mass_of_atoms(atoms, x, side) / len(self._views) for side in ("right", "left")
        )
        return x, at, before

    def kolmogorov(self) -> float:
        """sup |F_N - F| of all replicates, from both sides of every jump from the floor on."""
        places, here = self._pooled
        grid, law, law_before = self._grid
        spots = np.searchsorted(grid, places)
        before = np.concatenate([[0.0], here[:-1]])
        below = np.where(places == self._floor, 0.0, np.abs(before - law_before[spots]))
        return float(max(np.abs(here - law[spots]).max(), below.max()))

    def area(self) -> float:
        """Integral of |F_N - F| over lambda, by the trapezoid rule between neighbouring places."""
        places, shares = self._pooled
        grid, law, law_before = self._grid
        empirical = np.concatenate([[0.0], shares])[np.searchsorted(places, grid, side="right")]
        with np.errstate(over="ignore", invalid="ignore"):
            widths = np.diff(np.exp(grid))
        gaps = 0.5 * (np.abs(empirical[:-1] - law[:-1]) + np.abs(empirical[:-1] - law_before[1:]))
        return float((gaps * widths).sum())

    def deviations(self) -> Floats:
        """F_N - F of each replicate and its own law, shape (replicates, points): at 0, at nodes, and below atoms."""
        atoms = self._tested_atoms
        nodes = np.union1d(spread_nodes(self._nodes, POINTS), atoms)
        nodes, atoms = (x[x >= self._floor] for x in (nodes, atoms))
        at = self._deviations(np.append(nodes, -math.inf), "right")
        return np.hstack([at, self._deviations(atoms, "left")])

    def _deviations(self, x: Floats, side: Side) -> Floats:
        """F_N - F at -inf or at some of the nodes; for side="left" the limits from below."""
        law = np.array([_mass_of_atoms(atoms, x, side) for atoms in self._atoms])
        finite = np.isfinite(x)
        law[:, finite] += self._smooth[:, np.searchsorted(self._nodes, x[finite])]
        gaps: Floats = fractions_below(self.values, x, side) - law
        return gaps


def log_eigenvalues(sample: SpectrumSample) -> tuple[Floats, float]:
    """Logarithms of the eigenvalues, structural zeros -inf, and the floor to which unresolved ones are raised.

    Without relative accuracy a singular value is known to n eps times the largest one of its matrix, no better.

    Raises
    ------
    ValueError
        If a largest singular value leaves the range of doubles.
    """
    if sample.logs is not None:
        return 2.0 * sample.logs, -math.inf
    top = sample.spectral_norms[sample.ranks > 0]
    if not ((top > 0.0) & np.isfinite(top)).all():
        raise ValueError("sample: the largest singular values leave the range of doubles")
    floor = math.log(sample.resolution) if top.size else -math.inf
    with np.errstate(divide="ignore"):
        values = np.maximum(2.0 * np.log(sample.singular_values), floor)
    return np.where(sample.structural_zeros, -np.inf, values), floor


def fractions_below(values: Floats, x: Floats, side: Side) -> Floats:
    """Fraction of each ascending row below x, those at x counted for side="right"; shape (rows, x.size)."""
    counts = np.array([np.searchsorted(row, x, side=side) for row in values])
    fractions: Floats = counts / values.shape[1]
    return fractions


def spread_nodes(places: Floats, most: int) -> Floats:
    """At most so many finite points of an ascending array, dense at its ends."""
    finite = places[np.isfinite(places)]
    share = 0.5 - 0.5 * np.cos(np.linspace(0.0, math.pi, most))
    nodes: Floats = (
        np.unique(finite[np.rint(share * (finite.size - 1)).astype(int)]) if finite.size else finite
    )
    return nodes


def _mass_of_atoms(atoms: Floats, x: Floats, side: Side) -> Floats:
    """Sum of the masses of the atoms below x, those at x included for side="right"."""
    order = np.argsort(atoms[:, 0])
    masses = np.concatenate([[0.0], np.cumsum(atoms[order, 1])])
    total: Floats = masses[np.searchsorted(atoms[order, 0], x, side=side)]
    return total
