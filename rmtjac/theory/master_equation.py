"""The functional equation of the spectrum in root-free log form, and the masses that follow from it.

A network of any widths is brought to the normal form (THEORY.md section 2, rectangular equation)

    log z = log_scale + log((rho_0 + u)/u) + sum_l log T_l,      u = w_0/p_0, p_0 = rank/n_0,
    T_l = u/zeta_l (independent entries)   or   (u/zeta_l)/(rho_0 + u) (Haar),   rho_l m_l(zeta_l) = u,

where m_l(zeta) = E[zeta k/(1 - zeta k)] over the gates of layer l *given that they are open*, scaled to a largest
value of 1, and rho_l = n_l p_l/rank >= 1 says how many more open units the layer has than the bottleneck; rho_0 =
n_0/rank. Then -Im(u)/pi is the density of log lambda of the non-zero eigenvalues, whatever the side (J J^T or J^T J):
only their number differs. A gate of one non-zero value has u/zeta_l = rho_l + u in closed form. Layers with the same
rho and gates up to a factor are one group.

The unknowns are eta_g = log(-zeta_g), one a group with more gate values than one. The first group, the *reference*,
sets u + rho = rho E 1/(1 - zeta k); it has rho = 1 where there is a hard edge, so that u + 1 keeps its digits there.
The others are tied to its u. All
logarithms are principal: for Im z > 0 the numbers zeta_l, u and rho_l + u lie in the open lower half plane, and
0 < Im eta_g < pi. The minus sign in eta keeps the digits of deep networks, whose zeta lies within 1/L of the negative
axis.

Why no wrong root can pass
--------------------------
The law is a free multiplicative convolution of the gate laws and of a Marchenko-Pastur law per layer of independent
entries. For two factors the subordination functions of a given 1/z are the one fixed point of a self-map of a half
plane (Belinschi and Bercovici), hence the only pair of numbers of that half plane that satisfies the equation *with
principal logarithms*. Taking the factors off one by one, the same follows for any number of them, when for each the
subordination function lies in the lower half plane: that of a gate law is zeta_l, that of the weights of layer l has
the argument arg u - arg(r_{l-1} + u) - arg(r_l + u), r_l = n_l/rank. So a computed root is certified by its residual
and by these signs, whatever path led to it: it is the exact physical root at a z changed by the residual. On the real
axis the same holds since the map is open. For one group the signs of the weights need no look: along the real zeta
axis Im log z is piecewise constant and winds once round every point of the strip 0 < Im log z < pi.

Masses in closed form
---------------------
The mass above lambda is Im G/pi with dG = u d(log z):

    G = c u - sum over closed forms of +-rho_i log(rho_i + u) + sum_g count_g rho_g E log(1 - k zeta_g),

c = the number of layers (independent entries), 0 (Haar).
"""

from __future__ import annotations

import cmath
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel
from rmtjac.theory.gate_averages import GateTerms, divide, gate_phases, gate_terms
from rmtjac.theory.gate_tables import GateTables

__all__ = ["Equation", "has_signs", "log_z", "mass_above", "mass_below", "open_part", "start_far_out"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]


class Equation(NamedTuple):
    """The equation of one network in normal form.

    Attributes
    ----------
    gates : GateTables
        Gate laws of the groups with unknowns, the reference first.
    counts, excess, excess_error : arrays (G,)
        Number of layers of each of these groups, rho - 1 >= 0, and its rounding error.
    plain_counts, plain_excess, plain_excess_error : arrays (E,)
        The same for groups of layers whose gates have one non-zero value.
    input_excess, input_excess_error : float
        rho_0 - 1, and its rounding error.
    haar : bool
        Haar weights in every layer; otherwise independent entries in every layer.
    drift, hard_drift : float
        Depth limits at criticality: the terms drift * u and hard_drift * u/(1 + u) of log z (0 for networks;
        otherwise one Haar layer without gates carries them, for which zeta = u/(1 + u)).
    log_scale : float
        log z of the network is log z of this equation plus log_scale.
    sides : array (P, 2)
        The pairs (r_{l-1} - 1, r_l - 1) of neighbouring widths over the rank, for the signs of the weights.
    """

    gates: GateTables
    counts: Floats
    excess: Floats
    excess_error: Floats
    plain_counts: Floats
    plain_excess: Floats
    plain_excess_error: Floats
    input_excess: float
    input_excess_error: float
    haar: bool
    drift: float
    hard_drift: float
    log_scale: float
    sides: Floats


