"""Law against sample: the only place where theory and sampling meet.

The law is that of infinite width, and a finite network fluctuates about it as N^(-1/2) through the gates it
happens to have. So there are two comparisons: with the law itself, and with the laws at each network's own
gates (`realised_laws`), which leaves the much smaller O(1/N).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from rmtjac.model.activations import USER_CODE, Activation
from rmtjac.model.ensemble import Ensemble
from rmtjac.sampling.realised_gates import check_same_ensemble, realised_gates
from rmtjac.sampling.sample import SpectrumSample
from rmtjac.theory.network_law import spectral_law
from rmtjac.theory.spectral_law import SpectralLaw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Comparison", "compare", "realised_laws"]

Floats = npt.NDArray[np.float64]

BOOTSTRAPS = 200
NORMAL_95 = 1.959964
NODES = 1024
SNAP = 1e-9  # an eigenvalue this close to an atom, relatively, is the atom up to rounding


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Distances between a limiting law and sampled spectra, sample minus law where they have a sign.

    Attributes
    ----------
    ks : float
        Kolmogorov distance sup |F_N - F|, F_N pooled over replicates.
    ks_interval : (float, float)
        ks -+ 1.96 bootstrap standard errors, replicates being the unit (eigenvalues of one matrix repel each
        other). Percentiles would not do: resampling adds noise, and a supremum only grows with noise.
    wasserstein : float
        Integral of |F_N - F| over lambda.
    mean_gap, edge_gap, zero_mass_gap : float
        Mean eigenvalue; mean largest eigenvalue against the top of the law; fraction of exact zeros.
    laws : tuple of SpectralLaw
        One law, or one per replicate whose mixture was compared.
    sample : SpectrumSample
    """

    ks: float
    ks_interval: tuple[float, float]
    wasserstein: float
    mean_gap: float
    edge_gap: float
    zero_mass_gap: float
    laws: tuple[SpectralLaw, ...] = field(repr=False)
    sample: SpectrumSample = field(repr=False)

    def plot(self, ax: Axes | None = None) -> list[Any]:
        """Density of the (first) law over the histogram of the sample; returns the artists."""
        from rmtjac.plotting import plot_comparison

        return plot_comparison(self.laws[0], self.sample, ax)


def compare(law: SpectralLaw | Sequence[SpectralLaw], sample: SpectrumSample) -> Comparison:
    """Distances between a law and a sample.

    Parameters
    ----------
    law : SpectralLaw, or one per replicate
        Several laws are compared as their mixture, e.g. those of `realised_laws`.
    sample : SpectrumSample

    Raises
    ------
    ValueError
        If the number of laws is neither 1 nor the number of replicates.
    """
    laws = (law,) if isinstance(law, SpectralLaw) else tuple(law)
    replicates = sample.singular_values.shape[0]
    if len(laws) not in (1, replicates):
        raise ValueError(f"law: {len(laws)} laws given, allowed are 1 or one per replicate ({replicates})")
    steps = _Steps(laws, sample)
    tops = [float(_top(one)) for one in laws]
    return Comparison(
        ks=steps.distance(np.ones(replicates)),
        ks_interval=steps.bootstrap(),
        wasserstein=steps.area(),
        mean_gap=float(sample.eigenvalues.mean() - np.mean([one.mean() for one in laws])),
        edge_gap=float((sample.spectral_norms**2).mean() - np.mean(tops)),
        zero_mass_gap=float(sample.zero_mass - np.mean([one.cdf(0.0) for one in laws])),
        laws=laws,
        sample=sample,
    )


def realised_laws(ens: Ensemble, sample: SpectrumSample) -> list[SpectralLaw]:
    """The limiting law at each replicate's own gates, one law for each replicate.

    They are laws of the sample's side. Gates of one non-zero value are known from their fractions; any others
    come from the forward passes once more (`realised_gates`).

    Raises
    ------
    ValueError
        If `ens` is not the ensemble that the sample was drawn from.
    """
    check_same_ensemble(ens, sample)
    gates: Iterable[Sequence[Floats]] | None = _gates_by_fractions(ens, sample)
    if gates is None:
        gates = realised_gates(ens, sample)
    return [spectral_law(ens, gates=one, side=sample.side) for one in gates]


def _gates_by_fractions(ens: Ensemble, sample: SpectrumSample) -> list[list[Floats]] | None:
    """Squared gates of each replicate, the open ones first; None where a layer has several non-zero values."""
    known = {activation: _open_value(activation) for activation in set(ens.activations)}
    values = [known[activation] for activation in ens.activations]
    if any(value is None for value in values):
        return None
    widths = ens.widths[1:]
    opened = np.rint(sample.gate_fractions * np.array(widths)).astype(int)
    return [
        [np.repeat([value, 0.0], [k, n - k]) for n, k, value in zip(widths, row, values, strict=True)]
        for row in opened
    ]


def _open_value(activation: Activation) -> float | None:
    """The one non-zero value that phi'^2 has for every input; None if there are more, or it is not known."""
    if activation.code == USER_CODE:
        return None
    law = activation.gate_law(1.0)
    return float(law.values[0]) if law.values.size == 1 and law.panels is None else None


