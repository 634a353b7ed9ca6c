"""Tracing the curve of a law: nodes by continuation, refined until cubics between them are good starts."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel
from rmtjac.theory.continuation import CONVERGED, roots
from rmtjac.theory.curve import Curve, cubic, log_lambda, speed
from rmtjac.theory.master_equation import Equation, mass_above
from rmtjac.theory.readings import evaluate
from rmtjac.theory.support import Gap, Interval, find_gap, find_intervals, joined, pieces_at

__all__ = ["trace"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]
Part = tuple[float, float, Floats, Complexes, Complexes]

TAIL = 46.0  # a hard edge is traced to where the density of log lambda is e^-46 = 1e-20
NO_MASS = 1e-9
NO_ROOM = 1e-13  # of the unknowns, to the boundary of their strip
# parts of the length of an interval, from an edge on, where it is asked for a density
PROBES = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.5, 0.75, 0.88, 0.94, 0.97, 0.985, 0.993, 1.0)
LOUD_HALVINGS = 8
END_HALVINGS = 5
TOLERANCE = 1e-7  # of the distance to the boundary of the lower half plane
TAIL_BEGINS = 1e-4  # density of log lambda
MOST_TOLERANT = 1e5
TAIL_SHARE = 1e-3
MAX_NODES = 5_000
MAX_HALVINGS = 50
SHORTEST_CELL = 1e-10
LONGEST_TAIL = 1e12
LONGEST_LOG_TAIL = 1e7  # where the density of log lambda falls like a power only
TINY = 1e-300
NOISE = 4.0  # times its rounding error, the distance of a root from the real axis is no density
ROUNDING = 1e-13  # of a root: nearer predictions are of no use
MAX_DISCOVERIES = 20
NEARLY_REAL = 1e-7


def _nodes(
    eq: Equation, low: float, high: float, x: Floats, starts: Complexes
) -> tuple[Complexes, Complexes, Complexes]:
    """eta, d eta/dx and what a cubic may miss of Re and Im eta (points, G) at interior coordinates, from predictions.

    nan where no root was reached.
    """
    eta = starts.copy()
    t = log_lambda(x, low, high)
    code, _, _ = roots(eq, t.astype(np.complex128), eta, np.ones(x.size, dtype=np.bool_))
    eta[code != CONVERGED] = complex(np.nan, np.nan)
    reading, rate = evaluate(eq, eta)
    with np.errstate(all="ignore"):
        rounding = np.abs(rate) * (reading["noise"] / np.abs(reading["slope"]))[:, None]
        # in a tail a start may be less good, and Re eta is far from everything on the scale of Im eta
        density = np.abs(reading["total"].imag) * np.exp(reading["log_scale"])
        tolerance = TOLERANCE * np.clip(np.sqrt(TAIL_BEGINS / density), 1.0, MOST_TOLERANT)
        room = np.minimum(eta.imag, math.pi - eta.imag)
        imag = tolerance[:, None] * room + ROUNDING * (1.0 + np.abs(eta)) + rounding
        allowed = imag + TAIL_SHARE * (tolerance[:, None] - TOLERANCE) + 1j * imag
        return eta, rate * (speed(x, low, high) / reading["slope"])[:, None], allowed


@kernel
def _cubics(x: Floats, eta: Complexes, slope: Complexes, cells: Integers) -> Complexes:
    """Cubic predictions at the middle of the given cells."""
    out = np.empty((cells.size, eta.shape[1]), dtype=np.complex128)
    for i in range(cells.size):
        c = cells[i]
        for g in range(eta.shape[1]):
            out[i, g] = cubic(0.5, x[c], x[c + 1], eta[c, g], eta[c + 1, g], slope[c, g], slope[c + 1, g])
    return out


def _tail_length(eq: Equation, high: float) -> float:
    """How far down from the upper end the tail of a hard edge is traced."""
    limit = LONGEST_LOG_TAIL if eq.hard_drift > 0.0 else LONGEST_TAIL
    near, far = 0.0, 1.0
    while far < limit and _is_negligible(eq, high - far, 1.0) is False:
        near, far = far, 2.0 * far
    # where the density falls faster than a power, twice too far is much too far
    for _ in range(END_HALVINGS):
        middle = 0.5 * (near + far)
        is_loud = _is_negligible(eq, high - middle, 1.0) is False
        near, far = (middle, far) if is_loud else (near, middle)
    return near if _root_at(eq, high - far) is None else far


def _is_negligible(eq: Equation, t: float, above: float) -> bool | None:
    """Whether the density of log lambda at t and the mass from there to an edge are negligible; None without a root.

    `above` is the mass above the edge.
    """
    eta = _root_at(eq, t)
    if eta is None:
        return None
    (reading,), _ = evaluate(eq, eta)
    room = np.minimum(eta.imag, math.pi - eta.imag)[0]
    density = abs(reading["total"].imag) * math.exp(reading["log_scale"])
    is_real = room.min() < NO_ROOM or room[0] * abs(reading["slope"]) < NOISE * reading["noise"]
    # behind a deep valley there may be more
    beyond = abs(mass_above(eq, eta[0]) - above)
    return bool((density < math.exp(-TAIL) or is_real) and beyond < NO_MASS)


def _root_at(eq: Equation, t: float) -> Complexes | None:
    """The unknowns (1, G) at log lambda = t by continuation; None without a root."""
    eta = np.full((1, eq.counts.size), -1j)
    code, _, _ = roots(eq, np.array([t], dtype=np.complex128), eta, np.ones(1, dtype=np.bool_))
    return eta if code[0] == CONVERGED else None


def _loud_end(eq: Equation, edge: float, above: float, other: float) -> float:
    """`edge`, or where the density next to it stops being negligible: at the end of a tail there may be no root.

    Smooth gates have edges beyond which nothing is, and before which hardly anything is, over any part of the
    interval: e^-800 of gates at most are below an edge of erf, and hardly any of softplus is near its supremum.
    """
    reach = other - edge if math.isfinite(other) else -1.0
    negligible = [_is_negligible(eq, edge + part * reach, above) for part in PROBES[:-1]]
    # the mass beyond rises: whatever rounding says of parts nearer to the edge
    last = max((index for index, flag in enumerate(negligible) if flag), default=-1)
    # no root may be the end of a tail where it adjoins one or the edge; elsewhere it is a gap inside the spectrum
    while last + 1 < len(negligible) and negligible[last + 1] is None:
        last += 1
    if last < 0:
        return edge
    quiet, loud = PROBES[last], PROBES[last + 1]
    for _ in range(LOUD_HALVINGS):
        middle = 0.5 * (quiet + loud)
        is_loud = _is_negligible(eq, edge + middle * reach, above) is False
        quiet, loud = (quiet, middle) if is_loud else (middle, loud)
    return edge + loud * reach


def _edge_slopes(interval: Interval, low: float, high: float) -> tuple[complex, complex]:
    """d eta_0/dx at the two edges, where eta_0 - edge = -+i sqrt(2 |t - edge| / |curvature|), into the strip."""
    # rounding may leave no curvature of a spectrum that is nearly a point; any slope is a start
    top = _inward(interval.eta_high[0]) * math.sqrt(2.0 / max(abs(interval.curvature_high), TINY))
    if math.isinf(low):
        return top, 0j
    scale = 0.5 * math.sqrt(high - low)
    if math.isinf(interval.low):
        return top * scale, 0j
    bottom = _inward(interval.eta_low[0]) * math.sqrt(2.0 / max(abs(interval.curvature_low), TINY))
    return top * scale, -bottom * scale


def _inward(eta: complex) -> complex:
    """The direction from the boundary of the strip 0 < Im eta < pi into it."""
    return -1j if eta.imag > 1.0 else 1j


def _trace_interval(eq: Equation, interval: Interval) -> Part:
    """Ends, nodes x, eta, d eta/dx of one interval, refined until the cubic is good to TOLERANCE."""
    low, high = interval.low, _loud_end(eq, interval.high, interval.above_high, interval.low)
    if math.isfinite(low):
        low = _loud_end(eq, low, interval.above_low, interval.high)
    elif eq.gates.panels.size:
        # smooth gates end somewhere in the numbers; atoms do not, and there no lambda is too small
        low = high - _tail_length(eq, high)
    if not low < high:
        low, high = interval.low, interval.high
    x = np.linspace(0.0, math.pi if math.isfinite(low) else math.sqrt(_tail_length(eq, high)), 33)
    eta, slope, _ = _nodes(eq, low, high, x, np.full((x.size, eq.counts.size), -1j))
    top, bottom = _edge_slopes(interval, low, high)
    if high == interval.high:
        eta[0], slope[0] = interval.eta_high, top * interval.rate_high
    if low == interval.low and math.isfinite(low):
        eta[-1], slope[-1] = interval.eta_low, bottom * interval.rate_low
    cells = np.arange(x.size - 1)
    for _ in range(MAX_HALVINGS):
        if not cells.size or x.size >= MAX_NODES:
            break
        middle = 0.5 * (x[cells] + x[cells + 1])
        predicted = _cubics(x, eta, slope, cells)
        found, rate, allowed = _nodes(eq, low, high, middle, predicted)
        miss = found - predicted
        good = ((np.abs(miss.real) <= allowed.real) & (np.abs(miss.imag) <= allowed.imag)).all(axis=1)
        # where two neighbours have no root there is a gap, which is looked for on its own
        lost = np.isnan(eta[:, 0])
        good |= lost[cells] & lost[cells + 1]
        # at an edge where an unknown is infinite no cubic is good, but nothing is left on so short a cell
        good |= np.diff(x)[cells] <= SHORTEST_CELL
        x = np.insert(x, cells + 1, middle)
        eta, slope = np.insert(eta, cells + 1, found, axis=0), np.insert(slope, cells + 1, rate, axis=0)
        left = cells + np.arange(cells.size)
        cells = np.sort(np.concatenate([left[~good], left[~good] + 1]))
    return low, high, x, eta, slope


def trace(eq: Equation, gaps: list[Gap]) -> tuple[list[Gap], Floats, Curve]:
    """All gaps, the intervals between them (K, 2), and the curve over these.

    Gaps that `find_gaps` did not look for (gates of very many values) show by nodes without a root inside the lower
    half plane: there the root is real, and tells its gap.
    """
    for _ in range(MAX_DISCOVERIES):
        intervals = find_intervals(eq, gaps)
        parts = [_trace_interval(eq, interval) for interval in intervals]
        missed = _missed_gaps(eq, gaps, parts)
        if not missed:
            break
        gaps = joined([*gaps, *missed])
    parts = [_found(part) for part in parts]
    none = (np.empty(0), np.empty((0, eq.counts.size)), np.empty((0, eq.counts.size)))
    columns = [np.concatenate(c) for c in zip(*(part[2:] for part in parts), strict=True)] if parts else none
    curve = Curve(
        low=np.array([part[0] for part in parts]),
        high=np.array([part[1] for part in parts]),
        first=np.cumsum([0, *(len(part[2]) for part in parts)]),
        x=columns[0].astype(np.float64),
        eta=columns[1].astype(np.complex128),
        slope=columns[2].astype(np.complex128),
    )
    return gaps, np.array([[interval.low, interval.high] for interval in intervals]).reshape(-1, 2), curve


def _found(part: Part) -> Part:
    """The part without the nodes that have no root: next to an edge that is known to its rounding only."""
    low, high, x, eta, slope = part
    known = ~np.isnan(eta[:, 0].real)
    return low, high, x[known], eta[known], slope[known]


def _missed_gaps(eq: Equation, gaps: list[Gap], parts: list[Part]) -> list[Gap]:
    """Gaps at nodes that have no root inside the lower half plane."""
    found: list[Gap] = []
    for low, high, x, eta, _ in parts:
        for place in x[np.isnan(eta[:, 0].real)]:
            t = float(log_lambda(place, low, high))
            if any(gap.low < t < gap.high for gap in found):
                continue
            near = np.full((1, eq.counts.size), -1j)
            code, _, _ = roots(eq, np.array([complex(t, NEARLY_REAL)]), near, np.ones(1, dtype=np.bool_))
            chosen = pieces_at(eq, near[0]) if code[0] == CONVERGED else None
            if chosen is not None:
                known = [*gaps, *found]
                found += [
                    gap
                    for gap in find_gap(eq, chosen)
                    if gap.low < t < gap.high and not any(gap.low == other.low for other in known)
                ]
    return found
