"""Where zeta k = 1 on and near a panel of a gate law, and what such a pole adds to a Gauss-Legendre rule; compiled.

    integral of F = sum of w_j F(x_j) + sum over poles of residue * e(y),
    e(y) = log((1 - y)/(-1 - y)) - sum of w_j/(y_j - y),

exact up to the part of F that is analytic in the ellipse RHO. The rule is the one of two whose nodes are farther from
the poles, and next to a pole 1 - zeta k is computed from the distance to it, so that nothing cancels.
"""

from __future__ import annotations

import cmath
import math

import numpy as np
import numpy.typing as npt
from numpy.polynomial import legendre

from rmtjac.jit import kernel
from rmtjac.model.gate_panels import ALL_NODES, ALL_WEIGHTS, LINEAR, ORDER, PLAIN, RHO, to_series
from rmtjac.theory.gate_tables import TOUCHING, GateTables

__all__ = [
    "PRIMITIVES",
    "choose_rule",
    "expm1",
    "find_poles",
    "inverse_near",
    "place_rate",
    "residue",
    "rule_error",
    "series_at",
    "weight_primitive",
]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

NODES = ALL_NODES
NODE_WEIGHTS = ALL_WEIGHTS
LEGENDRE = legendre.legvander(ALL_NODES, ORDER - 1)
NEWTON_STEPS = 12
SETTLED = 1e-10
NEXT_PANEL = 0.01  # so near the end of a panel a pole's distance to it would lose digits
SAME_POLE = 1e-3


def _primitives() -> Floats:
    """Row j: coefficients of the integral from -1 to node j, exact for polynomials, in values at its rule's nodes."""
    rows = np.zeros((ALL_NODES.size, ORDER + 1))
    for first, last in ((0, ORDER), (ORDER, ALL_NODES.size)):
        nodes, weights = ALL_NODES[first:last], ALL_WEIGHTS[first:last]
        size = last - first
        series = to_series(nodes, weights)
        integrals = legendre.legint(np.eye(size), lbnd=-1.0)
        rows[first:last, :size] = legendre.legvander(nodes, size) @ integrals @ series.T
    return rows


PRIMITIVES = _primitives()


@kernel
def series_at(t: GateTables, row: int, y: complex) -> tuple[complex, complex, complex]:
    """The series of a panel and its first two derivatives at complex y."""
    value = complex(t.series[row, 0]) + t.series[row, 1] * y
    slope = complex(t.series[row, 1])
    bend = 0j
    before, here = 1.0 + 0j, y
    slope_before, slope_here = 0j, 1.0 + 0j
    bend_before, bend_here = 0j, 0j
    for n in range(1, ORDER - 1):
        after = ((2 * n + 1) * y * here - n * before) / (n + 1)
        slope_after = slope_before + (2 * n + 1) * here
        bend_after = bend_before + (2 * n + 1) * slope_here
        value += t.series[row, n + 1] * after
        slope += t.series[row, n + 1] * slope_after
        bend += t.series[row, n + 1] * bend_after
        before, here = here, after
        slope_before, slope_here = slope_here, slope_after
        bend_before, bend_here = bend_here, bend_after
    return value, slope, bend


@kernel
def _divided_difference(t: GateTables, row: int, j: int, y: complex) -> complex:
    """(series at node j - series at y)/(y_j - y), without cancellation."""
    value = complex(t.series[row, 1])
    before, here = 0j, 1.0 + 0j
    for n in range(1, ORDER - 1):
        after = ((2 * n + 1) * (LEGENDRE[j, n] + y * here) - n * before) / (n + 1)
        value += t.series[row, n + 1] * after
        before, here = here, after
    return value


@kernel
def _is_near(y: complex) -> bool:
    """Whether y lies in the ellipse RHO."""
    root = cmath.sqrt(y * y - 1.0)
    return max(abs(y + root), abs(y - root)) <= RHO


@kernel
def _place(t: GateTables, row: int, y: complex, target: complex) -> complex:
    """Where the series takes the target, by Newton's method from y; far away if it is not found near the panel."""
    size = math.inf
    for _ in range(NEWTON_STEPS):
        value, slope, _ = series_at(t, row, y)
        step = (value - target) / slope
        size = abs(step)
        y -= step if size <= 1.0 else step / size
        if size <= 1e-15:
            break
        if abs(y) > 4.0:
            return complex(math.inf)
    return y if size <= SETTLED else complex(math.inf)


@kernel
def _target(t: GateTables, row: int, eta: complex) -> complex:
    """What the series is where zeta k = 1, up to a sign if it is linear."""
    # -log(zeta k_top)/2
    half = complex(-0.5 * (eta.real + t.panels[row].log_top), 0.5 * (math.pi - eta.imag))
    if t.panels[row].kind == LINEAR:
        # gates near 0: their share beyond e^-1200 is less than anything
        return cmath.exp(complex(min(max(half.real, -600.0), 300.0), half.imag))
    return half


@kernel
def find_poles(
    t: GateTables, row: int, eta: complex, places: Complexes, targets: Complexes, ends: Complexes
) -> int:
    """Number of y near the panel with zeta k = 1; put into `places`, -1 - y into `ends`, the series into `targets`."""
    if t.panels[row].kind == PLAIN:
        return 0
    target = _target(t, row, eta)
    signs = (1.0, 1.0)
    if t.panels[row].kind == LINEAR:
        signs = (1.0, -1.0)
        starts = (
            (target - t.series[row, 0]) / t.series[row, 1],
            (-target - t.series[row, 0]) / t.series[row, 1],
        )
    elif math.isnan(t.panels[row].turn):
        if abs(target - t.series[row, 0]) > t.panels[row].spread:
            return 0
        starts = (_start(t, row, target), complex(math.inf))
    else:
        offset = cmath.sqrt(2.0 * (target - t.panels[row].turn_value) / t.panels[row].turn_bend)
        starts = (t.panels[row].turn + offset, t.panels[row].turn - offset)
    count = 0
    for i in range(2):
        value = signs[i] * target
        if abs(value - t.series[row, 0]) > t.panels[row].spread:
            continue
        if t.panels[row].kind != LINEAR and abs(starts[i]) > 4.0:
            continue
        y = _place(t, row, starts[i], value)
        if _is_near(y):
            ends[count] = _to_end(t, row, eta, y)
            places[count], targets[count] = -1.0 - ends[count], value
            count += 1
    return count


