"""Averages over gate laws that the functional equation needs, next to their cut and far from it; compiled.

With k = phi'^2 and the unknown eta = log(-zeta), 0 <= Im eta <= pi (zeta in the lower half plane): E 1/(1 - zeta k),
E k/(1 - zeta k), their derivatives, and E arg(1 - zeta k). Atoms are summed; panels of a continuous law are integrated
by Gauss-Legendre rules that know the poles of the integrand (rmtjac.theory.panel_poles).
"""

from __future__ import annotations

import cmath
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel
from rmtjac.model.gate_panels import ALL_NODES, ALL_WEIGHTS, LINEAR, ORDER
from rmtjac.theory.gate_tables import GateTables
from rmtjac.theory.panel_poles import (
    PRIMITIVES,
    choose_rule,
    expm1,
    find_poles,
    inverse_near,
    place_rate,
    residue,
    rule_error,
    series_at,
    weight_primitive,
)

__all__ = ["ON_CUT", "GateTerms", "divide", "gate_phases", "gate_terms", "one_minus"]

Complexes = npt.NDArray[np.complex128]

BEYOND = 38.0  # e^-38 beside 1 is rounding
ON_CUT = float(np.nextafter(math.pi, 0.0))  # Im eta just below the cut of E 1/(1 - zeta k)
MOST = 340.0  # |zeta k|^2 must not overflow: beyond, 1/(1 - zeta k) shrinks as 1/zeta
EPS = 2.3e-16
NODES = ALL_NODES
NODE_WEIGHTS = ALL_WEIGHTS
FEW_ATOMS = 4  # of more, only those next to a pole get the form that does not cancel there
NEARLY_POLE = 0.05


@kernel
def divide(x: complex, y: complex) -> complex:
    """x / y; infinite for y = 0, where compiled complex division would raise."""
    return complex(math.inf, 0.0) if y == 0j else x / y


@kernel
def one_minus(eta: complex, log_gate: float) -> complex:
    """min(1, 1/|zeta|) (1 - k zeta), with all its digits near zeta = 1/k too."""
    modulus = math.exp(min(eta.real, 0.0))
    k = math.exp(log_gate)
    difference = k * math.expm1(-eta.real - log_gate) if eta.real > 0.0 else -math.expm1(eta.real + log_gate)
    half = math.cos(0.5 * eta.imag)
    return complex(difference + 2.0 * k * modulus * half * half, k * modulus * math.sin(eta.imag))


@kernel
def _window(t: GateTables, group: int, height: float) -> tuple[int, int]:
    """Panels first .. last - 1 on which zeta k is neither huge nor tiny, height = log|zeta|."""
    start, stop = t.first_panel[group], t.first_panel[group + 1]
    first, high = start, stop
    while first < high:
        middle = (first + high) // 2
        if t.panels[middle].floor + height > BEYOND:
            first = middle + 1
        else:
            high = middle
    last, high = first, stop
    while last < high:
        middle = (last + high) // 2
        if t.panels[middle].log_top + height >= -BEYOND:
            last = middle + 1
        else:
            high = middle
    return first, last


@kernel
def _node_sums(t: GateTables, first: int, last: int, height: float, phase: complex, sums: Complexes) -> None:
    """Add the panels first .. last - 1 to the sums over the gates.

    With m = |zeta k| and F = 1/(1 - zeta k): F, m F, m F^2, m^2 F^2, m^2 F; last the rounding errors of the first two.
    """
    c, s = phase.real, phase.imag
    t0 = t1 = t2 = t3 = t4 = e0 = e1 = 0.0
    i0 = i1 = i2 = i3 = i4 = 0.0
    for row in range(first, last):
        size = height + t.panels[row].log_top
        scale, shrink = math.exp(min(size, MOST)), math.exp(min(MOST - size, 0.0))
        digits = 1.0 - 0.5 * t.panels[row].log_top
        for j in range(ORDER):
            m = scale * t.gate[row, j]
            re = 1.0 - m * c
            im = m * s
            inverse = 1.0 / (re * re + im * im)
            fr = re * inverse
            fi = im * inverse
            g = t.weight[row, j]
            gm = g * m
            sr = (fr - fi) * (fr + fi) * gm
            si = 2.0 * fr * fi * gm
            gs = g * shrink
            t0 += gs * fr
            i0 += gs * fi
            t1 += gm * fr
            i1 += gm * fi
            t2 += shrink * sr
            i2 += shrink * si
            t3 += m * sr
            i3 += m * si
            t4 += gm * m * fr
            i4 += gm * m * fi
            lost = (1.0 + digits * m) * inverse
            e0 += gs * lost
            e1 += gm * lost
    sums[0] += complex(t0, i0)
    sums[1] += complex(t1, i1)
    sums[2] += complex(t2, i2)
    sums[3] += complex(t3, i3)
    sums[4] += complex(t4, i4)
    sums[5] += complex(EPS * e0, EPS * e1)


