"""Sample against sample: for networks without a law, and for samplers that should agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rmtjac.comparison.distributions import POINTS, fractions_below, log_eigenvalues, spread_nodes
from rmtjac.comparison.replicates import check_distinct, mean_deviation
from rmtjac.sampling.sample import SpectrumSample

__all__ = ["SampleComparison", "compare_samples"]


@dataclass(frozen=True, kw_only=True)
class SampleComparison:
    """Distance between two samples of spectra.

    Attributes
    ----------
    ks : float
        Kolmogorov distance sup |F_a - F_b|, each pooled over its replicates, at 129 points, 0 among them.
    ks_interval : (float, float)
        ks -+ 1.96 standard deviations of the supremum over resampled replicates.
    p_value : float
        Upper bound on the probability of such a distance if the two have the same E F_N; no band, since neither
        is a limit. nan if a sample has one replicate.
    """

    ks: float
    ks_interval: tuple[float, float]
    p_value: float


def compare_samples(a: SpectrumSample, b: SpectrumSample) -> SampleComparison:
    """Whether two independent samples have the same mean spectral distribution.

    Parameters
    ----------
    a, b : SpectrumSample
        Of different seeds.

    Raises
    ------
    ValueError
        If two of the spectra, in one sample or in both, are the same: a random stream was repeated.
    """
    (values_a, floor_a), (values_b, floor_b) = log_eigenvalues(a), log_eigenvalues(b)
    floor = max(floor_a, floor_b)
    values = [np.where(np.isneginf(one), one, np.maximum(one, floor)) for one in (values_a, values_b)]
    check_distinct([*values[0], *values[1]])
    nodes = spread_nodes(np.unique(np.concatenate([one.ravel() for one in values])), POINTS)
    points = np.concatenate([[-np.inf], nodes])
    rows = [fractions_below(one, points, "right") for one in values]
    deviation = mean_deviation(rows[0], -rows[1])
    return SampleComparison(
        ks=deviation.supremum,
        ks_interval=deviation.interval(deviation.supremum),
        p_value=deviation.p_value(0.0),
    )