@kernel
def _to_end(t: GateTables, row: int, eta: complex, y: complex) -> complex:
    """-1 - y of a pole. Next to the end it is taken from the panel to the left, so that both see one pole.

    Their logarithms cancel there, and would not if each had its own rounding.
    """
    distance = -1.0 - y
    left = t.panels[row].left
    if left < 0 or abs(distance) > NEXT_PANEL:
        return distance
    ratio = t.panels[left].half / t.panels[row].half
    start = 1.0 - distance / ratio
    target = _target(t, left, eta)
    if t.panels[left].kind == LINEAR:
        value, _, _ = series_at(t, left, start)
        target = target if abs(value - target) < abs(value + target) else -target
    found = (1.0 - _place(t, left, start, target)) * ratio
    # beyond a kink of phi' there is another pole, or none
    return found if abs(found - distance) <= SAME_POLE * abs(distance) + TOUCHING else distance


@kernel
def _start(t: GateTables, row: int, target: complex) -> complex:
    """Where the series of a panel without critical point takes the target, by its first three terms."""
    bend = 1.5 * t.series[row, 2]
    slope = t.series[row, 1]
    rest = target - (t.series[row, 0] - 0.5 * t.series[row, 2])
    root = cmath.sqrt(slope * slope + 4.0 * bend * rest)
    if slope < 0.0:
        root = -root
    start: complex = 2.0 * rest / (slope + root)
    return start


@kernel
def choose_rule(places: Complexes, count: int) -> tuple[int, int]:
    """First and last node (exclusive) of the rule whose nodes are farther from the poles."""
    nearest = np.full(2, math.inf)
    for j in range(NODES.size):
        rule = 0 if j < ORDER else 1
        for i in range(count):
            nearest[rule] = min(nearest[rule], abs(NODES[j] - places[i]) / NODE_WEIGHTS[j])
    return (0, ORDER) if nearest[0] >= nearest[1] else (ORDER, NODES.size)


@kernel
def inverse_near(
    t: GateTables, row: int, j: int, places: Complexes, targets: Complexes, count: int
) -> complex:
    """1/(1 - zeta k) at a node, from its distance to the nearest pole."""
    i = 0 if count == 1 or abs(NODES[j] - places[0]) <= abs(NODES[j] - places[1]) else 1
    change = (NODES[j] - places[i]) * _divided_difference(t, row, j, places[i])
    if t.panels[row].kind == LINEAR:
        relative: complex = targets[i] / change
        return -relative * relative / (1.0 + 2.0 * relative)
    return -1.0 / expm1(2.0 * change)


@kernel
def expm1(x: complex) -> complex:
    """exp(x) - 1 without cancellation near x = 0."""
    half = math.sin(0.5 * x.imag)
    small = math.expm1(x.real)
    return complex(small - 2.0 * half * half * (1.0 + small), (1.0 + small) * math.sin(x.imag))


@kernel
def rule_error(y: complex, end: complex, first: int, last: int) -> tuple[complex, complex]:
    """Integral of 1/(s - y) over [-1, 1] minus its quadrature, and the derivative in y; end = -1 - y."""
    error = cmath.log((1.0 - y) / end)
    slope = 1.0 / end - 1.0 / (1.0 - y)
    for j in range(first, last):
        inverse = 1.0 / (NODES[j] - y)
        error -= NODE_WEIGHTS[j] * inverse
        slope -= NODE_WEIGHTS[j] * inverse * inverse
    return error, slope


@kernel
def place_rate(t: GateTables, row: int, y: complex, value: complex) -> tuple[complex, complex]:
    """r = -dy/d log k where the series is `value`, and -dr/dy."""
    _, slope, bend = series_at(t, row, y)
    turn = 0.5 * bend / (slope * slope)
    if t.panels[row].kind == LINEAR:
        return -0.5 * value / slope, turn * value - 0.5
    return -0.5 / slope, turn


@kernel
def residue(
    t: GateTables, row: int, y: complex, end: complex, target: complex, first: int, last: int
) -> tuple[complex, complex]:
    """What a pole at y adds to the average of 1/(1 - zeta k), and the derivative of that in log zeta."""
    rate, turn = place_rate(t, row, y, target)  # of y with log zeta
    x = t.panels[row].center + t.panels[row].half * y
    size = t.panels[row].density * cmath.exp(-0.5 * x * x) * rate
    error, error_slope = rule_error(y, end, first, last)
    slope = (turn - x * t.panels[row].half * rate) * error + rate * error_slope
    return size * error, size * slope


@kernel
def weight_primitive(t: GateTables, row: int, end: float, y: complex) -> complex:
    """Integral of the Gaussian weight from an end of the panel to y."""
    total = 0j
    for j in range(ORDER):
        s = end + 0.5 * (y - end) * (1.0 + NODES[j])
        x = t.panels[row].center + t.panels[row].half * s
        total += NODE_WEIGHTS[j] * cmath.exp(-0.5 * x * x)
    integral: complex = 0.5 * (y - end) * t.panels[row].density * total
    return integral
