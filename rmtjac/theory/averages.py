"""Averages over a spectrum: quadrature inside, the exponential tail of a hard edge in closed form or by Laguerre."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from rmtjac.errors import UnsupportedError
from rmtjac.theory.spectrum import Spectrum

__all__ = ["average", "exponential_moment", "log_deviation", "power_moment", "relative_deviation"]

LAGUERRE_POINTS = 12
BEYOND = 1e-11  # share of a moment that may lie beyond the density's first or last node


def average(
    spectrum: Spectrum, f: Callable[[Any], Any], atoms: bool = True, tail: float | None = None
) -> float:
    """E f(log lambda) over lambda > 0 for an analytic f.

    Parameters
    ----------
    atoms : whether the atoms count
    tail : the part from the tail of a hard edge, where it is known; else f is taken for a polynomial there
    """
    t, weights = spectrum.nodes
    places, masses = spectrum.atoms.T
    total = float((weights @ f(t)).real) if t.size else 0.0
    total += _polynomial_tail(spectrum, f) if tail is None else tail
    return total + (float(masses @ f(places)) if atoms else 0.0)


def _polynomial_tail(spectrum: Spectrum, f: Callable[[Any], Any]) -> float:
    """The tail's part of E f(t) by Gauss-Laguerre."""
    end, mass = spectrum.tail
    if mass == 0.0:
        return 0.0
    points, weights = np.polynomial.laguerre.laggauss(LAGUERRE_POINTS)
    exponent = spectrum.hard_edge_exponent
    places = end - points / exponent if exponent > 0.0 else np.full(points.shape, end)
    return mass * float(weights @ f(places))


def exponential_moment(spectrum: Spectrum, rate: float) -> float:
    """E lambda^rate, lambda = 0 included; inf where it diverges or overflows, nan where what is not known counts.

    Raises
    ------
    UnsupportedError
        If it exists, but the tail that no density in doubles reaches counts.
    """
    if _diverges(spectrum, rate):
        return math.inf
    # in units of the end that dominates, so that only the result can overflow
    end, mass = spectrum.tail
    low, high = spectrum.ends
    unit = high if rate >= 0.0 else (low if math.isfinite(low) else end)
    unit = unit if math.isfinite(unit) else 0.0
    tail = 0.0
    if mass > 0.0:
        exponent = spectrum.hard_edge_exponent
        factor = exponent / (exponent + rate) if 0.0 < exponent < math.inf else 1.0
        tail = mass * factor * math.exp(rate * (end - unit))
    relative = average(spectrum, lambda t: np.exp(rate * (t - unit)), tail=tail)
    if not spectrum.is_complete and (rate < 0.0 or (rate > 0.0 and tail > BEYOND * relative)):
        return math.nan
    last, above = spectrum.upper_tail
    index = spectrum.power_tail.exponent
    if above > 0.0 and above * math.exp(rate * (last - unit)) > BEYOND * (1.0 - rate / index) * relative:
        raise UnsupportedError(
            f"E lambda^{rate:g} with the tail index {index:g} of lambda: allowed are powers less close to it"
        )
    with np.errstate(over="ignore"):
        return float(relative * np.exp(rate * unit)) + (spectrum.zero_mass if rate == 0.0 else 0.0)


def _diverges(spectrum: Spectrum, rate: float) -> bool:
    """Whether E lambda^rate is known to be infinite."""
    if rate < 0.0:
        return spectrum.zero_mass > 0.0 or (spectrum.is_complete and rate <= -spectrum.hard_edge_exponent)
    return rate >= spectrum.power_tail.exponent


def power_moment(spectrum: Spectrum, k: int) -> float:
    """E (log lambda)^k for an integer k >= 0; infinite with an atom at lambda = 0, nan if not known below."""
    if k == 0:
        return average(spectrum, np.ones_like) + spectrum.zero_mass
    if spectrum.zero_mass == 0.0 and not spectrum.is_complete:
        return math.nan
    if spectrum.zero_mass > 0.0 or spectrum.hard_edge_exponent == 0.0:
        return -math.inf if k % 2 else math.inf
    return average(spectrum, lambda t: t**k)


def log_deviation(spectrum: Spectrum) -> float:
    """Standard deviation of log lambda; nan if its mean is infinite or not known."""
    mean = power_moment(spectrum, 1)
    if not math.isfinite(mean):
        return math.nan
    return math.sqrt(max(0.0, average(spectrum, lambda t: (t - mean) ** 2)))


def relative_deviation(spectrum: Spectrum, rate: float) -> float:
    """Standard deviation of lambda^rate, rate > 0, over the largest lambda^rate; inf where it diverges."""
    top = spectrum.ends[1]
    if 2.0 * rate >= spectrum.power_tail.exponent:
        return math.inf
    if not math.isfinite(top):
        return 0.0
    mean = average(spectrum, lambda t: np.exp(rate * (t - top)))
    variance = average(spectrum, lambda t: (np.exp(rate * (t - top)) - mean) ** 2)
    return math.sqrt(max(0.0, variance + spectrum.zero_mass * mean**2))
