"""Where the spectrum lives: edges and gaps, from the equation on the real zeta axes.

Outside the support u(lambda) is real and decreasing. By the argument of master_equation the real points of the
physical sheet are exactly those with every zeta_g outside the inverse gates, phase Im g = 0 (all unknowns approached
from inside their strips) and log z rising into the strip; their images are the gaps, and the edges are the critical
points that bound them. The gates of a group leave intervals of the zeta_g axis free, the *pieces*; a gap belongs to
one piece of each group, and both its phase and the mass above it are counts of signs. A piece is followed in the
coordinate y = +-log|zeta| in which u rises.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel
from rmtjac.theory.gate_averages import gate_terms
from rmtjac.theory.master_equation import Equation
from rmtjac.theory.readings import evaluate

__all__ = ["Gap", "Interval", "Pieces", "find_gap", "find_gaps", "find_intervals", "joined", "pieces_at"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
_End = tuple[Complexes, float]  # all unknowns and log lambda
Pieces = tuple[int, ...]  # one piece of each group: its place in the list of `_pieces`

SAMPLES = 2000
MASS_ROUNDING = 1e-9
CLOSE_POLES = 1e-12  # no gap can be told between gate values this close
MOST_BANDS = 12  # a group with more bands of gates offers its outermost pieces only
MOST_COMBINATIONS = 400
TIE_STEPS = 200
NO_DIGITS = 1e-7
END = 1e-12  # of the coordinate: how close to the end of a piece u is looked at
NEAR_POLE = 1e-14  # of log lambda: so close to its limit at a pole a critical point is the pole
FAR = 800.0


@dataclass(frozen=True, kw_only=True)
class Gap:
    """An open interval of log lambda without continuous spectrum, and the unknowns at its ends.

    `above` is the fraction of the non-zero eigenvalues above it; `eta_low` and `eta_high` are arrays (G,) with
    imaginary parts pi (zeta > 0) or 0 (zeta < 0).
    """

    low: float
    high: float
    eta_low: Complexes
    eta_high: Complexes
    above: float


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An interval of continuous spectrum in log lambda (low may be -inf), with the unknowns at its edges.

    `curvature_low`, `curvature_high` are d^2 g/d eta_0^2 at the edges (negative, positive; nan at a hard edge),
    `rate_low`, `rate_high` the derivatives of all unknowns in eta_0, arrays (G,), and `above_low`, `above_high` the
    masses above the edges.
    """

    low: float
    high: float
    eta_low: Complexes
    eta_high: Complexes
    curvature_low: float
    curvature_high: float
    rate_low: Floats
    rate_high: Floats
    above_low: float
    above_high: float


@kernel
def _real_eta(y: float, sign: float) -> complex:
    """The unknown at coordinate y of a piece with zeta > 0 (sign 1) or zeta < 0 (sign -1)."""
    return complex(sign * y, math.pi if sign > 0.0 else 0.0)


@kernel
def _real_terms(eq: Equation, group: int, y: float, sign: float) -> tuple[float, float, float]:
    """rho (m + 1), rho m and the derivative of both in y on the real axis."""
    eta = _real_eta(y, sign)
    terms = gate_terms(eq.gates, group, eta)
    rho = 1.0 + eq.excess[group]
    scale = rho * math.exp(terms.log_scale)
    m = sign * rho * math.exp(min(eta.real, 0.0)) * terms.ratio.real
    return scale * terms.total.real, m, sign * scale * terms.slope.real


@kernel
def _tie(
    eq: Equation, group: int, u: float, level: float, low: float, high: float, sign: float, guess: float
) -> float:
    """y of a group between low and high with rho m = u, rho (m + 1) = level; an end if there is none."""
    y = guess if low < guess < high else 0.5 * (low + high)
    near_zero = abs(u) < 0.5 * (1.0 + eq.excess[group])
    for _ in range(TIE_STEPS):
        opened, m, slope = _real_terms(eq, group, y, sign)
        miss = m - u if near_zero else opened - level
        if miss > 0.0:
            high = y
        else:
            low = y
        trial = y - miss / slope if slope > 0.0 else math.inf
        if not low < trial < high:
            trial = 0.5 * (low + high)
        if abs(trial - y) <= 2e-16 * abs(y) or trial in (low, high):
            return trial
        y = trial
    return y


