"""The physical root at any z: safeguarded Newton, and continuation in Im z from the large-|z| asymptotics.

Everything is in logarithms: the unknowns eta_g = log(-zeta_g) and the target log z, of which only the imaginary part
is bounded (0 to pi). Depth 10,000 costs what depth 10 costs, and no lambda is too small. Newton steps are taken in
all unknowns at once: the equation of every group but the reference ties its unknown to the reference's alone, so the
linear system is solved by substitution, in a time proportional to the number of groups.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel
from rmtjac.theory.gate_averages import divide, gate_terms
from rmtjac.theory.master_equation import Equation, has_signs, log_z, start_far_out

__all__ = ["CONVERGED", "UNCONVERGED", "continue_root", "newton", "roots"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

CONVERGED = 0
UNCONVERGED = 1
MAX_NEWTON = 60
MAX_PATH = 4000
ROUNDING = 1e-14  # of an unknown
NEARLY_REAL = 1e-6
TIED = (
    1e-7  # an unknown this close to its tie, relatively to the distance to the boundary, is right to rounding
)


@kernel
def newton(eq: Equation, eta: Complexes, target: complex, steps: int) -> tuple[float, int]:
    """Move eta to the root near it; its residual |g - target| in units of the rounding error, and a code.

    The unknowns keep 0 < Im eta < pi; a step is at most half the distance to that boundary or 0.5. The code is
    CONVERGED only if the root is inside, its residual at the rounding level and its signs those of the physical root.
    """
    units = math.inf
    move, rate = np.empty(eta.size, dtype=np.complex128), np.empty(eta.size, dtype=np.complex128)
    for _ in range(steps):
        value, derivative, noise = log_z(eq, eta, move, rate)
        noise = 2.0 * noise + 2.4e-16 * abs(target)
        residual = value - target
        units = abs(residual) / noise
        step = -divide(residual, derivative)
        largest, allowed, tied = _step_size(eta, move, rate, step)
        if units <= 1.0 and tied:
            # the step still mends Im eta, whose rounding is finer; near an edge it would only add noise
            mends = abs(step) <= 1e-4 * min(eta[0].imag, math.pi - eta[0].imag)
            for g in range(eta.size):
                eta[g] += move[g] + (rate[g] * step if mends else 0j)
            return units, _verdict(eq, eta, derivative, noise)
        if not math.isfinite(largest):
            return units, UNCONVERGED
        for g in range(eta.size):
            eta[g] += (move[g] + rate[g] * step) * allowed
        if largest <= 1e-8:
            # quadratic convergence: the error is now below (1e-8)^2 of the distance to the edge
            return 1.0, _verdict(eq, eta, derivative, noise)
    return units, UNCONVERGED


@kernel
def _verdict(eq: Equation, eta: Complexes, derivative: complex, noise: float) -> int:
    """Whether a root of the equation is the physical one."""
    # closer to the boundary than its rounding it may be real, and real roots are physical only if Im log z rises
    # into the strip; an edge has no such slope
    room = min(eta[0].imag, math.pi - eta[0].imag)
    rise = derivative.real if eta[0].imag < 0.5 * math.pi else -derivative.real
    if room < NEARLY_REAL and noise > abs(derivative) * room and rise < -abs(derivative.imag):
        return UNCONVERGED
    return CONVERGED if has_signs(eq, eta) else UNCONVERGED


@kernel
def _step_size(eta: Complexes, move: Complexes, rate: Complexes, step: complex) -> tuple[float, float, bool]:
    """Largest step over the room it has, the fraction of it that is allowed, and whether all unknowns are tied."""
    largest, allowed = 0.0, 1.0
    tied = True
    for g in range(eta.size):
        change = move[g] + rate[g] * step
        room = min(eta[g].imag, math.pi - eta[g].imag)
        size = abs(change)
        if not math.isfinite(size):
            return math.inf, 0.0, False
        tied = tied and abs(move[g]) <= TIED * room + ROUNDING * (1.0 + abs(eta[g]))
        largest = max(largest, size / room)
        fraction = 1.0
        if size > 0.5 + 1e-15 * abs(eta[g]):
            fraction = 0.5 / size
        if abs(change.imag) * fraction > 0.5 * room:
            fraction = 0.5 * room / abs(change.imag)
        allowed = min(allowed, fraction)
    return largest, allowed, tied


@kernel
def _path(log_lam: float, theta: float, height: float) -> complex:
    """log of (lam + i eta) e^(i theta) with eta/lam = e^height, for real lam > 0 and 0 <= theta < pi."""
    if height > 40.0:
        return complex(
            log_lam + height, theta + (0.5 * math.pi - math.exp(-height)) * (1.0 - theta / math.pi)
        )
    ratio = math.exp(height)
    tilt = math.atan(ratio) * (1.0 - theta / math.pi)
    return complex(log_lam + 0.5 * math.log1p(ratio * ratio), theta + tilt)


@kernel
def _far_out(eq: Equation, eta: Complexes, log_lam: float) -> float:
    """Set eta to a start far above log lambda; how far, from the equation itself."""
    # far out zeta = u / mean and log z = log(m_1) - log(u)
    move, rate = np.empty(eta.size, dtype=np.complex128), np.empty(eta.size, dtype=np.complex128)
    depth = eq.counts.sum() + eq.plain_counts.sum()
    eta[0] = complex(-3.0, 0.5 * math.pi)
    while True:
        start_far_out(eq, eta)
        value, _, _ = log_z(eq, eta, move, rate)
        # true for nan too
        if not (value.real < log_lam + 3.0 or abs(eta[0].real) < 3.0 + math.log(1.0 + depth)):
            return value.real - log_lam
        eta[0] -= 1.0


@kernel
def continue_root(eq: Equation, log_lam: float, theta: float) -> tuple[Complexes, float, int]:
    """The physical root at log z = log_lam + i theta, with residual and code as of `newton`.

    From u = m_1/z at large |z|. |Im z| shrinks geometrically; the factor adapts to how well the tangent predicts,
    and after each step a jump to the end is tried.
    """
    groups = eq.counts.size
    eta, trial = np.empty(groups, dtype=np.complex128), np.empty(groups, dtype=np.complex128)
    move, rate = np.empty(groups, dtype=np.complex128), np.empty(groups, dtype=np.complex128)
    target = complex(log_lam, theta)
    height = _far_out(eq, eta, log_lam)
    units, code = newton(eq, eta, _path(log_lam, theta, height), MAX_NEWTON)
    stride = 1.0
    for _ in range(MAX_PATH):
        if code != CONVERGED:
            return eta, units, UNCONVERGED
        trial[:] = eta
        units, done = newton(eq, trial, target, 8)
        if done == CONVERGED:
            return trial, units, CONVERGED
        here = _path(log_lam, theta, height)
        _, derivative, _ = log_z(eq, eta, move, rate)
        while True:
            there = _path(log_lam, theta, height - stride)
            step = divide(there - here, derivative)
            inside = True
            for g in range(groups):
                trial[g] = eta[g] + rate[g] * step
                inside = inside and 0.0 < trial[g].imag < math.pi
            if inside:
                units, code = newton(eq, trial, there, 6)
            if inside and code == CONVERGED:
                break
            stride *= 0.5
            if stride < 1e-6:
                return eta, units, UNCONVERGED
        eta[:] = trial
        height -= stride
        stride *= 2.0
    return eta, units, UNCONVERGED


@kernel
def roots(
    eq: Equation, targets: Complexes, eta: Complexes, wanted: Flags
) -> tuple[Integers, Complexes, Floats]:
    """Move the wanted rows of eta (points, G) to the roots at log z = targets, from predictions if they are inside.

    Returns codes, and totals and log_scales with u + rho = total e^log_scale of the reference at the root.
    """
    code = np.zeros(targets.size, dtype=np.int64)
    total, log_scale = np.zeros(targets.size, dtype=np.complex128), np.zeros(targets.size)
    for i in range(targets.size):
        if not wanted[i]:
            continue
        inside = True
        for g in range(eta.shape[1]):
            inside = inside and 0.0 < eta[i, g].imag < math.pi
        code[i] = UNCONVERGED
        if inside:
            _, code[i] = newton(eq, eta[i], targets[i], 12)
        if code[i] != CONVERGED:
            root, _, code[i] = continue_root(eq, targets[i].real, targets[i].imag)
            eta[i] = root
        terms = gate_terms(eq.gates, 0, eta[i, 0])
        total[i], log_scale[i] = (1.0 + eq.excess[0]) * terms.total, terms.log_scale
    return code, total, log_scale