@kernel
def _log1p(u: complex) -> complex:
    """log(1 + u) without cancellation near u = 0."""
    size = u.real * (2.0 + u.real) + u.imag * u.imag
    return complex(0.5 * math.log1p(size), math.atan2(u.imag, 1.0 + u.real))


@kernel
def _zeta(eta: complex) -> complex:
    """zeta = -exp(eta), held below the largest double."""
    return -cmath.exp(complex(min(eta.real, 700.0), eta.imag))


@kernel
def _shrunk_zeta(eta: complex) -> complex:
    """zeta/max(1, |zeta|)."""
    modulus = math.exp(min(eta.real, 0.0))
    return complex(-modulus * math.cos(eta.imag), -modulus * math.sin(eta.imag))


@kernel
def open_part(eq: Equation, terms: GateTerms, excess: float) -> tuple[complex, float]:
    """(v, s) with v e^s = u + 1 + excess for the terms of the reference."""
    total = (1.0 + eq.excess[0]) * terms.total
    if excess != eq.excess[0]:
        return math.exp(terms.log_scale) * total + (excess - eq.excess[0]), 0.0
    return total, terms.log_scale


@kernel
def _log_slope(terms: GateTerms, u_slope: complex, opened: complex, log_opened: float) -> complex:
    """Derivative of the log of `open_part`, which needs its scale where u_slope has none left."""
    return divide(u_slope, opened) if log_opened == 0.0 else divide(terms.slope, terms.total)


@kernel
def _u(eq: Equation, terms: GateTerms, eta: complex) -> complex:
    """u = rho m(zeta); its imaginary part is that of u + rho, which keeps its digits where that is tiny."""
    m = complex((_shrunk_zeta(eta) * terms.ratio).real, math.exp(terms.log_scale) * terms.total.imag)
    u: complex = (1.0 + eq.excess[0]) * m
    return u


@kernel
def _log_layer(value: complex, log_scale: float, deviation: complex, base: float) -> tuple[complex, float]:
    """log of value e^log_scale = base (1 + deviation), from the form with more digits; its error in eps."""
    size = abs(deviation)
    if size < 0.5:
        layer = _log1p(deviation) + math.log(base)
        return layer, abs(layer) + 3.0 * size
    layer = cmath.log(value) + log_scale
    return layer, abs(layer) + 2.0


@kernel
def _many_valued(
    eq: Equation, group: int, terms: GateTerms, one: complex, log_one: float
) -> tuple[complex, complex, float]:
    """log T of a group with an unknown, its own derivative in that unknown, and its rounding error.

    For Haar weights the part -log(rho_0 + u) is included in the value and not in the derivative.
    """
    rho = 1.0 + eq.excess[group]
    if eq.haar and group > 0:
        # the other form would take the group to be tied to u already
        layer = cmath.log(divide(rho * terms.ratio, one)) + terms.reach - log_one
        error = abs(layer) + 2.0
    elif eq.haar:
        missing = math.exp(terms.log_scale) * terms.total - math.exp(terms.reach) * terms.ratio
        deviation = -divide((eq.input_excess - eq.excess[group] + rho * missing) * math.exp(-log_one), one)
        layer, error = _log_layer(divide(rho * terms.ratio, one), terms.reach - log_one, deviation, 1.0)
    else:
        mean = eq.gates.mean[group]
        layer, error = _log_layer(rho * terms.ratio, terms.reach, terms.bend / mean, rho * mean)
    slope = divide(terms.ratio_slope, terms.ratio)
    return layer, slope, 1.2e-16 * error + terms.ratio_error / max(abs(terms.ratio), 1e-300)


@kernel
def _mismatch(
    terms: GateTerms,
    eta: complex,
    rho: float,
    u: complex,
    opened: complex,
    log_opened: float,
    u_slope: complex,
    opened_slope: complex,
) -> tuple[complex, complex, complex, float]:
    """log of rho m(zeta)/u, or of its like for m + 1 near a hard edge: value, both derivatives, rounding error.

    The derivatives are those in the group's own unknown, and of the right-hand side in the reference's.
    """
    scale = math.exp(terms.log_scale)
    if abs(scale * terms.total) < 0.5:
        value = cmath.log(divide(rho * terms.total, opened)) + (terms.log_scale - log_opened)
        return (
            value,
            divide(terms.slope, terms.total),
            opened_slope,
            terms.error / max(abs(terms.total), 1e-300),
        )
    m = _shrunk_zeta(eta) * terms.ratio
    value = cmath.log(divide(rho * m, u))
    error = terms.ratio_error / max(abs(terms.ratio), 1e-300)
    return value, divide(scale * terms.slope, m), divide(u_slope, u), error