def _top(law: SpectralLaw) -> float:
    """Largest point of the law."""
    return max([0.0, *map(float, law.edges), *map(float, law.atoms[:, 0])])


class _Steps:
    """The pooled empirical distribution function and the law's, at every point where either can jump."""

    def __init__(self, laws: tuple[SpectralLaw, ...], sample: SpectrumSample) -> None:
        values, self.floor = _log_eigenvalues(sample)
        views = [law.of("log_eigenvalues") for law in laws]
        atoms = np.unique(np.concatenate([view.atoms[:, 0] for view in views]))
        for place in atoms[np.isfinite(atoms)]:
            values[np.abs(values - place) <= SNAP] = place
        self.replicates, self.size = values.shape
        order = np.argsort(values, axis=None)
        self.places, self.first = np.unique(values.ravel()[order], return_index=True)
        self.owner = order // self.size
        edges = np.concatenate([view.edges for view in views])
        self.grid = np.unique(np.concatenate([[-math.inf], self.places, edges]))
        self.law, self.law_before = _mixture(views, self.grid, edges)
        spots = np.searchsorted(self.grid, self.places)
        self.at, self.before = self.law[spots], self.law_before[spots]

    @cached_property
    def _ends(self) -> npt.NDArray[np.int64]:
        return np.append(self.first[1:], self.owner.size)

    def empirical(self, weights: Floats) -> Floats:
        """F_N at the places, each replicate counted `weights` times."""
        total = np.cumsum(weights[self.owner])
        result: Floats = total[self._ends - 1] / total[-1]
        return result

    def distance(self, weights: Floats) -> float:
        """sup |F_N - F| from both sides of every jump; below the floor nothing is resolved."""
        here = self.empirical(weights)
        before = np.concatenate([[0.0], here[:-1]])
        below = np.where(self.places == self.floor, 0.0, np.abs(before - self.before))
        return float(max(np.abs(here - self.at).max(), below.max()))

    def bootstrap(self) -> tuple[float, float]:
        """Interval of `distance` from resampled replicates; the resampling is fixed by the sample."""
        rng = np.random.default_rng(self.owner.size)
        picks = rng.integers(self.replicates, size=(BOOTSTRAPS, self.replicates))
        draws = [self.distance(np.bincount(pick, minlength=self.replicates).astype(float)) for pick in picks]
        distance = self.distance(np.ones(self.replicates))
        margin = NORMAL_95 * float(np.std(draws))
        return max(0.0, distance - margin), distance + margin

    def area(self) -> float:
        """Integral of |F_N - F| over lambda, by the trapezoid rule between neighbouring places."""
        steps = np.concatenate([[0.0], self.empirical(np.ones(self.replicates))])
        empirical = steps[np.searchsorted(self.places, self.grid, side="right")]
        with np.errstate(over="ignore"):
            widths = np.diff(np.exp(self.grid))
        gaps = 0.5 * (np.abs(empirical[:-1] - self.law[:-1]) + np.abs(empirical[:-1] - self.law_before[1:]))
        return float((gaps * widths).sum())


def _log_eigenvalues(sample: SpectrumSample) -> tuple[Floats, float]:
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


def _mixture(views: Sequence[SpectralLaw], grid: Floats, edges: Floats) -> tuple[Floats, Floats]:
    """Mean distribution function of the laws on an ascending grid, and its limit from below.

    One law is asked at every point. Many laws are asked at `_nodes`, and their continuous part is linear in
    between, with an error of some 1e-5: laws at realised gates of many values take a while for each point.
    """
    atoms = np.concatenate([view.atoms for view in views])
    nodes = grid[np.isfinite(grid)] if len(views) == 1 else _nodes(grid, edges)
    continuous = -_mass_of_atoms(atoms, nodes, "right")
    for view in views:
        continuous += view.cdf(nodes)
    smooth = np.interp(grid, nodes, continuous, left=0.0) if nodes.size else np.zeros(grid.size)
    at, before = ((smooth + _mass_of_atoms(atoms, grid, side)) / len(views) for side in ("right", "left"))
    return at, before


def _mass_of_atoms(atoms: Floats, x: Floats, side: Literal["left", "right"]) -> Floats:
    """Sum of the masses of the atoms below x, those at x included for side="right"."""
    order = np.argsort(atoms[:, 0])
    masses = np.concatenate([[0.0], np.cumsum(atoms[order, 1])])
    total: Floats = masses[np.searchsorted(atoms[order, 0], x, side=side)]
    return total


def _nodes(grid: Floats, edges: Floats) -> Floats:
    """At most NODES finite points of the grid, dense at its ends, and the edges, where a density begins."""
    finite = grid[np.isfinite(grid)]
    share = 0.5 - 0.5 * np.cos(np.linspace(0.0, math.pi, NODES))
    return np.union1d(finite[np.rint(share * (finite.size - 1)).astype(int)], edges[np.isfinite(edges)])