@kernel
def _follow(
    eq: Equation, points: Floats, low: Floats, high: Floats, signs: Floats
) -> tuple[Complexes, Floats]:
    """All unknowns (points, G) at ascending y of the reference, each in its piece (low, high), and u + rho."""
    eta = np.empty((points.size, low.size), dtype=np.complex128)
    level = np.empty(points.size)
    for i in range(points.size):
        eta[i, 0] = _real_eta(points[i], signs[0])
        level[i], u, _ = _real_terms(eq, 0, points[i], signs[0])
        for g in range(1, low.size):
            guess = signs[g] * eta[i - 1, g].real if i > 0 else math.nan
            wanted = level[i] - eq.excess[0] + eq.excess[g]
            y = _tie(eq, g, u, wanted, low[g], high[g], signs[g], guess)
            eta[i, g] = _real_eta(y, signs[g])
    return eta, level


@dataclass(frozen=True, kw_only=True)
class _Branch:
    """One piece of each group, followed in the coordinate y of the reference's."""

    eq: Equation
    low: Floats
    high: Floats
    signs: Floats

    def unknowns(self, points: Floats) -> Complexes:
        """All unknowns (points, G) at ascending y."""
        return _follow(self.eq, points, self.low, self.high, self.signs)[0]

    def level(self, y: float) -> float:
        """u + rho at y."""
        return float(_follow(self.eq, np.array([y]), self.low[:1], self.high[:1], self.signs[:1])[1][0])

    def slopes(self, points: Floats) -> Floats:
        """dg/dy at ascending y."""
        slopes: Floats = self.signs[0] * evaluate(self.eq, self.unknowns(points))[0]["slope"].real
        return slopes

    def at(self, y: float) -> tuple[Complexes, float]:
        """The unknowns at y, and log lambda there."""
        eta = self.unknowns(np.array([y]))
        return eta[0], float(evaluate(self.eq, eta)[0]["value"].real[0])

    def alone(self, group: int) -> _Branch:
        """The branch of one group, for its levels only."""
        rows, gates = slice(group, group + 1), self.eq.gates
        bounds = slice(group, group + 2)
        gates = gates._replace(first_atom=gates.first_atom[bounds], first_panel=gates.first_panel[bounds])
        excess, error = self.eq.excess[rows], self.eq.excess_error[rows]
        eq = self.eq._replace(gates=gates, excess=excess, excess_error=error, counts=self.eq.counts[rows])
        return _Branch(eq=eq, low=self.low[rows], high=self.high[rows], signs=self.signs[rows])

    def where(self, level: float) -> float:
        """y where u + rho, which rises, takes the level; an end if it does not."""
        low, high = float(self.low[0]), float(self.high[0])
        if self.level(low) >= level:
            return low
        if self.level(high) <= level:
            return high
        return _bisect(lambda y: self.level(y) <= level, low, high)

    def critical(self, start: float, stop: float) -> tuple[Complexes, float]:
        """The unknowns at the critical point of g between start and stop, and log lambda there."""
        rising = self.slopes(np.array([start]))[0] > 0.0
        return self.at(_bisect(lambda y: bool((self.slopes(np.array([y]))[0] > 0.0) == rising), start, stop))


def _bisect(is_left: Callable[[float], bool], left: float, right: float) -> float:
    """The last double between left and right at which `is_left`, true before and false after it, is true."""
    for _ in range(200):
        middle = 0.5 * (left + right)
        if middle in (left, right):
            break
        if is_left(middle):
            left = middle
        else:
            right = middle
    return left


