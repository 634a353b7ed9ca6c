"""The functional equation of the spectrum in root-free log form, and the masses that follow from it.

One unknown, eta = log(-zeta), where zeta is the argument of the generating function m_K of the layer whose gates
are closed most often (the reference layer), so that w = m_K(zeta). THEORY.md section 2 gives

    log z = sum_l log sigma_l^2 + log((1 + w)/w) + sum_l log T_l,
    T_l = w / zeta_l (independent entries)   or   w / zeta_l / (1 + w) (Haar).

Gates of one non-zero value k, open with probability p, have w / zeta_l = k (w + p_l). All logarithms are principal:
for Im z > 0 the numbers zeta, w, 1 + w and every w + p_l lie in the open lower half plane, and 0 < Im eta < pi.
The minus sign in eta keeps the digits of deep networks, whose zeta lies within 1/L of the negative axis.

Why no wrong root can pass
--------------------------
Walk along the real zeta axis just below it. There Im g is piecewise constant, g = log z - sum_l log sigma_l^2:
pi on the negative axis, where g runs once over the whole line, and 0, -pi, -2 pi, ... on pieces of the positive
axis; the large arc stays at Im g <= 0 or at Re g = -inf. So the boundary winds exactly once round every point of
the strip 0 < Im g < pi, and g takes each value of the strip exactly once in the lower half plane (argument
principle). Hence a zeta in the open lower half plane that satisfies the equation *with principal logarithms* is
the physical root: for Im z > 0 directly, on the real axis because g is open. A computed root is therefore
certified by its residual alone, whatever path led to it: it is the exact physical root at a z changed by that
residual.

Masses in closed form
---------------------
The density of log lambda is -Im(w)/pi, so the mass above lambda is Im G(w)/pi with dG = w d(log z):

    G = sum_l [E log(1 - k zeta_l) + (w or, for a Haar layer, log(1 + w))] - log(1 + w).
"""

from __future__ import annotations

import cmath
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel

__all__ = ["Equation", "divide", "equation_terms", "log_z", "mass_above", "mass_below"]

Floats = npt.NDArray[np.float64]


class Equation(NamedTuple):
    """The equation of one network, scaled so that every layer has sigma = 1 and largest gate value 1.

    Attributes
    ----------
    log_gates, masses : arrays (J,)
        log k_j (largest 0, descending) and probabilities of the reference layer's non-zero gate values.
    closed : float
        Probability of a closed gate (phi' = 0) in the reference layer.
    count : float
        Number of layers with the reference gates.
    excess, counts : arrays (G,)
        The other groups of layers, gates open with probability p: p - p_reference >= 0 and how many layers.
    haar : bool
        Haar weights in every layer; otherwise independent entries in every layer.
    drift, hard_drift : float
        Depth limits at criticality: the terms drift * w and hard_drift * w/(1 + w) of log z (0 for networks;
        otherwise one Haar layer without gates carries them, for which zeta = w/(1 + w)).
    log_scale : float
        sum_l log(sigma_l^2 max k): log z of the network is log z of this equation plus log_scale.
    """

    log_gates: Floats
    masses: Floats
    closed: float
    count: float  # type: ignore[assignment]  # hides tuple.count, which nobody needs
    excess: Floats
    counts: Floats
    haar: bool
    drift: float
    hard_drift: float
    log_scale: float


@kernel
def divide(x: complex, y: complex) -> complex:
    """x / y; infinite for y = 0, where compiled complex division would raise."""
    return complex(math.inf, 0.0) if y == 0j else x / y


@kernel
def _exp(x: complex) -> complex:
    """exp(x), held below the largest double."""
    return cmath.exp(complex(min(x.real, 700.0), x.imag))


@kernel
def _log1p(u: complex) -> complex:
    """log(1 + u) without cancellation near u = 0."""
    size = u.real * (2.0 + u.real) + u.imag * u.imag
    return complex(0.5 * math.log1p(size), math.atan2(u.imag, 1.0 + u.real))


