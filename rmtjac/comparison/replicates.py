"""Tests whose unit is a replicate: eigenvalues of one matrix repel each other and are no independent draws.

F_N - F of R replicates at one point are R independent numbers whose mean is normal to a good approximation, so that
Student's t tests it. A supremum over K points is tested by K times the tail at one (Bonferroni), with the largest
standard deviation of all points: counts of a few eigenvalues in a tail have estimated deviations of 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

__all__ = ["MeanDeviation", "check_distinct", "mean_deviation", "mean_p_value"]

Floats = npt.NDArray[np.float64]

DRAWS = 400
NORMAL_95 = 1.959964
ROUNDING = 1e-12
TELLING = 10  # so many distinct eigenvalues do not coincide by chance, not even for weights of two values


@dataclass(frozen=True, kw_only=True)
class MeanDeviation:
    """The supremum of a mean over replicates, and its noise.

    Attributes
    ----------
    supremum : float
        sup |mean D| over the points.
    error : float
        Largest standard error of the mean at a point; nan for one replicate.
    spread : float
        Standard deviation of `supremum` over resampled replicates; nan for one replicate.
    points : int
    freedom : int
        Replicates - 1.
    """

    supremum: float
    error: float
    spread: float
    points: int
    freedom: int

    def interval(self, centre: float) -> tuple[float, float]:
        """centre -+ 1.96 standard deviations of the supremum, within [0, 1]; all of it for one replicate."""
        if self.freedom == 0:
            return 0.0, 1.0
        margin = NORMAL_95 * self.spread
        return max(0.0, centre - margin), min(1.0, centre + margin)

    def p_value(self, band: float) -> float:
        """Upper bound on the probability of so large a supremum if sup |E D| <= band; nan for one replicate."""
        one = _tail(self.supremum - band, self.error, self.freedom)
        return float(np.minimum(1.0, self.points * one))


def mean_deviation(*samples: Floats) -> MeanDeviation:
    """Supremum and noise of the sum of the means of independent samples of processes, each (replicates, points).

    Resampling is by Gaussian processes with the covariances of the replicates; the draws are fixed by the shapes.
    """
    mean = np.sum([rows.mean(axis=0) for rows in samples], axis=0)
    freedom = min(len(rows) for rows in samples) - 1
    error = spread = math.nan
    if freedom > 0:
        steps = [(rows - rows.mean(axis=0)) / math.sqrt(len(rows) * (len(rows) - 1)) for rows in samples]
        error = math.sqrt(float(np.sum([np.square(step).sum(axis=0) for step in steps], axis=0).max()))
        rng = np.random.default_rng([len(rows) for rows in samples])
        draws = mean + np.sum([rng.standard_normal((DRAWS, len(step))) @ step for step in steps], axis=0)
        spread = float(np.abs(draws).max(axis=1).std())
    return MeanDeviation(
        supremum=float(np.abs(mean).max()), error=error, spread=spread, points=mean.size, freedom=freedom
    )


def mean_p_value(values: Floats, band: float) -> float:
    """Probability of so large a |mean value| if |E value| <= band, one value a replicate; nan for fewer than two."""
    if values.size < 2 or not np.isfinite(values).all():
        return math.nan
    error = float(values.std(ddof=1)) / math.sqrt(values.size)
    return _tail(abs(float(values.mean())) - band, error, values.size - 1)


def _tail(excess: float, error: float, freedom: int) -> float:
    """P(|t| >= excess/error) of Student's t, 1 for no excess."""
    if freedom == 0 or math.isnan(excess):
        return math.nan
    if excess <= ROUNDING:
        return 1.0
    return 2.0 * float(student.sf(excess / error, freedom)) if error > 0.0 else 0.0


def check_distinct(spectra: Iterable[Floats]) -> None:
    """Raise ValueError if two spectra, arrays of ascending values, are the same: their random stream was repeated.

    Spectra of fewer than 10 distinct finite values are not told apart from chance, nor are atoms of the law.
    """
    seen: dict[bytes, int] = {}
    for k, row in enumerate(spectra):
        if np.unique(row[np.isfinite(row)]).size >= TELLING:
            first = seen.setdefault(row.tobytes(), k)
            if first != k:
                raise ValueError(
                    f"sample: replicates {first} and {k} have the same spectrum, so a random stream was repeated; "
                    "allowed are independent replicates"
                )
