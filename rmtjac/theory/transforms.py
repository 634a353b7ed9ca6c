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


@kernel
def one_plus_w(eq: Equation, log_z_values: Complexes) -> Complexes:
    """1 + w at log z with imaginary part in [0, pi]; nan where no root was found."""
    out = np.empty(log_z_values.size, dtype=np.complex128)
    for i in range(out.size):
        target = log_z_values[i]
        # on the real axis outside the support the root is real: approach it, then polish freely
        theta = min(max(target.imag, 1e-9), math.pi - 1e-9)
        eta, _, code = continue_root(eq, target.real, target.imag)
        real = code != CONVERGED
        if real:
            eta, _, code = continue_root(eq, target.real, theta)
            for _ in range(4):
                value, derivative, _ = log_z(eq, eta)
                eta -= divide(value - target, derivative)
        shrink, total, _, _, _, _, _ = equation_terms(eq, eta)
        value = shrink * total + eq.closed
        if code != CONVERGED:
            value = complex(np.nan, np.nan)
        out[i] = complex(value.real, 0.0) if real else value
    return out


@kernel
def log_s_transform(eq: Equation, w: Floats) -> Floats:
    """log of the S-transform of the scaled equation at real w > -(1 - closed): bisection for the unknown."""
    out = np.full(w.size, np.nan)
    for i in range(w.size):
        shifted = w[i] + 1.0 - eq.closed
        if not shifted > 0.0:
            continue
        # zeta < 0 for w < 0, and 0 < zeta < 1/max k for w > 0; w rises from 0 with |zeta| on both
        phase = 0.0 if w[i] < 0.0 else math.pi
        low, high = -800.0, 800.0 if w[i] < 0.0 else 0.0
        for _ in range(200):
            middle = 0.5 * (low + high)
            _, _, there, _, _, _, _ = equation_terms(eq, complex(middle, phase))
            if abs(there.real) < abs(w[i]):
                low = middle
            else:
                high = middle
        eta = complex(0.5 * (low + high), phase)
        out[i] = math.log(abs((1.0 + w[i]) / w[i])) - log_z(eq, eta)[0].real
    return out
