"""The finite-N band: how far expectations over networks of finite width may lie from the law of infinite width.

For products of Gaussian matrices N (E F_N - F) runs from L/(2(L + 1)) above the hard edge to -1/4 at the soft one
(measured; for L = 1 they are the known 1/4 of real matrices at either edge). All other constants are 1.25 to 3 times
what was measured for widths 50 to 200 and depths 1 to 10; `validation/targets/statistics.py` checks them at n and 2n.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rmtjac.comparison.gate_fluctuations import log_mean_variance
from rmtjac.sampling.sample import SpectrumSample
from rmtjac.theory.spectral_law import SpectralLaw

__all__ = ["Band", "band_of"]

FEWEST = 4
# the weight laws that were measured, and the sizes of their fourth cumulants
KURTOSIS = {"gaussian": 0.0, "orthogonal": 0.0, "uniform": 1.2, "rademacher": 2.0}
SPREADS = (
    3.0  # times V, of which the shift of a mean is about a half where V is small, and more where it is not
)


@dataclass(frozen=True, kw_only=True)
class Band:
    """Allowed distances between expectations at finite width and the law; n is the smallest width, L the depth.

    Three cases: no random gates (linear networks), laws at the realised gates, and the limit law of networks with
    random gates, whose rank is the smallest of L fluctuating ones: O(n^(-1/2)) if m, the law's mass at 0, is not 0
    or 1. All are nan for weights with heavier tails than a Gaussian, for which no band is known.

    Attributes
    ----------
    distribution : float
        Of sup |E F_N - F|: L/(2(L+1)n); 1/n; 2/n + sqrt(2 log(L) m (1 - m)/n).
    mean : float
        Of the mean eigenvalue, relatively: 0; L/n; L/n + 2 V (`log_mean_variance`). nan if fewer than 4 eigenvalues
        make it (N m_1^2/m_2, N their number): it is far from normal then, and its expectation that of rare networks.
    log_top : float
        Of log lambda_max from its Tracy-Widom mean: L/n; 2L/n; 2L/n + 2 V; and |k_4| L/n, where k_4 is the fourth
        cumulant of the entries of W n^(1/2).
    zero_mass : float
        Of the mass at 0: 0; 0; as `distribution`.
    """

    distribution: float
    mean: float
    log_top: float
    zero_mass: float


def band_of(laws: Sequence[SpectralLaw], sample: SpectrumSample) -> Band:
    """The band of a sample about its law, or about one law a replicate."""
    ensemble = sample.metadata["ensemble"]
    depth = len(ensemble["activations"])
    step = 1.0 / min(ensemble["widths"])
    if ensemble["weights"] not in KURTOSIS:
        return Band(distribution=math.nan, mean=math.nan, log_top=math.nan, zero_mass=math.nan)
    entries = KURTOSIS[ensemble["weights"]] * depth * step
    usual = 0.0 if _eigenvalues_of_the_mean(laws, sample) >= FEWEST else math.nan
    if set(ensemble["activations"]) == {"linear"}:
        rigid = 0.5 * depth / (depth + 1) * step
        return Band(distribution=rigid, mean=usual, log_top=depth * step + entries, zero_mass=0.0)
    mean, log_top = usual + depth * step, 2 * depth * step + entries
    if len(laws) > 1:
        return Band(distribution=step, mean=mean, log_top=log_top, zero_mass=0.0)
    zero = float(np.mean([law.cdf(0.0) for law in laws]))
    ranks = 2.0 * step + math.sqrt(2.0 * math.log(depth) * zero * (1.0 - zero) * step)
    shift = SPREADS * log_mean_variance(ensemble)
    return Band(distribution=ranks, mean=mean + shift, log_top=log_top + shift, zero_mass=ranks)


def _eigenvalues_of_the_mean(laws: Sequence[SpectralLaw], sample: SpectrumSample) -> float:
    """How many eigenvalues make the mean, were all others 0; 0 if the moments leave the range of doubles."""
    first, second = (float(np.mean([law.moment(k) for law in laws])) for k in (1, 2))
    share = first / second * first if 0.0 < second < math.inf else 0.0
    return share * float(sample.singular_values.shape[1])
