"""What the unknown on the curve says: density, masses on both sides, and a bound on the error."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel
from rmtjac.theory.master_equation import Equation, equation_terms, log_z, mass_above, mass_below

__all__ = ["along_path", "densities", "error_bounds", "masses"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]


@kernel
def densities(eq: Equation, eta: Complexes, interval: Integers) -> tuple[Floats, Floats]:
    """Density of log lambda as mantissa and natural log of its scale: -Im(w)/pi = mantissa e^scale."""
    mantissa = np.zeros(eta.size)
    scale = np.zeros(eta.size)
    for i in range(eta.size):
        if interval[i] >= 0:
            _, total, _, _, _, _, _ = equation_terms(eq, eta[i])
            mantissa[i] = -total.imag / math.pi
            scale[i] = min(0.0, -eta[i].real)
    return mantissa, scale


@kernel
def masses(eq: Equation, eta: Complexes, interval: Integers) -> tuple[Floats, Floats]:
    """Mass above, and mass below without the atom at 0, for the points inside the support (others: nan)."""
    above = np.full(eta.size, np.nan)
    below = np.full(eta.size, np.nan)
    for i in range(eta.size):
        if interval[i] >= 0:
            above[i] = mass_above(eq, eta[i])
            below[i] = mass_below(eq, eta[i])
    return above, below


@kernel
def error_bounds(eq: Equation, t: Floats, eta: Complexes, interval: Integers) -> Floats:
    """Bounds on the error of the density of log lambda at scaled t; 0 outside the support.

    The measured residual and the rounding of log z, t, the edge and eta, over |dg/deta|; where the root is nearly
    double the error of a square root takes its place.
    """
    bound = np.zeros(t.size)
    for i in range(t.size):
        if interval[i] < 0:
            continue
        value, derivative, noise = log_z(eq, eta[i])
        error = abs(value - t[i]) + 2.0 * noise + 3e-16 * (abs(t[i]) + 2.0 * abs(eq.log_scale))
        shrink, total, _, slope, _, _, _ = equation_terms(eq, eta[i])
        linear = error / abs(derivative)
        # curvature of g at the distance |Im eta|: the root moves by at most the square root below
        room = math.pi - eta[i].imag
        nearly_double = math.sqrt(2.0 * error * room / abs(derivative))
        moved = 2.0 * linear if linear < 0.1 * room else 2.0 * max(linear, nearly_double)
        moved += 2.3e-16 * eta[i].imag
        bound[i] = shrink * (moved * abs(slope) + 1e-15 * abs(total.imag)) / math.pi
    return bound


@kernel
def along_path(eq: Equation, eta: Complexes) -> tuple[Complexes, Complexes, Complexes]:
    """g, dg/deta and w + p at every eta."""
    value = np.empty(eta.size, dtype=np.complex128)
    slope = np.empty(eta.size, dtype=np.complex128)
    shifted = np.empty(eta.size, dtype=np.complex128)
    for i in range(eta.size):
        value[i], slope[i], _ = log_z(eq, eta[i])
        shrink, total, _, _, _, _, _ = equation_terms(eq, eta[i])
        shifted[i] = shrink * total
    return value, slope, shifted
