"""The top of a law where its density ends as a square root: there the largest eigenvalue is a Tracy-Widom variable."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rmtjac.theory.spectral_law import SpectralLaw

__all__ = ["SoftEdge", "soft_edge"]

Floats = npt.NDArray[np.float64]

STEPS = 12
CLOSE = 1e-4
FACTOR_AT_SCALE = 2.0


@dataclass(frozen=True, kw_only=True)
class SoftEdge:
    """Log of the top of a law, and the scale on which log lambda_max of n eigenvalues varies about it.

    (log lambda_max - log_top)/scale tends to Tracy-Widom; `scale` is nan if the top is no soft edge.
    """

    log_top: float
    scale: float


def soft_edge(law: SpectralLaw, n: int) -> SoftEdge:
    """Top and Tracy-Widom scale of a law for matrices of n eigenvalues, those at 0 counted; inf and nan without a top.

    With density c sqrt(d) of log lambda at a distance d below the top, scale = (pi n c)^(-2/3). It is nan if the top
    is an atom, if the density does not end as a square root, or if n is so small that the square root is a factor of
    2 off at a distance of `scale`.
    """
    view = law.of("log_eigenvalues")
    if np.isposinf(view.support[-1:, 1]).any():
        return SoftEdge(log_top=math.inf, scale=math.nan)
    tops = [-math.inf, *view.edges[-1:].tolist(), *view.atoms[-1:, 0].tolist()]
    edge = SoftEdge(log_top=max(tops), scale=math.nan)
    if not view.edges.size or edge.log_top != view.edges[-1] or edge.log_top in view.atoms[:, 0]:
        return edge
    width = min(1.0, float(np.ptp(view.support[-1])))
    distances = width * 0.25 ** np.arange(1.0, STEPS + 1.0)
    root = _per_root(view, edge.log_top, distances)
    limits = (4.0 * root[1:] - root[:-1]) / 3.0
    with np.errstate(divide="ignore", invalid="ignore"):
        settled = np.flatnonzero(np.abs(limits[1:] / limits[:-1] - 1.0) < CLOSE)
    if not settled.size:
        return edge
    limit = limits[settled[0] + 1]
    scale = float((math.pi * n * limit) ** (-2.0 / 3.0))
    there = _per_root(view, edge.log_top, np.array([scale]))[0] / limit
    good = 1.0 / FACTOR_AT_SCALE < there < FACTOR_AT_SCALE
    return SoftEdge(log_top=edge.log_top, scale=scale if good else math.nan)


def _per_root(view: SpectralLaw, top: float, distances: Floats) -> Floats:
    """Density of log lambda over the root of the distance below the top: analytic in the distance."""
    return np.asarray(view.pdf(top - distances) / np.sqrt(distances))
