"""The continuous part of a gate law: phi'(sqrt(q) xi)^2 with xi ~ N(0, 1), as panels of the xi axis.

On each panel phi' is a polynomial to rounding, either as it is or through its logarithm, and the panel carries two
Gauss-Legendre rules with the Gaussian density in the weights. Averages over the gate law are sums over nodes, and
where an average has a pole near a panel, the polynomial says where (rmtjac.theory.gate_averages). Only real values
of phi' are ever asked for, so that a user's function is treated like a built-in one. Where phi' is constant, the
gate law has an atom; kinks and jumps become ends of panels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.polynomial import legendre

__all__ = [
    "ALL_NODES",
    "ALL_WEIGHTS",
    "LINEAR",
    "LOGARITHM",
    "ORDER",
    "PLAIN",
    "PRECISION",
    "RHO",
    "Panels",
    "gate_panels",
    "no_panels",
    "to_series",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
LogDerivative = Callable[[Floats], tuple[Any, Any]]

ORDER = 16
# Gauss-Legendre errs by RHO^(-2 ORDER) = 6e-16 on what is analytic in the Bernstein ellipse of this parameter
RHO = 3.0
SEMI_AXIS = 0.5 * (RHO + 1.0 / RHO)
REACH = 38.5  # P(|xi| > 38.5) is below the smallest double
OUTERMOST = REACH - 0.1  # the last panels have no weight in doubles
LOWEST = -3000.0  # log of phi'^2: smaller gates count as this small, or as closed
MOST_LOST = 1e-12  # probability of smaller gates
LONGEST = 0.5  # half-length of a panel, for the Gaussian density
SHORTEST = 2.0**-50
SHORT = 2.0**-7  # what is no polynomial on a panel this short is a kink, or noise
NOISE = 1e-14  # of phi', relative: what a panel so short may keep unresolved
NOISY = 1e-9
SURE_KINK = 2.0**-14  # shorter panels are on the way to a kink: halving them would only take longer
STRIP = 1.5  # log|phi'| turns by less than pi/2 in the ellipse, so that one branch of the logarithm has poles there
PRECISION = 2e-15
FLAT = 4e-16
EPS = 4e-16
LIGHTEST_ATOM = 1e-15
MOST_PANELS = 50_000

LOGARITHM, LINEAR, PLAIN, POOR = 0, 1, 2, -1

NODES, WEIGHTS = legendre.leggauss(ORDER)
OTHER_NODES, OTHER_WEIGHTS = legendre.leggauss(ORDER + 1)
ALL_NODES = np.concatenate([NODES, OTHER_NODES])
ALL_WEIGHTS = np.concatenate([WEIGHTS, OTHER_WEIGHTS])


def to_series(nodes: Floats, weights: Floats) -> Floats:
    """What takes values at Gauss-Legendre nodes to Legendre coefficients: coefficients = values @ this.

    The quadrature of the coefficients has their orthogonality wrong by 5e-15, the error of the slope at the ends by
    1e-12; a step of Newton's method for the inverse, in more digits where there are any, mends that.
    """
    size = nodes.size
    to_values = legendre.legvander(nodes.astype(np.longdouble), size - 1)
    inverse = (to_values * weights[:, None] * (np.arange(size) + 0.5)).T
    return np.asarray((inverse @ (2.0 * np.eye(size) - to_values @ inverse)).T, dtype=np.float64)


_TO_SERIES = to_series(NODES, WEIGHTS)
# |P_n| on the ellipse is at most RHO^n; its imaginary part for n = 1, 2 is bounded more sharply
_GROWTH = RHO ** np.arange(ORDER)
_TURNING = _GROWTH.copy()
_TURNING[:3] = 0.0, 0.5 * (RHO - 1.0 / RHO), 0.375 * (RHO**2 - RHO**-2)


class Panels(NamedTuple):
    """P panels, sorted by the largest gate on them, descending.

    Attributes
    ----------
    center, half : arrays (P,)
        The panel is center + half y, -1 <= y <= 1, on the xi axis.
    log_top, log_bottom : arrays (P,)
        Largest and smallest log phi'^2 at its nodes (-inf where phi' changes sign).
    kind : int array (P,)
        What `series` expands: LOGARITHM log|phi'| - log_top/2, LINEAR |phi'| e^(-log_top/2) up to a sign, with no
        critical point, PLAIN nothing (a constant, a panel of no size, or noise).
    series : array (P, ORDER)
        Legendre coefficients in y.
    spread : array (P,)
        Bound on |series - its mean| in the Bernstein ellipse RHO.
    turn, turn_value, turn_bend : arrays (P,)
        Place y of a critical point of the series in or near the panel (nan if none), value and second derivative.
    gate, weight : arrays (P, 2 ORDER + 1)
        phi'^2 e^(-log_top) and Gaussian mass at the ORDER nodes of the first rule, then those of the second, which
        lie between them. Each rule alone has the mass of the panel.
    fold : float
        2 if phi'^2 is even and the panels cover xi > 0 only, else 1; the weights contain it.
    """

    center: Floats
    half: Floats
    log_top: Floats
    log_bottom: Floats
    kind: Integers
    series: Floats
    spread: Floats
    turn: Floats
    turn_value: Floats
    turn_bend: Floats
    gate: Floats
    weight: Floats
    fold: float

    def take(self, rows: Any) -> Panels:
        """The panels of the given rows."""
        return self._replace(**{name: getattr(self, name)[rows] for name in self._fields if name != "fold"})

    def highest(self) -> float:
        """log of the largest gate: at a critical point, or at an end of a panel."""
        ends = legendre.legval(np.array([-1.0, 1.0]), self.series.T)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(self.kind == LOGARITHM, ends.T, np.log(np.abs(ends.T)))
            inside = np.where(np.abs(self.turn) <= 1.0, self.turn_value, -np.inf)
        best = np.where(self.kind == PLAIN, 0.0, np.maximum(logs.max(axis=0), inside))
        return float(np.max(self.log_top + 2.0 * best))

    def small_exponent(self) -> float:
        """a, where P(phi'^2 < k) falls like k^a (up to logarithms) for small k; inf if it falls faster."""
        crosses = (self.kind == LINEAR) & np.isneginf(self.log_bottom) & ~self._outermost()
        crossing = 0.5 if crosses.any() else math.inf
        return min(crossing, self._tail_exponent(1.0), self._tail_exponent(-1.0))

    def grows(self) -> bool:
        """Whether phi'^2 is largest at an end of the axis, and still rises there."""
        largest = int(np.argmax(self.log_top))
        return bool(self._outermost()[largest] and self.log_top[largest] - self.log_bottom[largest] > 1e-9)

    def _outermost(self) -> Flags:
        return np.asarray(np.abs(self.center) + self.half > OUTERMOST)

    def _tail_exponent(self, side: float) -> float:
        """The exponent of one tail: finite where log phi'^2 falls like -x^2, 0 where it falls faster."""
        on_side = (side * self.center > 0.0) & (self.log_top > LOWEST)
        x, logs = np.abs(self.center[on_side]), self.log_top[on_side]
        if not x.size or logs[np.argmax(x)] > logs.min() + 1e-9:
            return math.inf
        last = int(np.argmax(x))
        middle = int(np.argmin(np.abs(x - 0.5 * x[last])))
        growth = (
            math.log(logs[last] / logs[middle]) / math.log(x[last] / x[middle])
            if logs[middle] < -1.0
            else 0.0
        )
        if growth < 1.8:
            return math.inf
        return (
            float(0.5 * (x[last] ** 2 - x[middle] ** 2) / (logs[middle] - logs[last]))
            if growth < 2.2
            else 0.0
        )


def no_panels() -> Panels:
    """The panels of a law without continuous part."""
    empty, rows = np.empty(0), np.empty((0, ORDER))
    both = np.empty((0, ALL_NODES.size))
    kind = np.empty(0, dtype=np.int64)
    return Panels(empty, empty, empty, empty, kind, rows, empty, empty, empty, empty, both, both, 1.0)


def gate_panels(
    log_derivative: LogDerivative, q: float, noise: float
) -> tuple[Panels, Floats, Floats, float]:
    """Panels of the law of phi'(sqrt(q) xi)^2, its atoms (values, masses), and P(phi' = 0).

    Parameters
    ----------
    log_derivative : callable
        h -> (log|phi'(h)|, sign of phi'(h)) on arrays.
    q : float > 0
    noise : float >= 0
        Error of phi', in units of its largest size, that no panel can resolve.

    Raises
    ------
    ValueError
        If phi' is not finite somewhere, or not smooth between finitely many points.
    """
    axis = _Axis(log_derivative, math.sqrt(q), noise)
    fold = 2.0 if axis.is_even() else 1.0
    start = 0.0 if fold == 2.0 else -REACH
    ends = np.linspace(start, REACH, 1 + math.ceil((REACH - start) / (2.0 * LONGEST)))
    ends = np.unique(np.append(ends, 0.0))
    panels = _refined(axis, ends, fold)
    kinks = panels.center[panels.half <= SHORTEST]
    if kinks.size:
        panels = _refined(axis, np.unique(np.append(ends, kinks)), fold)
    return _sorted_out(_with_turns(panels))


class _Axis:
    """phi' on the xi axis."""

    def __init__(self, log_derivative: LogDerivative, scale: float, noise: float) -> None:
        self._log_derivative = log_derivative
        self._scale = scale
        largest = float(np.max(self(np.linspace(-6.0, 6.0, 2001))[0]))
        self.log_noise = math.log(noise) + largest if noise > 0.0 else -math.inf

    def __call__(self, xi: Floats) -> tuple[Floats, Floats]:
        with np.errstate(all="ignore"):
            # a user's function may know one-dimensional arrays only
            logs, signs = self._log_derivative(self._scale * xi.ravel())
        logs, signs = np.reshape(logs, xi.shape), np.reshape(signs, xi.shape)
        wrong = np.isnan(logs) | (logs == np.inf)
        if wrong.any():
            h = float((self._scale * xi)[wrong].flat[0])
            raise ValueError(f"the derivative at h={h:g} is not finite: allowed are finite values")
        return np.where(np.isneginf(logs), logs, np.maximum(logs, 0.5 * LOWEST)), signs

    def is_even(self) -> bool:
        """Whether phi'^2 is even, to the bit at a few hundred points."""
        xi = np.linspace(0.01, 12.0, 400)
        return bool(np.array_equal(self(xi)[0], self(-xi)[0]))


def _refined(axis: _Axis, ends: Floats, fold: float) -> Panels:
    """Panels between the ends, halved until each is a polynomial of its kind."""
    low, high = ends[:-1], ends[1:]
    accepted: list[Panels] = []
    count = 0
    while low.size:
        center, half = 0.5 * (low + high), 0.5 * (high - low)
        panels = _classified(axis, center, half, fold)
        poor = panels.kind == POOR
        accepted.append(panels.take(~poor))
        count += low.size
        if count > MOST_PANELS:
            raise ValueError("the derivative is not smooth between finitely many points")
        parts = 2 if half.max() > SURE_KINK else 16
        edges = np.linspace(low[poor], high[poor], parts + 1)
        low, high = edges[:-1].ravel(), edges[1:].ravel()
    columns = [name for name in Panels._fields if name != "fold"]
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(row, name) for row in accepted]) for name in columns
    }
    return Panels(**joined, fold=fold)