@kernel
def _moduli(eta: complex) -> tuple[float, float]:
    """min(1, 1/|zeta|) and min(1, |zeta|)."""
    return math.exp(-max(eta.real, 0.0)), math.exp(min(eta.real, 0.0))


@kernel
def _one_minus(eta: complex, log_gate: float) -> complex:
    """min(1, 1/|zeta|) (1 - k zeta), with all its digits near zeta = 1/k too."""
    _, modulus = _moduli(eta)
    k = math.exp(log_gate)
    difference = k * math.expm1(-eta.real - log_gate) if eta.real > 0.0 else -math.expm1(eta.real + log_gate)
    half = math.cos(0.5 * eta.imag)
    return complex(difference + 2.0 * k * modulus * half * half, k * modulus * math.sin(eta.imag))


@kernel
def equation_terms(
    eq: Equation, eta: complex
) -> tuple[float, complex, complex, complex, complex, complex, complex]:
    """Shrink factor a, then V, w, W, Y, U: w + p = a V, dw/deta = a W, w/zeta = a Y, d(w/zeta)/deta = a U; last x.

    a = min(1, 1/|zeta|) keeps all of them finite for any eta. The reference layer has T = base (1 + x), with base
    the mean gate, or 1 for Haar layers.
    """
    shrink, modulus = _moduli(eta)
    zeta = complex(-modulus * math.cos(eta.imag), -modulus * math.sin(eta.imag))
    total = 0j
    slope = 0j
    ratio = 0j
    ratio_slope = 0j
    bend = 0j
    mean = 0.0
    for j in range(eq.masses.size):
        k = math.exp(eq.log_gates[j])
        inverse = divide(1.0 + 0j, _one_minus(eta, eq.log_gates[j]))
        part = eq.masses[j] * inverse
        turn = part * (k * zeta * inverse)
        total += part
        slope += turn
        ratio += k * part
        ratio_slope += k * turn
        bend += (1.0 - k) * part if eq.haar else k * k * part
        mean += k * eq.masses[j]
    # Im w = Im(w + p), which keeps its digits and its sign when w + p is tiny
    w = complex((zeta * ratio).real, shrink * total.imag)
    if eq.haar:
        part = shrink if eq.closed > 0.0 else 1.0
        deviation = -divide(part * bend + eq.closed, part * total + eq.closed)
    else:
        deviation = zeta * bend / mean
    return shrink, total, w, slope, ratio, ratio_slope, deviation


@kernel
def _log_layer(value: complex, log_shrink: float, deviation: complex, base: float) -> tuple[complex, float]:
    """log of value e^log_shrink = base (1 + deviation), from the form with more digits; its error in eps."""
    size = abs(deviation)
    if size < 0.5:
        layer = _log1p(deviation) + math.log(base)
        return layer, abs(layer) + 3.0 * size
    layer = cmath.log(value) + log_shrink
    return layer, abs(layer) + 2.0


