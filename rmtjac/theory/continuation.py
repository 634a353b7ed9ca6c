"""The physical root at any z: safeguarded Newton, and continuation in Im z from the large-|z| asymptotics.

Everything is in logarithms: the unknown eta = log(-zeta) and the target log z, of which only the imaginary part is
bounded (0 to pi). Depth 10,000 costs what depth 10 costs, and no lambda is too small.
"""

from __future__ import annotations

import math

from rmtjac.jit import kernel
from rmtjac.theory.master_equation import Equation, divide, log_z

__all__ = ["CONVERGED", "UNCONVERGED", "continue_root", "newton"]

CONVERGED = 0
UNCONVERGED = 1
MAX_NEWTON = 60
MAX_PATH = 4000


@kernel
def newton(eq: Equation, eta: complex, target: complex, steps: int) -> tuple[complex, float, int]:
    """Root near eta, its residual |g - target| in units of the rounding error, and a code.

    The unknown keeps 0 < Im eta < pi; a step is at most half the distance to that boundary or 0.5. The code is
    CONVERGED only if the root is inside and its residual is at the rounding level: it is then the physical root
    (see master_equation).
    """
    units = math.inf
    for _ in range(steps):
        value, derivative, noise = log_z(eq, eta)
        noise += 1.2e-16 * abs(target)
        residual = value - target
        units = abs(residual) / noise
        step = -divide(residual, derivative)
        room = min(eta.imag, math.pi - eta.imag)
        size = abs(step)
        if units <= 1.0:
            # the step still mends Im eta, whose rounding is finer; near an edge it would only add noise
            return (eta + step if size <= 1e-4 * room else eta), units, CONVERGED
        if not math.isfinite(size):
            return eta, units, UNCONVERGED
        allowed = min(size, 0.5 + 1e-15 * abs(eta))
        if abs(step.imag) * allowed > 0.5 * room * size:
            allowed = 0.5 * room * size / abs(step.imag)
        eta += step * (allowed / size)
        if size <= 1e-8 * room:
            # quadratic convergence: the error is now below (1e-8)^2 of the distance to the edge
            return eta, 1.0, CONVERGED
    return eta, units, UNCONVERGED


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
def continue_root(eq: Equation, log_lam: float, theta: float) -> tuple[complex, float, int]:
    """The physical root at log z = log_lam + i theta: as `newton`, from w = m_1/z at large |z|.

    |Im z| shrinks geometrically; the factor adapts to how well the tangent predicts, and after each step a jump to
    the end is tried.
    """
    target = complex(log_lam, theta)
    # far out zeta = w / mean and log z = log(m_1) - log(w); the height is found from the equation itself
    eta = complex(-3.0, 0.5 * math.pi)
    value, _, _ = log_z(eq, eta)
    while value.real < log_lam + 3.0 or abs(eta.real) < 3.0 + math.log(1.0 + eq.count):
        eta -= 1.0
        value, _, _ = log_z(eq, eta)
    height = value.real - log_lam
    eta, units, code = newton(eq, eta, _path(log_lam, theta, height), MAX_NEWTON)
    stride = 1.0
    for _ in range(MAX_PATH):
        if code != CONVERGED:
            return eta, units, UNCONVERGED
        end, units, done = newton(eq, eta, target, 8)
        if done == CONVERGED:
            return end, units, CONVERGED
        here = _path(log_lam, theta, height)
        while True:
            there = _path(log_lam, theta, height - stride)
            _, derivative, _ = log_z(eq, eta)
            guess = eta + divide(there - here, derivative)
            inside = 0.0 < guess.imag < math.pi
            if inside:
                trial, units, code = newton(eq, guess, there, 6)
            if inside and code == CONVERGED:
                break
            stride *= 0.5
            if stride < 1e-6:
                return eta, units, UNCONVERGED
        eta = trial
        height -= stride
        stride *= 2.0
    return eta, units, UNCONVERGED
