"""Means over a Gaussian variable, by adaptive quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import quad

__all__ = ["gaussian_mean"]

# P(|xi| > 38) is below the smallest double
REACH = 38.0


def gaussian_mean(function: Callable[[Any], Any], variance: float, what: str) -> float:
    """E function(h) for Gaussian h of mean 0 and finite `variance` >= 0, to about 1e-12 relative.

    Raises
    ------
    ValueError
        If the variance is infinite, or no finite mean was found; `what` names it in the message.
    """
    if not math.isfinite(variance):
        raise ValueError(f"{what} at q={variance}: allowed are finite q")
    scale = math.sqrt(variance)

    def integrand(xi: float) -> float:
        # xi and -xi together: the integral runs over a half line, and a kink at 0 is at its end
        both = function(np.float64(scale * xi)) + function(np.float64(-scale * xi))
        return float(both) * math.exp(-0.5 * xi * xi)

    if scale == 0:
        return float(function(np.float64(0.0)))
    with np.errstate(all="ignore"):
        # full_output keeps quad silent: what it found is judged below
        mean, error, *_ = quad(
            integrand, 0.0, REACH, points=_ends(scale), epsabs=0.0, epsrel=1e-12, limit=400, full_output=1
        )
    if not (math.isfinite(mean) and error <= 1e-8 * abs(mean) + 1e-300):
        raise ValueError(f"{what} at q={variance:g}: the quadrature found no finite mean")
    return float(mean) / math.sqrt(2 * math.pi)


def _ends(scale: float) -> list[float]:
    """Where |h| = 1, the place at which activations bend, and the bulk of the Gaussian, in units of xi."""
    return sorted({end for end in (1.0 / scale, 4.0, 10.0) if end < REACH})