def _classified(axis: _Axis, center: Floats, half: Floats, fold: float) -> Panels:
    """The panels with these centers and half-lengths; kind POOR where a panel is to be halved."""
    nodes = center[:, None] + half[:, None] * ALL_NODES
    logs, signs = axis(nodes)
    top, bottom = logs.max(axis=1), logs.min(axis=1)
    scale = np.where(np.isneginf(top), 0.0, top)[:, None]
    values = signs * np.exp(logs - scale)
    one_sign = (np.abs(signs.sum(axis=1)) == ALL_NODES.size) & np.isfinite(bottom)
    noise = NOISE + np.exp(np.minimum(axis.log_noise - scale[:, 0], 0.0))
    noise = PRECISION * np.maximum(1.0, np.abs(scale[:, 0])) + np.where(half <= SHORT, noise, 0.0)
    first = slice(0, ORDER)
    logarithm = np.where(one_sign[:, None], logs - scale, 0.0)[:, first] @ _TO_SERIES
    linear = values[:, first] @ _TO_SERIES
    kind = np.full(center.size, POOR)
    kind[half <= SHORTEST] = PLAIN
    # so noisy a panel has no analytic continuation
    kind[(noise > NOISY) & _is_resolved(linear, noise)] = PLAIN
    kind[_is_resolved(linear, noise) & _is_nearly_linear(linear)] = LINEAR
    kind[one_sign & _is_resolved(logarithm, noise) & (np.abs(logarithm) @ _TURNING <= STRIP)] = LOGARITHM
    with np.errstate(invalid="ignore"):
        kind[np.isneginf(top) | (one_sign & (top - bottom <= FLAT))] = PLAIN
    series = np.where((kind == LOGARITHM)[:, None], logarithm, linear)
    # rounding in the last coefficients would grow off the real axis
    series[np.abs(series) <= EPS * np.maximum(1.0, np.abs(scale))] = 0.0
    density = np.exp(-0.5 * nodes**2) * (fold / math.sqrt(2.0 * math.pi))
    unknown = np.full(center.size, np.nan)
    return Panels(
        center=center,
        half=half,
        log_top=2.0 * top,
        log_bottom=np.where(one_sign, 2.0 * bottom, -np.inf),
        kind=kind,
        series=series,
        spread=np.abs(series[:, 1:]) @ _GROWTH[1:],
        turn=unknown,
        turn_value=unknown,
        turn_bend=unknown,
        gate=values**2,
        weight=density * half[:, None] * ALL_WEIGHTS,
        fold=fold,
    )