# The pieces of a group


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """A free interval of y, the sign of zeta, whether the ends are poles of m, and P(k zeta > 1) on it."""

    low: float
    high: float
    sign: float
    pole_low: bool
    pole_high: bool
    above: float


def _pieces(eq: Equation, group: int) -> list[_Piece]:
    """All pieces of a group: zeta < 0, then from the largest gate on."""
    bands = _bands(eq, group)
    pieces = [_Piece(low=-math.inf, high=math.inf, sign=-1.0, pole_low=False, pole_high=False, above=0.0)]
    low, pole_low, above = -math.inf, False, 0.0
    for bottom, top, mass, pole in bands:
        pieces.append(_Piece(low=low, high=-top, sign=1.0, pole_low=pole_low, pole_high=pole, above=above))
        low, pole_low, above = -bottom, pole, above + mass
    if math.isfinite(low):
        pieces.append(
            _Piece(low=low, high=math.inf, sign=1.0, pole_low=pole_low, pole_high=False, above=above)
        )
    return pieces


def _bands(eq: Equation, group: int) -> list[tuple[float, float, float, bool]]:
    """Bands of log k without a gap inside, descending: bottom, top, mass, whether it is an atom."""
    gates = eq.gates
    atoms = slice(gates.first_atom[group], gates.first_atom[group + 1])
    panels = slice(gates.first_panel[group], gates.first_panel[group + 1])
    rows = [(x, x, mass, True) for x, mass in zip(gates.log_gates[atoms], gates.masses[atoms], strict=True)]
    if panels.stop > panels.start:
        mass = 1.0 - float(gates.masses[atoms].sum())
        rows.append((float(gates.panels["floor"][panels][-1]), 0.0, mass, False))
    merged: list[tuple[float, float, float, bool]] = []
    for row in sorted(rows, key=lambda row: -row[1]):
        if merged and row[1] >= merged[-1][0] - CLOSE_POLES * max(1.0, abs(row[1])):
            last = merged.pop()
            row = (min(last[0], row[0]), last[1], last[2] + row[2], last[3] and row[3])
        merged.append(row)
    return merged


@dataclass(frozen=True, kw_only=True)
class _Region:
    """An interval of u + rho of the reference, what its signs demand and what they stand for.

    Just below the real axis Im g = 0 if the layers with zeta > 0 (of groups with unknowns) number `positive`; the
    mass above a gap is `mass` and a share of each group.
    """

    low: float
    high: float
    positive: float
    mass: float


def _regions(eq: Equation) -> list[_Region]:
    """The intervals of u between 0 and the -rho, descending."""
    own, layers = float(eq.excess[0]), float(eq.counts.sum())
    power = 1.0 - layers - float(eq.plain_counts.sum()) if eq.haar else 1.0
    passed = [(own - eq.input_excess, power, power * (1.0 + eq.input_excess))]
    for excess, count in zip(eq.plain_excess, eq.plain_counts, strict=True):
        passed.append((own - float(excess), float(count), float(count * (1.0 + excess))))
    regions = [_Region(low=1.0 + own, high=math.inf, positive=layers, mass=0.0)]
    high, positive, mass = 1.0 + own, 1.0, 0.0
    for level, count, share in [*sorted(passed, reverse=True), (-math.inf, 0.0, 0.0)]:
        if level < high and 0.0 <= positive <= layers:
            regions.append(_Region(low=level, high=high, positive=positive, mass=mass))
        high, positive, mass = level, positive - count, mass + share
    return regions