@kernel
def _near_sums(
    t: GateTables,
    row: int,
    height: float,
    phase: complex,
    places: Complexes,
    targets: Complexes,
    ends: Complexes,
    count: int,
    sums: Complexes,
) -> None:
    """`_node_sums` of one panel with poles nearby."""
    first, last = choose_rule(places, count)
    scale = math.exp(min(height + t.panels[row].log_top, MOST))
    back = phase.conjugate()
    error = 0.0
    for j in range(first, last):
        m = scale * t.gate[row, j]
        f = inverse_near(t, row, j, places, targets, count)
        mf = m * f if m < 1.0 else back * (f - 1.0)
        g = t.weight[row, j]
        sums[0] += g * f
        sums[1] += g * mf
        sums[2] += g * mf * f
        sums[3] += g * mf * mf
        sums[4] += g * m * mf
        error += g * abs(f) * (1.0 + abs(f))
    for i in range(count):
        value, slope = residue(t, row, places[i], ends[i], targets[i], first, last)
        sums[0] += value
        sums[1] += back * value
        sums[2] += back * slope
        sums[3] += back * back * (slope - value)
        sums[4] += back * back * value
        error += abs(value)
    error *= 6.0 * EPS * (1.0 - 0.5 * t.panels[row].log_top)
    sums[5] += complex(error, error)


@kernel
def _panel_sums(t: GateTables, first: int, last: int, eta: complex, phase: complex) -> Complexes:
    """The sums of `_node_sums` over panels first .. last - 1, those with poles nearby taken care of."""
    sums = np.zeros(6, dtype=np.complex128)
    places, targets, ends = np.empty((3, 2), dtype=np.complex128)
    start = first
    for row in range(first, last):
        count = find_poles(t, row, eta, places, targets, ends)
        if count > 0:
            _node_sums(t, start, row, eta.real, phase, sums)
            _near_sums(t, row, eta.real, phase, places, targets, ends, count, sums)
            start = row + 1
    _node_sums(t, start, last, eta.real, phase, sums)
    return sums


class GateTerms(NamedTuple):
    """Averages over the gates of one group at zeta = -e^eta, and bounds on their rounding errors.

    E 1/(1 - zeta k) = e^log_scale total, E k/(1 - zeta k) = e^reach ratio, their derivatives in eta
    e^log_scale slope and e^reach ratio_slope, and zeta E k^2/(1 - zeta k) = bend.
    """

    log_scale: float
    total: complex
    slope: complex
    error: float
    reach: float
    ratio: complex
    ratio_slope: complex
    ratio_error: float
    bend: complex


@kernel
def gate_terms(t: GateTables, group: int, eta: complex) -> GateTerms:
    """The averages of one group at zeta = -e^eta."""
    height = eta.real
    reach = -max(height, 0.0)
    shrunk = math.exp(min(height, 0.0))  # |zeta| e^reach
    phase = complex(-math.cos(eta.imag), -math.sin(eta.imag))
    back = phase.conjugate()
    first, last = _window(t, group, height)
    start, stop = t.first_panel[group], t.first_panel[group + 1]
    plain = plain_slope = ratio = ratio_slope = bend = 0j
    error = ratio_error = 0.0
    if last > first:
        sums = _panel_sums(t, first, last, eta, phase)
        plain, plain_slope = sums[0], phase * sums[2]
        ratio, ratio_slope = sums[1] / shrunk, phase * sums[3] / shrunk
        bend = phase * sums[4] * math.exp(-height)
        error, ratio_error = sums[5].real, sums[5].imag / shrunk
    if last < stop:
        small = t.panels[last].mean_after * math.exp(min(height, MOST))
        plain += t.panels[last].mass_after + small * phase
        plain_slope += small * phase
        ratio += small / shrunk
    large = -math.inf
    if first > start:
        large = t.panels[first - 1].log_inverse_upto - height
        mass = t.panels[start].mass_after - (t.panels[first].mass_after if first < stop else 0.0)
        ratio -= mass * back
        ratio_slope += mass * back
        bend -= t.panels[start].mean_after - (t.panels[first].mean_after if first < stop else 0.0)
    atom = atom_slope = 0j
    atom_error = 0.0
    ratio_error += EPS * abs(ratio)
    shrink = math.exp(reach)
    few = t.first_atom[group + 1] - t.first_atom[group] <= FEW_ATOMS
    for j in range(t.first_atom[group], t.first_atom[group + 1]):
        k = t.values[j]
        apart = shrink - k * shrunk * phase
        near = apart.real * apart.real + apart.imag * apart.imag < NEARLY_POLE * (shrink + k * shrunk) ** 2
        inverse = divide(1.0 + 0j, one_minus(eta, t.log_gates[j]) if few or near else apart)
        part = t.masses[j] * inverse
        turn = part * (k * shrunk * phase * inverse)
        atom += part
        atom_slope += turn
        ratio += k * part
        ratio_slope += k * turn
        bend += k * k * shrunk * phase * part
        atom_error += abs(part)
        ratio_error += 2.0 * EPS * k * abs(part)
    size = abs(plain)
    log_scale = max(math.log(size) if size > 0.0 else -math.inf, large)
    if t.first_atom[group + 1] > t.first_atom[group]:
        log_scale = max(log_scale, reach)
    if log_scale > -600.0:
        log_scale = 0.0
    of_plain, of_large, of_atom = (
        math.exp(min(-log_scale, 709.0)),
        math.exp(large - log_scale),
        math.exp(reach - log_scale),
    )
    total = plain * of_plain - back * of_large + atom * of_atom
    slope = plain_slope * of_plain + back * of_large + atom_slope * of_atom
    error = error * of_plain + EPS * (of_large + abs(total) + 2.0 * atom_error * of_atom)
    return GateTerms(log_scale, total, slope, error, reach, ratio, ratio_slope, ratio_error, bend)


