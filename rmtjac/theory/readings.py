"""What the unknowns on the curve say: the terms of the equation, masses on both sides, and a bound on the error."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel
from rmtjac.theory.gate_averages import gate_terms
from rmtjac.theory.master_equation import Equation, log_z, mass_above, mass_below

__all__ = ["READING", "error_bounds", "evaluate", "masses", "tied"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]

# g = log z - log_scale with derivative in eta_0 and rounding error; u + rho, derivative and error, over e^log_scale
READING = np.dtype(
    [
        ("value", np.complex128),
        ("slope", np.complex128),
        ("noise", np.float64),
        ("total", np.complex128),
        ("total_slope", np.complex128),
        ("total_error", np.float64),
        ("log_scale", np.float64),
    ]
)


def evaluate(eq: Equation, eta: Complexes, ties: int = 0) -> tuple[Any, Complexes]:
    """The READING at every row of eta (points, G), and the derivatives of all unknowns in eta_0 (points, G).

    The unknowns other than the reference's are first tied to it by `ties` Newton steps.
    """
    reading = np.zeros(len(eta), dtype=READING).view(np.recarray)
    rate = np.empty(eta.shape, dtype=np.complex128)
    _evaluate(eq, eta, ties, reading, rate)
    return reading, rate


@kernel
def tied(eq: Equation, eta: Complexes) -> Complexes:
    """eta (points, G) with the unknowns other than the reference's tied to it by two Newton steps."""
    out = eta.copy()
    move, rate = np.empty(eta.shape[1], dtype=np.complex128), np.empty(eta.shape[1], dtype=np.complex128)
    if eta.shape[1] > 1:
        for i in range(eta.shape[0]):
            for _ in range(2):
                log_z(eq, out[i], move, rate)
                out[i] += move
    return out


@kernel
def _evaluate(eq: Equation, eta: Complexes, ties: int, reading: Any, rate: Complexes) -> None:
    groups = eta.shape[1]
    move, tied = np.empty(groups, dtype=np.complex128), np.empty(groups, dtype=np.complex128)
    rho = 1.0 + eq.excess[0]
    for i in range(eta.shape[0]):
        tied[:] = eta[i]
        if groups > 1:
            for _ in range(ties):
                log_z(eq, tied, move, rate[i])
                tied += move
        row = reading[i]
        row.value, row.slope, row.noise = log_z(eq, tied, move, rate[i])
        terms = gate_terms(eq.gates, 0, tied[0])
        row.total = rho * terms.total
        row.total_slope = rho * terms.slope
        row.total_error = rho * terms.error
        row.log_scale = terms.log_scale


@kernel
def masses(eq: Equation, eta: Complexes, interval: Integers) -> tuple[Floats, Floats]:
    """Fractions of the non-zero eigenvalues above and below, for the points inside the support (others: nan)."""
    above = np.full(interval.size, np.nan)
    below = np.full(interval.size, np.nan)
    for i in range(interval.size):
        if interval[i] >= 0:
            above[i] = mass_above(eq, eta[i])
            below[i] = mass_below(eq, eta[i])
    return above, below


def error_bounds(eq: Equation, t: Floats, eta: Complexes, interval: Integers) -> Floats:
    """Bounds on the error of -Im(u)/pi, the density of log lambda, at scaled t; 0 outside the support.

    The measured residual and the rounding of log z, t, the edge and eta, over |dg/d eta|; where the root is nearly
    double the error of a square root takes its place.
    """
    at, _ = evaluate(eq, eta)
    error = np.abs(at["value"] - t) + 2.0 * at["noise"] + 3e-16 * (np.abs(t) + 2.0 * abs(eq.log_scale))
    with np.errstate(all="ignore"):
        linear = error / np.abs(at["slope"])
        # curvature of g at the distance |Im eta|: the root moves by at most the square root below
        room = np.minimum(eta[:, 0].imag, math.pi - eta[:, 0].imag)
        nearly_double = np.sqrt(2.0 * linear * room)
        moved = 2.0 * np.where(linear < 0.1 * room, linear, np.maximum(linear, nearly_double))
        moved += 2.3e-16 * eta[:, 0].imag
        size = moved * np.abs(at["total_slope"]) + 1e-15 * np.abs(at["total"].imag) + at["total_error"]
        bound: Floats = np.where(interval >= 0, np.exp(at["log_scale"]) * size / math.pi, 0.0)
    return bound