def _combinations(
    eq: Equation, all_pieces: list[list[_Piece]], region: _Region
) -> Iterator[tuple[Pieces, float]]:
    """Choices of one piece a group that can have a gap in the region, and the mass above it."""
    weights = eq.counts * (1.0 + eq.excess)
    shares = [w * max(p.above for p in pieces) for w, pieces in zip(weights, all_pieces, strict=True)]
    most, left = ([*np.cumsum(x[::-1])[::-1].tolist(), 0.0] for x in (shares, eq.counts.tolist()))

    def extend(chosen: Pieces, mass: float, positive: float) -> Iterator[tuple[Pieces, float]]:
        g = len(chosen)
        # no gap has less than nothing or more than everything above it
        if mass > 1.0 + MASS_ROUNDING or mass + most[g] < -MASS_ROUNDING:
            return
        if not positive <= region.positive <= positive + left[g]:
            return
        if g == len(all_pieces):
            yield chosen, mass
            return
        pieces = all_pieces[g]
        offered = range(len(pieces)) if len(pieces) <= MOST_BANDS + 2 else (0, 1, len(pieces) - 1)
        for j in offered:
            more = float(eq.counts[g]) if pieces[j].sign > 0.0 else 0.0
            yield from extend((*chosen, j), mass + float(weights[g]) * pieces[j].above, positive + more)

    return extend((), region.mass, 0.0)


# Gaps


def find_gaps(eq: Equation) -> list[Gap]:
    """Gaps of the continuous spectrum, ascending in log lambda; the last one reaches +inf.

    Two gaps that touch enclose an atom. Log lambda is that of the scaled equation (log_scale not added). Gates of
    very many values may have more gaps: `find_gap` at a point.
    """
    pieces = [_pieces(eq, g) for g in range(eq.counts.size)]
    gaps: list[Gap] = []
    for region in _regions(eq):
        for tried, (chosen, mass) in enumerate(_combinations(eq, pieces, region)):
            if tried >= MOST_COMBINATIONS:
                break
            gap = _gap(eq, [pieces[g][j] for g, j in enumerate(chosen)], region, mass)
            if gap is not None:
                gaps.append(gap)
    return joined(gaps)


def joined(gaps: Sequence[Gap]) -> list[Gap]:
    """Gaps ascending, parts of one gap put together: those with the same mass above, on different pieces or regions."""
    whole: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: gap.low):
        if whole and abs(whole[-1].above - gap.above) <= MASS_ROUNDING:
            below = whole.pop()
            upper = max(below, gap, key=lambda part: part.high)
            gap = replace(below, high=upper.high, eta_high=upper.eta_high)
        whole.append(gap)
    return whole


def find_gap(eq: Equation, chosen: Pieces) -> list[Gap]:
    """The gaps that belong to one piece of each group."""
    pieces = [_pieces(eq, g)[j] for g, j in enumerate(chosen)]
    mass = sum(float(eq.counts[g] * (1.0 + eq.excess[g])) * piece.above for g, piece in enumerate(pieces))
    positive = sum(float(eq.counts[g]) for g, piece in enumerate(pieces) if piece.sign > 0.0)
    regions = [region for region in _regions(eq) if region.positive == positive]
    found = [_gap(eq, pieces, region, region.mass + mass) for region in regions]
    return [gap for gap in found if gap is not None]


def pieces_at(eq: Equation, eta: Complexes) -> Pieces | None:
    """The pieces nearest to nearly real unknowns; None if one of them is at no piece."""
    chosen = []
    for g in range(eta.size):
        sign = 1.0 if eta[g].imag > 0.5 * math.pi else -1.0
        y = sign * eta[g].real
        inside = [j for j, p in enumerate(_pieces(eq, g)) if p.sign == sign and p.low <= y <= p.high]
        if not inside:
            return None
        chosen.append(inside[0])
    return tuple(chosen)


