"""The law of log|phi'(h)| for stable h, at nodes so dense that means of its exponentials keep their digits.

A panel of h is halved until log|phi'| is a polynomial there that varies by SWING at most, so that Gauss-Legendre nodes
resolve the powers |phi'|^(alpha s) up to |Im s| of some hundreds.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rmtjac.errors import UnsupportedError
from rmtjac.model.scalar_function import USER_CODE, USER_NOISE, Activation
from rmtjac.model.stable import stable_density, stable_panels, tail_mass

__all__ = ["LOWEST", "slope_nodes"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

POINTS = 24
SWING = 0.5  # of alpha log|phi'|
ROUNDING = 1e-13  # last Legendre coefficients of log|phi'|, in units of 1 + |log|phi'||
LIGHTEST = 1e-18  # mass of a panel that needs no digits
SHORTEST = 1e-14  # of a panel over |h|
MOST_PANELS = 60_000
LOWEST = math.log(5e-324)  # gates below are 0 in doubles

NODES, WEIGHTS = np.polynomial.legendre.leggauss(POINTS)
_TO_SERIES = (
    np.polynomial.legendre.legvander(NODES, POINTS - 1) * WEIGHTS[:, None] * (np.arange(POINTS) + 0.5)
)


def slope_nodes(phi: Activation, scale: float, alpha: float) -> tuple[Floats, Floats]:
    """Values of log|phi'(h)|, -inf where it is below LOWEST, and their masses, for h = scale Z.

    Raises
    ------
    UnsupportedError
        If phi' is not smooth between finitely many points, like that of a periodic phi.
    """
    ends = stable_panels(scale)
    log_noise = _log_noise(phi, ends)
    low, high = np.concatenate([ends[:-1], -ends[1:]]), np.concatenate([ends[1:], -ends[:-1]])
    logs: list[Floats] = []
    masses: list[Floats] = []
    count = 0
    while low.size:
        count += low.size
        if count > MOST_PANELS:
            raise UnsupportedError(
                f"activation={phi.name!r}: phi'(h) is not resolved by {MOST_PANELS} panels up to |h|={ends[-1]:.2g}, "
                "which heavy tails reach; allowed are derivatives smooth between finitely many points"
            )
        half = 0.5 * (high - low)
        h = 0.5 * (low + high)[:, None] + half[:, None] * NODES
        value = _log_slope(phi, h)
        mass = half[:, None] * WEIGHTS * stable_density(np.abs(h) / scale, alpha) / scale
        good = _is_resolved(value, alpha, log_noise)
        good |= (mass.sum(axis=1) <= LIGHTEST) | (half <= SHORTEST * np.abs(h).max(axis=1))
        logs.append(value[good].ravel())
        masses.append(mass[good].ravel())
        middle = 0.5 * (low + high)[~good]
        low, high = np.concatenate([low[~good], middle]), np.concatenate([middle, high[~good]])
    outermost = _log_slope(phi, np.array([ends[-1], -ends[-1]]))
    beyond = np.full(2, 0.5 * tail_mass(float(ends[-1] / scale), alpha))
    return np.concatenate([*logs, outermost]), np.concatenate([*masses, beyond])


def _log_slope(phi: Activation, h: Floats) -> Floats:
    """log|phi'(h)|, -inf below LOWEST."""
    with np.errstate(all="ignore"):
        # a user's function may know one-dimensional arrays only
        logs = np.reshape(phi.log_derivative(h.ravel())[0], h.shape)
    wrong = np.isnan(logs) | (logs == np.inf)
    if wrong.any():
        place = float(h[wrong].flat[0])
        raise ValueError(
            f"activation={phi.name!r}: the derivative at h={place:g} is not finite; allowed are finite values"
        )
    return np.where(logs < LOWEST, -np.inf, logs)


def _log_noise(phi: Activation, ends: Floats) -> float:
    """log of the error of phi'."""
    if phi.code != USER_CODE:
        return -math.inf
    return math.log(USER_NOISE) + float(_log_slope(phi, np.concatenate([-ends, ends])).max())


def _is_resolved(logs: Floats, alpha: float, log_noise: float) -> Flags:
    """Panels that are closed, or whose logarithms are a polynomial of little variation, up to the error of phi'."""
    top, bottom = logs.max(axis=1), logs.min(axis=1)
    closed = np.isneginf(top)
    with np.errstate(invalid="ignore"):
        below_top = np.where(np.isneginf(bottom)[:, None], 0.0, logs - top[:, None])
        last = np.abs(below_top @ _TO_SERIES)[:, -3:].max(axis=1)
        blurred = ROUNDING * (1.0 + np.abs(top)) + np.exp(np.minimum(log_noise - top, 0.0))
        smooth = ~np.isneginf(bottom) & (alpha * (top - bottom) <= SWING) & (last <= blurred)
    return np.asarray(closed | smooth | (blurred > SWING))