@kernel
def log_z(eq: Equation, eta: Complexes, move: Complexes, rate: Complexes) -> tuple[complex, complex, float]:
    """g = log z - log_scale at eta_0, d g/d eta_0, and a bound on the rounding error of g.

    The other unknowns are taken along to first order: `move` receives what is to be added to each of them, and
    `rate` their derivatives in eta_0 (move[0] = 0, rate[0] = 1). Each layer enters as one logarithm of a ratio that
    stays finite where u has a pole.
    """
    terms = gate_terms(eq.gates, 0, eta[0])
    u = _u(eq, terms, eta[0])
    u_slope = (1.0 + eq.excess[0]) * math.exp(terms.log_scale) * terms.slope
    one, log_one = open_part(eq, terms, eq.input_excess)
    value = cmath.log(divide(one, u)) + log_one
    if value.imag < -1.0:
        value += 2j * math.pi  # the phase is between 0 and pi; at pi rounding may flip it
    one_slope = _log_slope(terms, u_slope, one, log_one)
    # in this form the poles of u do not cancel
    front_slope = -(1.0 + eq.input_excess) * divide(one_slope, u)
    derivative = front_slope
    # relative errors of u + rho, u, and rho_0 + u
    total_error = (1.0 + eq.excess[0]) * terms.error
    error = terms.error / max(abs(terms.total), 1e-300)
    u_error = terms.ratio_error / max(abs(terms.ratio), 1e-300)
    one_error = (total_error * math.exp(terms.log_scale) + eq.input_excess_error) * _inverse(one, log_one)
    noise = 1.2e-16 * (abs(value) + 2.0) + _beyond(u_error) + _beyond(one_error)
    move[0], rate[0] = 0j, 1.0 + 0j
    layer, slope, layer_error = _many_valued(eq, 0, terms, one, log_one)
    value += eq.counts[0] * layer
    derivative += eq.counts[0] * (-front_slope - 1.0 if eq.haar else slope)
    noise += eq.counts[0] * layer_error
    for g in range(1, eq.counts.size):
        own = gate_terms(eq.gates, g, eta[g])
        opened, log_opened = open_part(eq, terms, eq.excess[g])
        opened_slope = _log_slope(terms, u_slope, opened, log_opened)
        gap, own_slope, right, gap_error = _mismatch(
            own, eta[g], 1.0 + eq.excess[g], u, opened, log_opened, u_slope, opened_slope
        )
        move[g] = -divide(gap, own_slope)
        rate[g] = divide(right, own_slope)
        gap_error += eq.excess_error[g] * _inverse(opened, log_opened)
        layer, slope, layer_error = _many_valued(eq, g, own, one, log_one)
        value += eq.counts[g] * (layer + slope * move[g])
        derivative += eq.counts[g] * (-front_slope - rate[g] if eq.haar else slope * rate[g])
        noise += eq.counts[g] * (layer_error + abs(divide(slope, own_slope)) * (gap_error + error))
    for i in range(eq.plain_counts.size):
        rho = 1.0 + eq.plain_excess[i]
        opened, log_opened = open_part(eq, terms, eq.plain_excess[i])
        if eq.haar:
            deviation = -divide(complex((eq.input_excess - eq.plain_excess[i]) * math.exp(-log_one)), one)
            layer, size = _log_layer(divide(opened, one), log_opened - log_one, deviation, 1.0)
            missing = (eq.input_excess - eq.plain_excess[i]) * math.exp(-log_opened)
            slope = divide(missing * one_slope, opened)
        else:
            layer, size = _log_layer(opened, log_opened, u / rho, rho)
            slope = _log_slope(terms, u_slope, opened, log_opened)
        value += eq.plain_counts[i] * layer
        derivative += eq.plain_counts[i] * slope
        opened_error = total_error * math.exp(terms.log_scale) + eq.plain_excess_error[i]
        noise += eq.plain_counts[i] * (1.2e-16 * size + _beyond(opened_error * _inverse(opened, log_opened)))
    if eq.drift != 0.0:
        value += eq.drift * u
        derivative += eq.drift * u_slope
        noise += 2.4e-16 * eq.drift * abs(u)
    if eq.hard_drift != 0.0:
        # here zeta = u/(1 + u)
        zeta = _zeta(eta[0])
        value += eq.hard_drift * zeta
        derivative += eq.hard_drift * zeta
        noise += 1.2e-16 * eq.hard_drift * abs(zeta) * (2.0 + abs(eta[0]))
    return value, derivative, noise