def _is_resolved(series: Floats, noise: Floats) -> Flags:
    """Whether the last coefficients are rounding."""
    return np.asarray(np.abs(series[:, -3:]).max(axis=1) <= noise)


def _is_nearly_linear(series: Floats) -> Flags:
    """Whether the series is monotone in the ellipse, so that it takes a value there at most once."""
    # |P_n'| is at most n^2 |P_(n-1)| there, up to what 1.9 < 2 leaves
    bent = np.abs(series[:, 2:]) @ (np.arange(2, ORDER) ** 2 * 1.9 ** np.arange(1, ORDER - 1))
    return np.asarray(0.8 * np.abs(series[:, 1]) >= bent)


def _with_open_tails(panels: Panels) -> Panels:
    """The panels with log_bottom = -inf where phi' still falls at the end of the axis: it falls to 0."""
    last = np.abs(panels.center) + panels.half > OUTERMOST
    falling = panels.log_top > panels.log_bottom + 1e-9
    lowest = panels.log_bottom <= panels.log_bottom.min(initial=np.inf)
    to_zero = (last & falling & lowest) | (panels.log_bottom <= LOWEST)
    return panels._replace(log_bottom=np.where(to_zero, -np.inf, panels.log_bottom))


def _with_turns(panels: Panels) -> Panels:
    """The panels with the critical points of their logarithms that lie in the ellipse."""
    series = panels.series.T
    slope = legendre.legder(series)
    bend = legendre.legder(slope)
    y = np.zeros(series.shape[1])
    with np.errstate(all="ignore"):
        for _ in range(20):
            step = legendre.legval(y, slope, tensor=False) / legendre.legval(y, bend, tensor=False)
            y = np.clip(y - step, -RHO, RHO)
        found = (np.abs(step) <= 1e-9) & (panels.kind == LOGARITHM) & (np.abs(y) < SEMI_AXIS)
    y = np.where(found, y, np.nan)
    value, second = (
        np.asarray(legendre.legval(y, c, tensor=False), dtype=np.float64) for c in (series, bend)
    )
    return panels._replace(turn=y, turn_value=value, turn_bend=second)