@kernel
def log_z(eq: Equation, eta: complex) -> tuple[complex, complex, float]:
    """g = log z - log_scale at eta, dg/deta, and a bound on the rounding error of g.

    Each layer enters as one logarithm of a ratio that stays finite where w has a pole.
    """
    shrink, total, w, slope, ratio, ratio_slope, deviation = equation_terms(eq, eta)
    log_shrink = -max(eta.real, 0.0)
    # 1 + w = one * e^(log_one)
    one = shrink * total + eq.closed if eq.closed > 0.0 else total
    log_one = 0.0 if eq.closed > 0.0 else log_shrink
    per_one = divide(complex(shrink if eq.closed > 0.0 else 1.0), one)
    value = cmath.log(divide(one, w)) + log_one
    if value.imag < -1.0:
        value += 2j * math.pi  # the phase is between 0 and pi; at pi rounding may flip it
    derivative = -divide(slope, w) * per_one
    noise = abs(value) + 2.0
    if eq.haar:
        layer, error = _log_layer(divide(ratio, one), log_shrink - log_one, deviation, 1.0)
        layer_slope = -derivative - 1.0
    else:
        base = (eq.masses * np.exp(eq.log_gates)).sum()
        layer, error = _log_layer(ratio, log_shrink, deviation, base)
        layer_slope = divide(ratio_slope, ratio)
    value += eq.count * layer
    derivative += eq.count * layer_slope
    noise += eq.count * error
    for i in range(eq.counts.size):
        opened = shrink * total + eq.excess[i]
        closed = eq.closed - eq.excess[i]
        if eq.haar:
            layer, error = _log_layer(divide(opened, one), 0.0, -divide(complex(closed), one), 1.0)
            layer_slope = divide(slope * per_one * closed, opened)
        else:
            base = eq.masses.sum() + eq.excess[i]
            layer, error = _log_layer(opened, 0.0, w / base, base)
            layer_slope = divide(shrink * slope, opened)
        value += eq.counts[i] * layer
        derivative += eq.counts[i] * layer_slope
        noise += eq.counts[i] * error
    if eq.drift != 0.0:
        value += eq.drift * w
        derivative += eq.drift * shrink * slope
        noise += 2.0 * eq.drift * abs(w)
    if eq.hard_drift != 0.0:
        # here zeta = w/(1 + w)
        zeta = -_exp(eta)
        value += eq.hard_drift * zeta
        derivative += eq.hard_drift * zeta
        noise += eq.hard_drift * abs(zeta) * (2.0 + abs(eta))
    return value, derivative, 1.2e-16 * noise


@kernel
def mass_above(eq: Equation, eta: complex) -> float:
    """Mass of the law above the point of the curve with unknown eta: Im G / pi."""
    shrink, total, w, _, _, _, _ = equation_terms(eq, eta)
    argument = cmath.phase(shrink * total + eq.closed) if eq.closed > 0.0 else cmath.phase(total)
    mass = 0.0
    for j in range(eq.masses.size):
        mass += eq.count * eq.masses[j] * cmath.phase(_one_minus(eta, eq.log_gates[j]))
    for i in range(eq.counts.size):
        opened = eq.masses.sum() + eq.excess[i]
        mass -= eq.counts[i] * opened * cmath.phase(shrink * total + eq.excess[i])
    depth = eq.count + eq.counts.sum()
    mass += (depth - 1.0) * argument if eq.haar else depth * w.imag - argument
    if eq.drift != 0.0:
        mass += 0.5 * eq.drift * (w * w).imag
    if eq.hard_drift != 0.0:
        mass += eq.hard_drift * (argument + _exp(eta).imag)
    result: float = mass / math.pi
    return result


@kernel
def mass_below(eq: Equation, eta: complex) -> float:
    """Mass of the law below the point of the curve, without the atom at 0.

    1 - closed - `mass_above`, rearranged with Im g = 0 so that nothing cancels near a hard edge at 0.
    """
    shrink, total, w, _, _, _, _ = equation_terms(eq, eta)
    argument = cmath.phase(shrink * total + eq.closed) if eq.closed > 0.0 else cmath.phase(total)
    opened = eq.masses.sum()
    _, modulus = _moduli(eta)
    mass = opened * (1.0 - eq.count) * cmath.phase(-w)
    for j in range(eq.masses.size):
        # phase of 1 - 1/(k zeta)
        k = modulus * math.exp(eq.log_gates[j])
        turned = complex(k + shrink * math.cos(eta.imag), -shrink * math.sin(eta.imag))
        mass -= eq.count * eq.masses[j] * cmath.phase(turned)
    for i in range(eq.counts.size):
        mass += eq.counts[i] * eq.excess[i] * cmath.phase(shrink * total + eq.excess[i])
    depth = eq.count + eq.counts.sum()
    mass += (1.0 - depth) * eq.closed * argument if eq.haar else eq.closed * argument - depth * w.imag
    if eq.drift != 0.0:
        mass -= eq.drift * (0.5 * (w * w).imag + opened * w.imag)
    if eq.hard_drift != 0.0:
        mass -= eq.hard_drift * argument
    result: float = mass / math.pi
    return result