@kernel
def _beyond(error: float) -> float:
    """What a relative error adds to the rounding that every logarithm is charged with."""
    return max(0.0, error - 1.2e-15)


@kernel
def _inverse(mantissa: complex, log_scale: float) -> float:
    """1/|mantissa e^log_scale|, finite."""
    return math.exp(min(-log_scale, 700.0)) / max(abs(mantissa), 1e-300)


@kernel
def start_far_out(eq: Equation, eta: Complexes) -> None:
    """Set the other unknowns to what they are at large |z|, where u = rho_g zeta_g E k for every group."""
    for g in range(1, eta.size):
        ratio = (1.0 + eq.excess[0]) * eq.gates.mean[0] / ((1.0 + eq.excess[g]) * eq.gates.mean[g])
        eta[g] = eta[0] + math.log(ratio)


@kernel
def has_signs(eq: Equation, eta: Complexes) -> bool:
    """Whether all subordination functions lie in their half plane: see the module."""
    for g in range(eta.size):
        if not 0.0 < eta[g].imag < math.pi:
            return False
    if eq.haar or eta.size == 1:
        return True
    terms = gate_terms(eq.gates, 0, eta[0])
    angle = -cmath.phase(_u(eq, terms, eta[0]))
    for i in range(eq.sides.shape[0]):
        before, _ = open_part(eq, terms, eq.sides[i, 0])
        after, _ = open_part(eq, terms, eq.sides[i, 1])
        if -cmath.phase(before) - cmath.phase(after) > angle * (1.0 + 1e-9) + 1e-12:
            return False
    return True


@kernel
def mass_above(eq: Equation, eta: Complexes) -> float:
    """Fraction of the non-zero eigenvalues above the point of the curve with unknowns eta: Im G / pi."""
    terms = gate_terms(eq.gates, 0, eta[0])
    u = _u(eq, terms, eta[0])
    depth = eq.counts.sum() + eq.plain_counts.sum()
    one, _ = open_part(eq, terms, eq.input_excess)
    power = 1.0 - depth if eq.haar else 1.0
    mass = -power * (1.0 + eq.input_excess) * cmath.phase(one)
    if not eq.haar:
        mass += depth * u.imag
    for g in range(eq.counts.size):
        up, _ = gate_phases(eq.gates, g, eta[g])
        mass += eq.counts[g] * (1.0 + eq.excess[g]) * up
    for i in range(eq.plain_counts.size):
        opened, _ = open_part(eq, terms, eq.plain_excess[i])
        mass -= eq.plain_counts[i] * (1.0 + eq.plain_excess[i]) * cmath.phase(opened)
    if eq.drift != 0.0:
        mass += 0.5 * eq.drift * (u * u).imag
    if eq.hard_drift != 0.0:
        mass += eq.hard_drift * (cmath.phase(terms.total) - _zeta(eta[0]).imag)
    result: float = mass / math.pi
    return result


@kernel
def mass_below(eq: Equation, eta: Complexes) -> float:
    """Fraction of the non-zero eigenvalues below the point of the curve.

    1 - `mass_above`, rearranged with Im g = 0 so that nothing cancels near a hard edge at 0.
    """
    terms = gate_terms(eq.gates, 0, eta[0])
    u = _u(eq, terms, eta[0])
    depth = eq.counts.sum() + eq.plain_counts.sum()
    one, _ = open_part(eq, terms, eq.input_excess)
    power = 1.0 - depth if eq.haar else 1.0
    mass = (1.0 - eq.counts.sum()) * cmath.phase(-u) + power * eq.input_excess * cmath.phase(one)
    if not eq.haar:
        mass -= depth * u.imag
    for g in range(eq.counts.size):
        up, down = gate_phases(eq.gates, g, eta[g])
        mass -= eq.counts[g] * (down + eq.excess[g] * up)
    for i in range(eq.plain_counts.size):
        opened, _ = open_part(eq, terms, eq.plain_excess[i])
        mass += eq.plain_counts[i] * eq.plain_excess[i] * cmath.phase(opened)
    if eq.drift != 0.0:
        mass -= eq.drift * (0.5 * (u * u).imag + u.imag)
    if eq.hard_drift != 0.0:
        mass -= eq.hard_drift * cmath.phase(terms.total)
    result: float = mass / math.pi
    return result