def _sorted_out(panels: Panels) -> tuple[Panels, Floats, Floats, float]:
    """Panels, atoms and the mass of closed gates, told apart."""
    mass = panels.weight[:, :ORDER].sum(axis=1)
    closed = np.isneginf(panels.log_top)
    with np.errstate(invalid="ignore"):
        flat = ~closed & (panels.kind == PLAIN) & (panels.log_top - panels.log_bottom <= 2.0 * FLAT)
    logs, place = np.unique(np.round(panels.log_top[flat], 13) + 0.0, return_inverse=True)
    masses: Floats = np.bincount(place, weights=mass[flat], minlength=logs.size).astype(np.float64)
    values: Floats = np.exp(logs)
    heavy = masses > LIGHTEST_ATOM
    light = np.zeros(mass.size, dtype=np.bool_)
    light[flat] = ~heavy[place]
    lowest = heavy & (logs <= LOWEST)
    lost = float(masses[lowest].sum())
    if lost > MOST_LOST:
        raise ValueError(
            f"phi'^2 is below e^{LOWEST:g} with probability {lost:.2g}: allowed is a smaller q, with less than "
            f"{MOST_LOST:g}"
        )
    closed_mass = float(mass[closed].sum()) + lost
    heavy &= ~lowest
    rest = panels.take(~closed & (~flat | light) & (mass > 0.0) & (panels.half > SHORTEST))
    order = np.argsort(-rest.log_top, kind="stable")
    return _with_open_tails(rest.take(order)), values[heavy], masses[heavy], closed_mass
