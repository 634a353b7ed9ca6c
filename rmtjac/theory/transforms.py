"""Analytic transforms of a law off the curve: 1 + w at any z, and the S-transform."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel
from rmtjac.theory.continuation import CONVERGED, continue_root
from rmtjac.theory.master_equation import Equation, divide, equation_terms, log_z

__all__ = ["log_s_transform", "one_plus_w"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

FAR = -600.0  # below this log|zeta| w is nothing beside 1
NEAR_REAL = 1e-9
SMALLEST_DISTANCE = 33.0  # of log zeta from its pole at 0, -log: below it the angle pi is too coarse


@kernel
def one_plus_w(eq: Equation, log_z_values: Complexes) -> Complexes:
    """1 + w at log z with imaginary part in [0, pi]; nan where no root was found."""
    out = np.ones(log_z_values.size, dtype=np.complex128)
    far = log_z(eq, complex(FAR, 0.5 * math.pi))[0].real
    for i in range(out.size):
        target = log_z_values[i]
        if target.real > far:
            continue
        eta, _, code = continue_root(eq, target.real, target.imag)
        if code != CONVERGED:
            # on the real axis outside the support the root is real: approach it, then polish freely
            theta = min(max(target.imag, NEAR_REAL), math.pi - NEAR_REAL)
            eta, _, code = continue_root(eq, target.real, theta)
            for _ in range(4):
                value, derivative, _ = log_z(eq, eta)
                eta -= divide(value - target, derivative)
        shrink, total, _, _, _, _, _ = equation_terms(eq, eta)
        out[i] = shrink * total + eq.closed if code == CONVERGED else complex(np.nan, np.nan)
    return out


@kernel
def _zeta_reaches(eq: Equation, eta: complex, w: float) -> bool:
    """Whether |zeta| at eta is at least that of real w; near w = -p by w + p, which keeps its digits there."""
    shrink, total, there, _, _, _, _ = equation_terms(eq, eta)
    if w < -0.5 * eq.masses.sum():
        return bool(shrink * total.real <= w + eq.masses.sum())
    return abs(there.real) >= abs(w)


@kernel
def _log_zeta(eq: Equation, w: float) -> float:
    """log |zeta| of real w > -(1 - closed), by bisection: zeta < 0 for w < 0, else 0 < zeta < 1."""
    # s = log |zeta|, or zeta = exp(-e^(-s)); |w| rises with s on both
    low, high = -800.0, 800.0 if w < 0.0 else SMALLEST_DISTANCE
    size = 0.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        size = middle if w < 0.0 else -math.exp(-middle)
        if _zeta_reaches(eq, complex(size, 0.0 if w < 0.0 else math.pi), w):
            high = middle
        else:
            low = middle
    return size


@kernel
def log_s_transform(eq: Equation, w: Floats) -> Floats:
    """log of the S-transform of the scaled equation, -sum log T_l, at real w > -(1 - closed), not 0; else nan."""
    out = np.full(w.size, np.nan)
    for i in range(w.size):
        if not w[i] + eq.masses.sum() > 0.0 or w[i] == math.inf:
            continue
        out[i] = -eq.count * (math.log(abs(w[i])) - _log_zeta(eq, w[i]))
        for j in range(eq.counts.size):
            out[i] -= eq.counts[j] * math.log(w[i] + (eq.masses.sum() + eq.excess[j]))
        if eq.haar:
            out[i] += (eq.count + eq.counts.sum()) * math.log1p(w[i])
        out[i] -= eq.drift * w[i] + eq.hard_drift * w[i] / (1.0 + w[i])
    return out
