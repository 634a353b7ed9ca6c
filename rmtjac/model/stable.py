"""Standard symmetric alpha-stable random numbers, E exp(itZ) = exp(-|t|^alpha): draws, density, means."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline, make_interp_spline
from scipy.special import loggamma

__all__ = ["draw_stable", "stable_density", "stable_nodes", "stable_panels", "tail_mass"]

Floats = NDArray[np.float64]

# the Mellin-Barnes rule for the density: contours within the strip 0 < Re s < 1 + alpha, for small and large x
LOG_REACH = 50.0
LOG_STEP = 0.05
MARGIN = 0.25
DIGITS = 38.0  # e^-38 is below a rounding
# panels for means: ends at the powers of 2^(1/4) of h and of h/scale
OCTAVES = 2
POINTS = 16
H_RANGE, Z_RANGE = (-12, 12), (-60, 60)
TAIL_TERMS = 3


def draw_stable(rng: np.random.Generator, shape: tuple[int, ...], alpha: float = 1.0) -> Floats:
    """Independent Z with E exp(itZ) = exp(-|t|^alpha), 0 < alpha <= 2, by Chambers, Mallows and Stuck (1976).

    Z = sin(alpha V) cos(V)^(-1/alpha) [cos((1 - alpha) V)/E]^((1 - alpha)/alpha), V uniform on
    (-pi/2, pi/2), E exponential. In this symmetric form nothing is singular at alpha = 1, where Z = tan V.

    Raises
    ------
    ValueError
        If a number left the range of doubles, as happens for alpha below about 0.05.
    """
    angle = np.pi * (rng.random(shape) - 0.5)
    waiting = rng.standard_exponential(shape)
    if alpha == 1.0:  # the last factor is 1; the same bits, without two powers
        return np.asarray(np.sin(angle) * np.reciprocal(np.cos(angle)))
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        ratio = np.cos((1.0 - alpha) * angle) / waiting
        numbers = np.sin(alpha * angle) * np.cos(angle) ** (-1.0 / alpha) * ratio ** ((1.0 - alpha) / alpha)
    if not np.isfinite(numbers).all():
        raise ValueError(f"stable:{alpha:g}: a draw left the range of doubles; larger ALPHA is allowed")
    return numbers


def stable_density(x: Floats, alpha: float) -> Floats:
    """Density of Z at x > 0, 0.3 <= alpha < 2, to about 1e-13 relative; beyond e^+-50 by its power laws.

    int_0^inf exp(-t^alpha) cos(x t) dt/pi as a Mellin-Barnes integral, its trapezoidal sum:
    (1/(2 pi i)) int Gamma((1 - s)/alpha) Gamma(s) cos(pi s/2) x^-s ds/(pi alpha), 0 < Re s < 1 + alpha.
    The sum is taken on a grid of log x, and its log is a spline of degree 7 in between.
    """
    log_x = np.log(np.asarray(x, dtype=np.float64))
    inside = np.clip(log_x, -LOG_REACH, LOG_REACH)
    beyond = np.maximum(log_x - LOG_REACH, 0.0)
    return np.asarray(np.exp(_log_density(alpha)(inside) - (1.0 + alpha) * beyond))


@cache
def _log_density(alpha: float) -> BSpline:
    log_x = np.linspace(-LOG_REACH, LOG_REACH, 1 + round(2.0 * LOG_REACH / LOG_STEP))
    density = np.empty(log_x.shape)
    for large in (False, True):
        chosen = (log_x > 0.0) == large
        s, weights = _density_rule(alpha, large)
        density[chosen] = (np.exp(-np.multiply.outer(log_x[chosen], s)) @ weights).real
    return make_interp_spline(log_x, np.log(density), k=7)


def _density_rule(alpha: float, large: bool) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    real = 1.0 + alpha - MARGIN if large else MARGIN
    reach = DIGITS * 2.0 * alpha / math.pi
    step = 2.0 * math.pi * MARGIN / DIGITS
    # symmetric about the real axis, and off the removable singularity at s = 1
    s = real + 1j * step * (np.arange(-math.ceil(reach / step), math.ceil(reach / step)) + 0.5)
    log_cosine = np.log(np.cos(0.5 * math.pi * s.real + 0.5j * math.pi * s.imag))
    values = np.exp(loggamma((1.0 - s) / alpha) + loggamma(s) + log_cosine)
    weights = values * step / (2.0 * math.pi**2 * alpha)
    return s.astype(np.complex128), weights.astype(np.complex128)


def stable_panels(scale: float) -> Floats:
    """Ends of panels of h > 0 for means over |h|, h = scale Z, of functions smooth between 0, 1 and inf.

    A panel ends at h = 1, where hard_tanh has its kink, and they resolve both h of order 1 and h of order `scale`.
    """
    z_range = (Z_RANGE[0], max(Z_RANGE[1], H_RANGE[1] - math.floor(math.log2(scale))))
    ends = np.concatenate(
        [
            2.0 ** (np.arange(low * OCTAVES, high * OCTAVES + 1) / OCTAVES) * unit
            for (low, high), unit in ((H_RANGE, 1.0), (z_range, scale))
        ]
    )
    return np.unique(np.concatenate([[0.0], ends[ends <= scale * 2.0 ** z_range[1]]]))


def stable_nodes(alpha: float, scale: float) -> tuple[Floats, Floats]:
    """Nodes h > 0 and weights of means over |h|, h = scale Z, on `stable_panels`.

    What lies beyond them, |h| > scale * 2^60 and > 2^12, counts at the last node.
    """
    ends = stable_panels(scale)
    points, weights = np.polynomial.legendre.leggauss(POINTS)
    half = 0.5 * np.diff(ends)[:, None]
    h = (0.5 * (ends[1:] + ends[:-1])[:, None] + half * points).ravel()
    mass = 2.0 * (half * weights).ravel() * stable_density(h / scale, alpha) / scale
    mass[-1] += tail_mass(float(ends[-1] / scale), alpha)
    return h, mass


def tail_mass(z: float, alpha: float) -> float:
    """P(|Z| > z) for z^alpha >= 1e5: (2/pi) sum_k (-1)^(k+1) Gamma(k alpha) sin(k pi alpha/2) z^(-k alpha)/k!."""
    terms = [
        -math.gamma(k * alpha) * math.sin(0.5 * math.pi * k * alpha) * (-(z**-alpha)) ** k / math.factorial(k)
        for k in range(1, TAIL_TERMS + 1)
    ]
    return 2.0 / math.pi * math.fsum(terms)