def _gap(eq: Equation, pieces: list[_Piece], region: _Region, mass: float) -> Gap | None:
    """The gap on the given pieces in the given region, if there is one."""
    if not -MASS_ROUNDING <= mass <= 1.0 + MASS_ROUNDING:
        return None
    low, high = _ends(eq, pieces)
    if not (low < high).all():
        return None
    branch = _Branch(eq=eq, low=low, high=high, signs=np.array([piece.sign for piece in pieces]))
    left, right = _range(branch, pieces, region)
    points = _samples(left, right, SAMPLES if len(pieces) == 1 else SAMPLES // 8)
    if not points.size:
        return None
    falling = branch.slopes(points) < 0.0
    if not falling.any():
        return None
    first, last = _longest_stretch(falling)
    stops = [_open_end(branch, pieces, region, left, False), _open_end(branch, pieces, region, right, True)]
    eta_high, top = _critical(branch, points[first - 1 : first + 1], stops) if first > 0 else stops[0]
    eta_low, bottom = (
        _critical(branch, points[last : last + 2], stops) if last + 1 < points.size else stops[1]
    )
    return Gap(low=bottom, high=top, eta_low=eta_low, eta_high=eta_high, above=mass) if bottom < top else None


def _longest_stretch(flags: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """First and last of the longest run of True.

    There is one run at most, since two would enclose spectrum of mass zero; others are rounding next to a pole.
    """
    steps = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    starts, ends = steps[::2], steps[1::2]
    longest = int(np.argmax(ends - starts))
    return int(starts[longest]), int(ends[longest]) - 1


def _range(branch: _Branch, pieces: list[_Piece], region: _Region) -> tuple[float, float]:
    """The y of the reference where u is in the region and in reach of every group's piece."""
    eq = branch.eq
    zero = 1.0 + float(eq.excess[0])  # u + rho at u = 0
    lowest, highest = region.low, region.high
    for g, piece in enumerate(pieces[1:], start=1):
        # on zeta < 0 and at zeta = inf the end is u = -rho of the group, at zeta = 0 it is u = 0
        full = zero - 1.0 - float(eq.excess[g])
        one = branch.alone(g)
        shift = float(eq.excess[0] - eq.excess[g])
        if math.isfinite(piece.low):
            lowest = max(lowest, one.level(float(one.low[0])) + shift)
        else:
            lowest = max(lowest, zero if piece.sign > 0.0 else full)
        if math.isfinite(piece.high):
            highest = min(highest, one.level(float(one.high[0])) + shift)
        else:
            highest = min(highest, full if piece.sign > 0.0 else zero)
    if any(math.isfinite(piece.low) and math.isfinite(piece.high) for piece in pieces):
        # between two gates u passes 0 and -rho, where other zeta are 0 and infinite: there its digits are lost
        lowest, highest = lowest + NO_DIGITS, highest - NO_DIGITS
    if not lowest < highest:
        return 0.0, 0.0
    left = branch.where(lowest) if lowest > -math.inf else float(branch.low[0])
    right = branch.where(highest) if highest < math.inf else float(branch.high[0])
    return left, right


def _ends(eq: Equation, pieces: list[_Piece]) -> tuple[Floats, Floats]:
    """Points close to the ends of the pieces where the averages are finite, far out in place of infinite ends."""
    # beyond the last pole u + rho rises to 0 like -1/zeta
    regions = [
        abs(x) for region in _regions(eq) for x in (region.low, region.high) if x != 0.0 and math.isfinite(x)
    ]
    beyond = 45.0 - math.log(min([1.0, *regions]))
    low, high = np.empty(len(pieces)), np.empty(len(pieces))
    for g, piece in enumerate(pieces):
        low[g] = (
            piece.low
            if math.isfinite(piece.low)
            else (piece.high - FAR if math.isfinite(piece.high) else -FAR)
        )
        high[g] = (
            piece.high
            if math.isfinite(piece.high)
            else (piece.low + beyond if math.isfinite(piece.low) else FAR)
        )
    return low + END * np.maximum(1.0, np.abs(low)), high - END * np.maximum(1.0, np.abs(high))


def _samples(low: float, high: float, count: int) -> Floats:
    """Points of (low, high), dense towards both ends; ends far away are taken 60 away."""
    low, high = max(low, high - 60.0) if high - low > 400.0 else low, high
    near = (high - low) / (1.0 + np.exp(np.linspace(0.0, 30.0, count // 2)))
    points: Floats = np.unique(np.concatenate([low + near, high - near]))
    return points[(points > low) & (points < high)]


def _critical(branch: _Branch, between: Floats, stops: list[_End]) -> _End:
    """The critical point between two samples, or the end of the pieces if it cannot be told from it.

    Where a pole of u is a critical point (an atom of mass 0), rounding would put it anywhere near.
    """
    eta, place = branch.critical(float(between[0]), float(between[1]))
    near = [
        stop
        for stop in stops
        if math.isfinite(stop[1]) and abs(place - stop[1]) <= NEAR_POLE * max(1.0, abs(stop[1]))
    ]
    return near[0] if near else (eta, place)


def _open_end(branch: _Branch, pieces: list[_Piece], region: _Region, end: float, upper: bool) -> _End:
    """The unknowns at the end of the pieces, and log lambda there; at a pole of u its limit."""
    eq, own = branch.eq, pieces[0].high if upper else pieces[0].low
    if math.isinf(region.high if upper else region.low) and all(
        piece.pole_high if upper else piece.pole_low for piece in pieces
    ):
        ends = np.array([piece.high if upper else piece.low for piece in pieces])
        limit = float(eq.hard_drift - eq.counts @ ends) if eq.haar and eq.drift == 0.0 else math.inf
        return ends + 1j * math.pi, limit
    if math.isinf(own) and end == (branch.high[0] if upper else branch.low[0]):
        # u = 0 and lambda = inf, or u = -rho and lambda = 0
        return np.full(len(pieces), complex(own, math.pi)), -own * pieces[0].sign
    return branch.at(end)


def _edge(eq: Equation, eta: Complexes) -> tuple[float, Floats]:
    """d^2 g/d eta_0^2 at a critical point, by a central difference, and the rates of all unknowns."""
    poles = eq.gates.log_gates[: eq.gates.first_atom[1]]
    step = 1e-5 * min([1.0, *(abs(eta[0].real + x) for x in poles if eta[0].real + x != 0.0)])
    # the other unknowns follow from where they are at the edge: no piece is needed
    moved = np.array([-step, step])[:, None] * _pole_rates(eq, eta)
    at, rate = evaluate(eq, eta + moved, ties=4)
    slope = at["slope"].real
    return float(slope[1] - slope[0]) / (2.0 * step), rate.real.mean(axis=0)


def _pole_rates(eq: Equation, eta: Complexes) -> Floats:
    """d eta/d eta_0 where all unknowns are at poles of u; elsewhere that of the first alone."""
    masses = np.zeros(eta.size)
    for g in range(eta.size):
        atoms = slice(eq.gates.first_atom[g], eq.gates.first_atom[g + 1])
        at_pole = eq.gates.log_gates[atoms] == -eta[g].real
        masses[g] = (1.0 + eq.excess[g]) * eq.gates.masses[atoms][at_pole].sum()
    rates: Floats = masses / masses[0] if masses.all() else np.eye(eta.size)[0]
    return rates


def find_intervals(eq: Equation, gaps: list[Gap]) -> list[Interval]:
    """Intervals of the continuous spectrum between the gaps, ascending."""
    intervals = []
    below: Gap | None = None
    for gap in gaps:
        touching = below is not None and abs(gap.low - below.high) <= 1e-12 * max(1.0, abs(gap.low))
        reaches_zero = below is None and math.isinf(gap.low)
        if not touching and not reaches_zero:
            eta_low = np.empty(0, dtype=np.complex128) if below is None else below.eta_high
            low = -math.inf if below is None else below.high
            bend_low, rate_low = (math.nan, np.empty(0)) if below is None else _edge(eq, eta_low)
            bend_high, rate_high = _edge(eq, gap.eta_low)
            intervals.append(
                Interval(
                    low=low,
                    high=gap.low,
                    eta_low=eta_low,
                    eta_high=gap.eta_low,
                    curvature_low=bend_low,
                    curvature_high=bend_high,
                    rate_low=rate_low,
                    rate_high=rate_high,
                    above_low=1.0 if below is None else below.above,
                    above_high=gap.above,
                )
            )
        below = gap
    return intervals
