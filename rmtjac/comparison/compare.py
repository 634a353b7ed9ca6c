"""A sample against its law: distances, and whether chance and a finite width explain them.

The law is that of infinite width, and a finite network fluctuates about it as N^(-1/2) through the gates it
happens to have. So there are two comparisons: with the law itself, and with the laws at each network's own
gates (`realised_laws`), which leaves the much smaller O(1/N).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rmtjac.comparison.band import Band, band_of
from rmtjac.comparison.distributions import DistributionFunctions
from rmtjac.comparison.replicates import check_distinct, mean_deviation, mean_p_value
from rmtjac.sampling.sample import SpectrumSample
from rmtjac.theory.soft_edge import SoftEdge, soft_edge
from rmtjac.theory.spectral_law import SpectralLaw
from rmtjac.theory.tracy_widom import tracy_widom

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Comparison", "compare"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Distances between a limiting law and sampled spectra, sample minus law where they have a sign.

    A p-value is the probability, or an upper bound on it, of a gap as large as the one seen if the expectation over
    networks lies within `band` of the law. Replicates are the unit: nan for one of them, and a few cannot make it
    small.

    Attributes
    ----------
    ks : float
        Kolmogorov distance sup |F_N - F|, F_N pooled over replicates.
    ks_interval : (float, float)
        ks -+ 1.96 standard deviations of the supremum over resampled replicates; (0, 1) for one replicate.
        Percentiles would not do: resampling adds noise, and a supremum only grows with noise.
    p_value : float
        Of "sup |E F_N - F| <= band.distribution".
    band : Band
        How far a right law may be off at this width.
    wasserstein : float
        Integral of |F_N - F| over lambda; inf if the law has no mean, nan if that is not known.
    mean_gap : float
        Mean eigenvalue.
    mean_p_value : float
        Of "its expectation is within a fraction band.mean of the law's"; the sharpest of the tests of scale.
    edge_gap : float
        Mean largest eigenvalue against the top of the law.
    edge_z : ndarray, shape (replicates,)
        (log lambda_max - log edge)/scale, which tends to Tracy-Widom (`tracy_widom`) where gates are fixed or given;
        nan without a soft edge (`soft_edge`).
    edge_p_value : float
        Of "E log lambda_max is within band.log_top of log edge + scale * (mean of Tracy-Widom)"; nan if a law has
        no soft edge.
    zero_mass_gap : float
        Fraction of exact zeros.
    zero_mass_p_value : float
        Of "its expectation is within band.zero_mass of the law's".
    laws : tuple of SpectralLaw
        One law, or one per replicate whose mixture was compared.
    sample : SpectrumSample
    """

    ks: float
    ks_interval: tuple[float, float]
    p_value: float
    band: Band
    wasserstein: float
    mean_gap: float
    mean_p_value: float
    edge_gap: float
    edge_z: Floats = field(repr=False)
    edge_p_value: float
    zero_mass_gap: float
    zero_mass_p_value: float
    laws: tuple[SpectralLaw, ...] = field(repr=False)
    sample: SpectrumSample = field(repr=False)

    def __post_init__(self) -> None:
        self.edge_z.flags.writeable = False

    def plot(self, ax: Axes | None = None) -> list[Any]:
        """Density of the (first) law over the histogram of the sample; returns the artists."""
        from rmtjac.plotting import plot_comparison

        return plot_comparison(self.laws[0], self.sample, ax)


def compare(law: SpectralLaw | Sequence[SpectralLaw], sample: SpectrumSample) -> Comparison:
    """Distances between a law and a sample, and their p-values.

    Parameters
    ----------
    law : SpectralLaw, or one per replicate
        Several laws are compared as their mixture, e.g. those of `realised_laws`; each replicate varies about its
        own. Below `known_from` of a law its mass alone is compared.
    sample : SpectrumSample

    Raises
    ------
    ValueError
        If the number of laws is neither 1 nor the number of replicates, or if two replicates have the same spectrum:
        a repeated random stream is no more evidence, and no noise can be told from it.
    """
    laws = tuple(one.of("eigenvalues") for one in ([law] if isinstance(law, SpectralLaw) else law))
    replicates, n = sample.singular_values.shape
    if len(laws) not in (1, replicates):
        raise ValueError(f"law: {len(laws)} laws given, allowed are 1 or one per replicate ({replicates})")
    functions = DistributionFunctions(laws, sample)
    check_distinct(functions.values)
    band = band_of(laws, sample)
    deviation = mean_deviation(functions.deviations())
    ks = functions.kolmogorov()
    edges = [soft_edge(one, n) for one in laws]
    edge_z, edge_p_value = _on_tracy_widom_scale(functions.values[:, -1], edges, band)
    law_means = np.array([one.mean() for one in laws])
    with np.errstate(invalid="ignore", over="ignore"):
        tops = np.exp([edge.log_top for edge in edges])
        mean_gaps = sample.eigenvalues.mean(axis=1) - law_means
        relative_gaps = mean_gaps / (law_means.mean() or 1.0)
        edge_gap = (sample.spectral_norms**2).mean() - tops.mean()
    zero_gaps = 1.0 - sample.ranks / n - np.array([one.cdf(0.0) for one in laws])
    return Comparison(
        ks=ks,
        ks_interval=deviation.interval(ks),
        p_value=deviation.p_value(band.distribution),
        band=band,
        wasserstein=functions.area() if np.isfinite(law_means).all() else float(law_means.max()),
        mean_gap=float(mean_gaps.mean()),
        mean_p_value=mean_p_value(relative_gaps, band.mean),
        edge_gap=float(edge_gap),
        edge_z=edge_z,
        edge_p_value=edge_p_value,
        zero_mass_gap=float(zero_gaps.mean()),
        zero_mass_p_value=mean_p_value(zero_gaps, band.zero_mass),
        laws=laws,
        sample=sample,
    )


def _on_tracy_widom_scale(log_tops: Floats, edges: Sequence[SoftEdge], band: Band) -> tuple[Floats, float]:
    """z of each replicate, and the p-value of its mean."""
    scales = np.array([edge.scale for edge in edges])
    with np.errstate(invalid="ignore"):
        above = log_tops - np.array([edge.log_top for edge in edges])
    return above / scales, mean_p_value(above - scales * tracy_widom().mean(), band.log_top)
