"""Singular values of one weight matrix beside the Marchenko-Pastur law of a random one, and those outside of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rmtjac.comparison.tails import TailFit, fit_tail
from rmtjac.model.checks import checked_array
from rmtjac.theory.exact import marchenko_pastur
from rmtjac.theory.soft_edge import SoftEdge, soft_edge
from rmtjac.theory.spectral_law import SpectralLaw
from rmtjac.theory.tracy_widom import tracy_widom

__all__ = ["FALSE_ALARM", "WeightSpectrum", "weight_spectrum"]

Floats = npt.NDArray[np.float64]

EPS = float(np.finfo(float).eps)
NARROWEST = 20  # rows or columns below which no law is fitted
FALSE_ALARM = 1e-3
OBVIOUS = 10.0  # on the Tracy-Widom scale: left out of the first estimate of the scale
REFITS = 3
LEAST_BULK = 0.75  # share of the singular values that make a bulk: else the median alone gives its scale


@dataclass(frozen=True, kw_only=True, eq=False)
class WeightSpectrum:
    """Singular values of a weight matrix W (m, n), and the law of independent entries of the same variance.

    Attributes
    ----------
    shape : (int, int)
    singular_values : ndarray (min(m, n),)
        Descending.
    sigma_w : float
        The scale of the entries as a network counts it: sqrt(n mean W_ij^2).
    bulk_sigma_w : float
        The same without the outliers; nan without a law.
    law : SpectralLaw or None
        Marchenko-Pastur for bulk_sigma_w, of the eigenvalues of W W^T or W^T W, whichever is smaller; None for fewer
        than 20 rows or columns, or where the median singular value is 0.
    edge : float
        The largest singular value of that law; nan without one.
    z : ndarray (min(m, n),)
        (log s^2 - log edge^2)/scale: Tracy-Widom for the largest one of independent entries. nan without a law.
    threshold : float
        z above which a singular value counts as an outlier: of random matrices one in 1/`FALSE_ALARM` has one.
    ks : float
        Kolmogorov distance between singular values and law; nan without one.
    tail : TailFit or None
        Of the entries; None if there are too few that differ.
    """

    shape: tuple[int, int]
    singular_values: Floats = field(repr=False)
    sigma_w: float
    bulk_sigma_w: float
    law: SpectralLaw | None
    edge: float
    z: Floats = field(repr=False)
    threshold: float
    ks: float
    tail: TailFit | None

    def __post_init__(self) -> None:
        for array in (self.singular_values, self.z):
            array.flags.writeable = False

    @property
    def outliers(self) -> Floats:
        """The singular values above what chance explains, descending."""
        return self.singular_values[self.z > self.threshold]

    @property
    def usual_ks(self) -> float:
        """What `ks` stays below in 99 of 100 Gaussian matrices of this shape: (1 + log(r)/2)/r, r = min(m, n).

        Measured for r = 20 to 100, ratios .1 to 1. Eigenvalues repel each other: it falls like log(r)/r.
        """
        r = min(self.shape)
        return (1.0 + 0.5 * math.log(r)) / r


def weight_spectrum(matrix: npt.ArrayLike) -> WeightSpectrum:
    """The spectrum of a weight matrix (m, n) against its Marchenko-Pastur law.

    Its scale is that of the singular values without outliers: the median finds the obvious ones, and the mean square of
    the others the rest. An edge is random on the Tracy-Widom scale, and only what is beyond that is an outlier. The law
    is that of independent entries of finite variance: for a tail index below 4 its edge is not, below 2 nothing is.

    Raises
    ------
    ValueError
        If it is not a matrix of finite numbers that are not all 0.
    """
    given = checked_array("matrix", matrix)
    if given.ndim != 2 or not given.any():
        raise ValueError(f"matrix of shape {given.shape}: allowed are matrices that are not all 0")
    values = np.asarray(np.linalg.svd(given, compute_uv=False), dtype=np.float64)
    r, c = sorted(given.shape)
    scale = math.sqrt(given.shape[1] / c)  # from the longer side to the inputs
    threshold = float(tracy_widom().ppf(1.0 - FALSE_ALARM))
    has_bulk = np.median(values) > c * EPS * values[0]
    unit = _unit_law(r, c) if r >= NARROWEST and has_bulk else None
    edge = SoftEdge(log_top=math.nan, scale=math.nan) if unit is None else unit.edge
    sigma = math.nan if unit is None else _bulk_scale(values, unit, threshold)
    return WeightSpectrum(
        shape=(given.shape[0], given.shape[1]),
        singular_values=values,
        sigma_w=float(np.sqrt(given.shape[1] * np.mean(given**2))),
        bulk_sigma_w=scale * sigma,
        law=None if unit is None else marchenko_pastur(r / c, sigma),
        edge=sigma * math.exp(0.5 * edge.log_top),
        z=_on_edge_scale(values, sigma, edge),
        threshold=threshold,
        ks=math.nan if unit is None else _distance(values / sigma, unit.law),
        tail=_tail(given),
    )


class _UnitLaw(NamedTuple):
    """Marchenko-Pastur for entries of variance 1/(longer side): its mean is 1."""

    law: SpectralLaw
    median: float
    edge: SoftEdge


@lru_cache(maxsize=64)
def _unit_law(r: int, c: int) -> _UnitLaw:
    law = marchenko_pastur(r / c)
    return _UnitLaw(law, float(law.median()), soft_edge(law, r))


def _bulk_scale(values: Floats, unit: _UnitLaw, threshold: float) -> float:
    """sigma of the singular values without outliers, for entries of variance sigma^2/(longer side)."""
    # numbers whose squares are no doubles have a scale as well
    size = float(np.median(values))
    sigma = size / math.sqrt(unit.median)
    kept = ~(_on_edge_scale(values, sigma, unit.edge) > OBVIOUS)
    for _ in range(REFITS):
        if kept.mean() < LEAST_BULK:
            break
        sigma = size * math.sqrt(float(np.mean((values[kept] / size) ** 2)))
        before, kept = kept, ~(_on_edge_scale(values, sigma, unit.edge) > threshold)
        if (kept == before).all():
            break
    return sigma


def _on_edge_scale(values: Floats, sigma: float, edge: SoftEdge) -> Floats:
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray((2.0 * np.log(values / sigma) - edge.log_top) / edge.scale)


def _distance(values: Floats, unit: SpectralLaw) -> float:
    """sup |F_r - F| over the squares of descending values."""
    law = unit.cdf(values[::-1] ** 2)
    steps = np.arange(values.size + 1) / values.size
    return float(max((steps[1:] - law).max(), (law - steps[:-1]).max()))


def _tail(matrix: Floats) -> TailFit | None:
    try:
        return fit_tail(matrix)
    except ValueError:
        return None
