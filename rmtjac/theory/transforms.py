"""Analytic transforms of a law off the curve: 1 + u at any z, and the S-transform."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel
from rmtjac.theory.continuation import CONVERGED, roots
from rmtjac.theory.gate_averages import gate_terms
from rmtjac.theory.master_equation import Equation
from rmtjac.theory.readings import evaluate

__all__ = ["one_plus_u", "s_transform"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

FAR = -600.0  # below this log|zeta| u is nothing beside 1
NEAR_REAL = 1e-9
SMALLEST_DISTANCE = 33.0  # of log zeta from its pole at 0, -log: below it the angle pi is too coarse


def one_plus_u(eq: Equation, log_z_values: Complexes) -> Complexes:
    """1 + u at log z with imaginary part in [0, pi]; nan where no root was found."""
    eta = np.full((log_z_values.size, eq.counts.size), complex(FAR, 0.5 * math.pi))
    ratio = (1.0 + eq.excess) * eq.gates.mean
    far = evaluate(eq, (eta[:1] + np.log(ratio[0] / ratio))[:1])[0]["value"].real if eta.size else np.zeros(1)
    near = ~(log_z_values.real > far[0])
    eta[:] = -1j
    code, total, log_scale = roots(eq, log_z_values, eta, near)
    lost = near & (code != CONVERGED)
    # on the real axis outside the support the root is real: approach it, then polish freely
    theta = np.clip(log_z_values.imag, NEAR_REAL, math.pi - NEAR_REAL)
    code_near, _, _ = roots(eq, log_z_values.real + 1j * theta, eta, lost)
    for _ in range(4):
        at, rate = evaluate(eq, eta[lost], ties=2)
        eta[lost] += rate * ((log_z_values[lost] - at["value"]) / at["slope"])[:, None]
    at, _ = evaluate(eq, eta[lost], ties=2)
    total[lost], log_scale[lost] = at["total"], at["log_scale"]
    result = np.where(near, total * np.exp(log_scale) - eq.excess[0], 1.0)
    result[lost & (code_near != CONVERGED)] = complex(np.nan, np.nan)
    return result


@kernel
def _zeta_reaches(eq: Equation, group: int, eta: complex, u: float) -> bool:
    """Whether |zeta| at eta is at least that of real u; near u = -rho by u + rho, which keeps its digits there."""
    terms = gate_terms(eq.gates, group, eta)
    rho = 1.0 + eq.excess[group]
    if u < -0.5 * rho:
        return bool(rho * math.exp(terms.log_scale) * terms.total.real <= u + rho)
    size = math.exp(min(eta.real, 0.0))
    return bool(rho * size * abs(terms.ratio.real) >= abs(u))


@kernel
def _log_zeta(eq: Equation, group: int, u: float) -> float:
    """log |zeta| of real u > -rho, by bisection: zeta < 0 for u < 0, else 0 < zeta < 1."""
    # s = log |zeta|, or zeta = exp(-e^(-s)); |u| rises with s on both
    low, high = -800.0, 800.0 if u < 0.0 else SMALLEST_DISTANCE
    size = 0.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        size = middle if u < 0.0 else -math.exp(-middle)
        if _zeta_reaches(eq, group, complex(size, 0.0 if u < 0.0 else math.pi), u):
            high = middle
        else:
            low = middle
    return size


def s_transform(eq: Equation, fraction: float, w: Floats) -> Floats:
    """The S-transform of the equation at real w > -fraction, fraction = rank/n of the side of w; nan elsewhere."""
    # nearer to 0 it does not change, and |zeta| would lose its digits
    safe = np.where(np.abs(w) < 1e-290, 1e-290, w)
    with np.errstate(over="ignore", under="ignore"):
        return np.exp(_log_s_transform(eq, fraction, safe) - eq.log_scale)


@kernel
def _log_s_transform(eq: Equation, fraction: float, w: Floats) -> Floats:
    """log of the S-transform of the scaled equation at real w > -fraction, not 0; else nan.

    log((1 + w)/w) - log z with w = fraction u.
    """
    out = np.full(w.size, np.nan)
    for i in range(w.size):
        u = w[i] / fraction
        if not u + 1.0 > 0.0 or u == math.inf:
            continue
        one = u + 1.0 + eq.input_excess
        out[i] = math.log((1.0 + w[i]) / (fraction * one))
        for g in range(eq.counts.size):
            out[i] -= eq.counts[g] * (math.log(abs(u)) - _log_zeta(eq, g, u))
        for j in range(eq.plain_counts.size):
            out[i] -= eq.plain_counts[j] * math.log(u + 1.0 + eq.plain_excess[j])
        if eq.haar:
            out[i] += (eq.counts.sum() + eq.plain_counts.sum()) * math.log(one)
        out[i] -= eq.drift * u + eq.hard_drift * u / (1.0 + u)
    return out