@kernel
def gate_phases(t: GateTables, group: int, eta: complex) -> tuple[float, float]:
    """E arg(1 - zeta k) and E arg(1 - 1/(zeta k)) over the gates of one group at zeta = -e^eta."""
    height = eta.real
    c, s = math.cos(eta.imag), math.sin(eta.imag)
    first, last = _window(t, group, height)
    start, stop = t.first_panel[group], t.first_panel[group + 1]
    places, targets, ends = np.empty((3, 2), dtype=np.complex128)
    up = down = 0.0
    for row in range(first, last):
        count = find_poles(t, row, eta, places, targets, ends)
        if count > 0:
            phase, mass = _near_phase(t, row, places, targets, ends, count)
            up += phase
            down += phase - mass * eta.imag
            continue
        scale = math.exp(min(height + t.panels[row].log_top, MOST))
        for j in range(ORDER):
            m = scale * t.gate[row, j]
            up += t.weight[row, j] * math.atan2(m * s, 1.0 + m * c)
            down += t.weight[row, j] * math.atan2(-s, m + c)
    if last < stop:
        small = math.exp(min(height, MOST)) * t.panels[last].mean_after * s
        up += small
        down += small - eta.imag * t.panels[last].mass_after
    if first > start:
        large = math.exp(t.panels[first - 1].log_inverse_upto - height) * s
        mass = t.panels[start].mass_after - (t.panels[first].mass_after if first < stop else 0.0)
        up += eta.imag * mass - large
        down -= large
    shrunk, shrink = math.exp(min(height, 0.0)), math.exp(-max(height, 0.0))
    for j in range(t.first_atom[group], t.first_atom[group + 1]):
        up += t.masses[j] * cmath.phase(one_minus(eta, t.log_gates[j]))
        turned = complex(shrunk * math.exp(t.log_gates[j]) + shrink * c, -shrink * s)
        down += t.masses[j] * cmath.phase(turned)
    return up, down


@kernel
def _near_phase(
    t: GateTables, row: int, places: Complexes, targets: Complexes, ends: Complexes, count: int
) -> tuple[float, float]:
    """Integral of arg(1 - zeta k) over a panel with poles nearby, by parts, and the mass of the panel."""
    first, last = choose_rule(places, count)
    mass = 0.0
    for j in range(first, last):
        mass += t.weight[row, j]
    # the primitive M of the density is 0 at the end with the poles
    end = -1.0 if places[0].real < 0.0 else 1.0
    integral = 0j
    for j in range(first, last):
        primitive = 0.0 if end < 0.0 else -mass
        for i in range(first, last):
            primitive += PRIMITIVES[j, i - first] * t.weight[row, i] / NODE_WEIGHTS[i]
        value, _, _ = series_at(t, row, complex(NODES[j]))
        rate, _ = place_rate(t, row, complex(NODES[j]), value)
        inverse = inverse_near(t, row, j, places, targets, count)
        integral -= NODE_WEIGHTS[j] * primitive * divide(inverse - 1.0, rate)
    for i in range(count):
        error, _ = rule_error(places[i], ends[i], first, last)
        integral -= weight_primitive(t, row, end, places[i]) * error
    value, _, _ = series_at(t, row, complex(-end))
    if t.panels[row].kind == LINEAR:
        # 1 - 1/relative^2, up to a positive factor
        relative = targets[0] / value
        back = relative.conjugate() / abs(relative)
        far = (relative * relative - 1.0) * (back * back)
    else:
        far = -expm1(2.0 * (value - targets[0]))
    return mass * cmath.phase(far) + integral.imag, mass
