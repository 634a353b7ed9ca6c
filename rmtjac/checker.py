"""Re-checks a certificate of contraction in ball arithmetic: `python checker.py FILE`, or `rmtjac check FILE`.

It needs the standard library and python-flint (Arb), and nothing of the package that wrote the file: every function is
defined here anew. Nothing that the file says of its regions is believed. For each region it is proven again that

    the parts cover it, each part is mapped into it, and on each part the norm of the derivative is at most K < 1,

so that the map has exactly one fixed point in it (Banach). A map is a list of steps, each a flat list of numbers made
from earlier ones. Each step is enclosed over a part by its operands, and by its value at a point c of the part and its
derivative, f(c) + J (x - c). Numbers are exact: values are pairs of exact ends, J lies within `radius` of `slope`, and
the balls of Arb hold the rounding, at PRECISION bits, of each.

Exit codes: 0 everything is proven, 2 the file cannot be read as a certificate, 3 a claim is not proven.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

try:
    from flint import arb, arb_mat, arb_poly, ctx, fmpq, fmpq_poly
except ImportError:  # said by `main`
    arb = None

__all__ = ["Refused", "Unproven", "check", "main", "read"]

FORMAT, VERSION = "rmtjac certificate", 1
PRECISION = 128
# what a file may ask for
MOST_BYTES = 2**29
MOST_STEPS = 10_000
MOST_NUMBERS = 10**6  # of one step
MOST_SLOPES = 4 * 10**6  # of its derivative
MOST_PARTS = 10**6  # of one region
LARGEST_POWER = 1000
MOST_POINTS = 8  # of hermite(POINTS)

PROVEN, BAD_FILE, NOT_PROVEN, INTERRUPTED = 0, 2, 3, 130


class Refused(ValueError):
    """The file is no certificate that this program can read."""


class Unproven(ValueError):
    """A claim of the certificate is not proven."""


# --- reading ---------------------------------------------------------------------------------------------------------


def read(path: str) -> dict[str, Any]:
    """The content of a certificate file, whose digest is right; Refused if it is none."""
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise Refused("not a file")
        with open(path, "rb") as stream:
            data = stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise Refused(f"larger than {MOST_BYTES} bytes")
        content = json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_number)
    except OSError as error:
        raise Refused(f"cannot be read ({error.strerror})") from None
    except RecursionError:
        raise Refused("nested too deeply") from None
    except UnicodeDecodeError:
        raise Refused("not a text in UTF-8") from None
    except json.JSONDecodeError as error:
        raise Refused(f"not JSON, or truncated ({error})") from None
    except Refused:
        raise
    except ValueError as error:
        raise Refused(f"not JSON ({str(error)[:100]})") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise Refused(f"not a file of the format {FORMAT!r}")
    if content.get("version") != VERSION:
        raise Refused(f"version {str(content.get('version'))[:20]}: this program knows {VERSION}")
    digest = content.pop("digest", None)
    try:
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except RecursionError:
        raise Refused("nested too deeply") from None
    except ValueError:
        raise Refused("a number is not finite") from None
    if digest != hashlib.sha256(text.encode()).hexdigest():
        raise Refused("the digest does not match: the file was edited or damaged")
    return content


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Refused("a key is there twice")
    return found


def _no_number(text: str) -> None:
    raise Refused(f"{text} is no number")


def _entry(content: Any, key: str, kind: type) -> Any:
    value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Refused(f"{key!r} is missing or no {kind.__name__}")
    return value


def _integer(value: Any, low: int, high: int, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Refused(f"{what} is {str(value)[:20]}: allowed are integers {low} to {high}")
    return value


def _number(value: Any, what: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max:
        number = float(value)
        if number == value:
            return number
    raise Refused(f"{what} is {str(value)[:20]}: allowed are finite doubles")


def _numbers(value: Any, size: int | None, what: str) -> list[float]:
    if not isinstance(value, list) or (size is not None and len(value) != size) or not value:
        raise Refused(f"{what} is no list of {'numbers' if size is None else f'{size} numbers'}")
    return [_number(entry, what) for entry in value]


# --- functions of one variable ---------------------------------------------------------------------------------------

Number = Any  # arb: an exact number, or a ball
Range = tuple[Number, Number]


class Function(NamedTuple):
    """A function, its slope, where each turns (balls that hold all such places), their limits at -inf and inf, and
    numbers that no value passes."""

    value: Callable[[Number], Number]
    slope: Callable[[Number], Number]
    turns: Sequence[Number] = ()
    slope_turns: Sequence[Number] = ()
    limits: Sequence[float] = ()
    slope_limits: Sequence[float] = ()
    bounds: tuple[float, float] = (-math.inf, math.inf)

    def values(self, low: Number, high: Number) -> Range:
        """Ends of the values on [low, high]."""
        below, above = _extremes(self.value, self.turns, self.limits, low, high)
        return max(below, arb(self.bounds[0])), min(above, arb(self.bounds[1]))

    def slopes(self, low: Number, high: Number) -> Range:
        """Ends of the slopes on [low, high]."""
        return _extremes(self.slope, self.slope_turns, self.slope_limits, low, high)


class PiecewiseLinear(NamedTuple):
    """A continuous function by its kinks and the slopes beside them."""

    value: Callable[[Number], Number]
    kinks: Sequence[float]
    pieces: Sequence[float]
    limits: Sequence[float]

    def values(self, low: Number, high: Number) -> Range:
        """Ends of the values on [low, high]."""
        return _extremes(self.value, [arb(kink) for kink in self.kinks], self.limits, low, high)

    def slopes(self, low: Number, high: Number) -> Range:
        """Ends of the slopes on [low, high], on both sides of a kink that is met."""
        ends = [-math.inf, *self.kinks, math.inf]
        met = [s for k, s in enumerate(self.pieces) if low <= arb(ends[k + 1]) and high >= arb(ends[k])]
        return arb(min(met)), arb(max(met))


class OffZero(NamedTuple):
    """A function that rises or falls, with its slope, on each side of 0, or for positive numbers alone.

    Where it may be met outside of its domain there is no map to speak of: Unproven.
    """

    value: Callable[[Number], Number]
    slope: Callable[[Number], Number]
    positive_only: bool

    def values(self, low: Number, high: Number) -> Range:
        """Ends of the values on [low, high]."""
        return self._ends(self.value, low, high)

    def slopes(self, low: Number, high: Number) -> Range:
        """Ends of the slopes on [low, high]."""
        return self._ends(self.slope, low, high)

    def _ends(self, function: Callable[[Number], Number], low: Number, high: Number) -> Range:
        if low > 0 or (high < 0 and not self.positive_only):
            return _extremes(function, (), (), low, high)
        raise Unproven(
            "the map is not proven to be defined: a logarithm, root or quotient of numbers about 0"
        )


def _extremes(
    function: Callable[[Number], Number],
    turns: Sequence[Number],
    limits: Sequence[float],
    low: Number,
    high: Number,
) -> Range:
    """Ends of a function that is monotone between its turns."""
    found = []
    for end, side in ((low, 0), (high, 1)):
        if end.is_finite():
            found.append(function(end))
        elif limits:
            found.append(arb(limits[side]))
        else:
            return arb("-inf"), arb("inf")
    found += [function(turn) for turn in turns if not (turn < low or turn > high)]
    if any(value.is_nan() for value in found):
        return arb("-inf"), arb("inf")
    return min(value.lower() for value in found), max(value.upper() for value in found)


def _root(function: Callable[[Number], Number], start: float, end: float) -> Number:
    """A ball that holds the place where a function that is monotone from start to end is 0."""
    a, b = arb(start), arb(end)
    sign = 1 if function(a) > 0 else -1
    for _ in range(PRECISION):
        middle = ((a + b) / 2).mid()
        value = sign * function(middle)
        if value > 0:
            a = middle
        elif value < 0:
            b = middle
        else:
            break
    return a.union(b)


def _sigmoid(h: Number) -> Number:
    return 1 / (1 + (-h).exp())


def _silu_slope(h: Number) -> Number:
    return _sigmoid(h) * (1 + h * _sigmoid(-h))


def _softplus(h: Number) -> Number:
    return max(h, arb(0)) + (-abs(h)).exp().log1p()


def _normal(h: Number) -> Number:
    return (-h / arb(2).sqrt()).erfc() / 2


def _gelu_slope(h: Number) -> Number:
    return _normal(h) + h * (-h * h / 2).exp() / (2 * arb.pi()).sqrt()


def _cubic(u: Number) -> Number:
    return u * u * (3 - 2 * u)


def _exp_cubic(u: Number) -> Number:
    return _cubic((u - 1) / (arb(1).exp() - 1)).exp()


def _exp_cubic_slope(u: Number) -> Number:
    scale = arb(1).exp() - 1
    t = (u - 1) / scale
    return _cubic(t).exp() * 6 * t * (1 - t) / scale


def _smooth_functions() -> dict[str, Function]:
    """The smooth functions of steps, by name."""
    zero, root, inf = arb(0), arb(2).sqrt(), math.inf
    scale = arb(1).exp() - 1
    # zeros of the second derivative: for t <= 1/2 it is positive, then falls to 1, and is convex from there on
    bends = [_root(lambda t: 6 * (t * (1 - t)) ** 2 + 1 - 2 * t, *ends) for ends in ((0.5, 1.0), (1.0, 2.0))]
    silu_bend = _root(lambda h: h * (h / 2).tanh() - 2, 2.0, 3.0)
    sign: dict[str, Any] = {"turns": (), "slope_turns": [zero], "slope_limits": (0.0, 0.0)}
    unit: dict[str, Any] = {"limits": (-1.0, 1.0), "bounds": (-1.0, 1.0)}
    rising: dict[str, Any] = {"limits": (0.0, inf), "slope_limits": (0.0, 1.0)}
    return {
        "exp": Function(arb.exp, arb.exp, (), (), (0.0, inf), (0.0, inf), (0.0, inf)),
        "tanh": Function(arb.tanh, lambda x: x.sech() ** 2, **sign, **unit),
        "plain_erf": Function(arb.erf, lambda x: 2 * (-x * x).exp() / arb.pi().sqrt(), **sign, **unit),
        "erf": Function(
            lambda h: (arb.pi().sqrt() * h / 2).erf(), lambda h: (-arb.pi() * h * h / 4).exp(), **sign, **unit
        ),
        "sigmoid": Function(
            _sigmoid, lambda h: _sigmoid(h) * _sigmoid(-h), **sign, limits=(0.0, 1.0), bounds=(0.0, 1.0)
        ),
        "softplus": Function(_softplus, _sigmoid, **rising, bounds=(0.0, inf)),
        "gelu": Function(
            lambda h: h * _normal(h), _gelu_slope, [_root(_gelu_slope, -1.0, -0.5)], [-root, root], **rising
        ),
        "silu": Function(
            lambda h: h * _sigmoid(h),
            _silu_slope,
            [_root(_silu_slope, -2.0, -1.0)],
            [-silu_bend, silu_bend],
            **rising,
        ),
        "cubic": Function(_cubic, lambda u: 6 * u * (1 - u), [zero, zero + 1], [arb(0.5)]),
        "exp_cubic": Function(
            _exp_cubic, _exp_cubic_slope, [zero + 1, scale + 1], [1 + scale * t for t in bends]
        ),
        "quintic": Function(
            lambda u: u**3 * (5 - 3 * u * u) / 2,
            lambda u: 15 * u * u * (1 - u * u) / 2,
            [arb(-1), zero, arb(1)],
            [-1 / root, zero, 1 / root],
        ),
    }


def _hermite(count: int) -> Function:
    """The polynomial with P(s) = s and P'(s) = 0 at so many points s of unit distance about 0, by Lagrange's basis."""
    points = [fmpq(j, 2) for j in range(1 - count, count, 2)]
    x, polynomial = fmpq_poly([0, 1]), fmpq_poly([0])
    for s in points:
        basis = fmpq_poly([1])
        for other in points:
            if other != s:
                basis *= (x - other) / (s - other)
        polynomial += s * (1 - 2 * (x - s) * basis.derivative()(s)) * basis * basis
    slope = polynomial.derivative()
    value_of, slope_of = arb_poly(polynomial), arb_poly(slope)
    return Function(value_of, slope_of, _real_roots(slope), _real_roots(slope.derivative()))


def _real_roots(polynomial: Any) -> list[Number]:
    """Balls that hold all real roots."""
    return [root.real for root, _ in polynomial.numer().complex_roots() if root.imag.contains(0)]


def _other_functions() -> dict[str, Any]:
    """The functions that are not smooth, or not defined everywhere, by name."""
    inf = math.inf
    return {
        "linear": PiecewiseLinear(lambda h: h, (), (1.0,), (-inf, inf)),
        "relu": PiecewiseLinear(lambda h: max(h, arb(0)), (0.0,), (0.0, 1.0), (0.0, inf)),
        "absolute": PiecewiseLinear(abs, (0.0,), (-1.0, 1.0), (inf, inf)),
        "hard_tanh": PiecewiseLinear(
            lambda h: max(min(h, arb(1)), arb(-1)), (-1.0, 1.0), (0.0, 1.0, 0.0), (-1.0, 1.0)
        ),
        "log": OffZero(arb.log, lambda x: 1 / x, positive_only=True),
        "sqrt": OffZero(arb.sqrt, lambda x: 1 / (2 * x.sqrt()), positive_only=True),
        "reciprocal": OffZero(lambda x: 1 / x, lambda x: -1 / (x * x), positive_only=False),
    }


def _function(name: str, known: dict[str, Any]) -> Any:
    """The function that a step names."""
    hermite = re.fullmatch(r"hermite\(([0-9])\)", name)
    if hermite and 2 <= int(hermite[1]) <= MOST_POINTS and name not in known:
        known[name] = _hermite(int(hermite[1]))
    if name not in known:
        leaky = re.fullmatch(r"leaky_relu\((.{1,30})\)", name)
        try:
            slope = float(leaky[1]) if leaky else math.nan
        except ValueError:
            slope = math.nan
        if not math.isfinite(slope):
            raise Refused(f"function {name[:30]!r} is not known")
        ends = (math.copysign(math.inf, -slope) if slope else 0.0, math.inf)
        return PiecewiseLinear(lambda h: h if h > 0 else slope * h, (0.0,), (slope, 1.0), ends)
    return known[name]


# --- maps ------------------------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """A box by its ends, a point c of it, how far it goes from there, and a ball about c that it is cut to: its radius
    and the order of its norm."""

    low: list[Number]
    high: list[Number]
    centre: list[Number]
    half: Any  # arb_mat (n, 1)
    ball: tuple[Number, int] | None


class Values(NamedTuple):
    """A step over a part: exact ends, balls at the centre, and slope and radius of the derivative, (m, n) each.

    None for a radius of 0, and for the slope of a constant.
    """

    low: list[Number]
    high: list[Number]
    centre: list[Number]
    slope: Any = None
    radius: Any = None


class Step(NamedTuple):
    """A step that was read: how it is evaluated, and how many numbers it makes."""

    rule: Callable[[Sequence[Values], Part], Values]
    size: int
    is_exact: bool  # nothing is gained by the derivative


class Map(NamedTuple):
    """A map of n numbers, and what is taken on trust of it."""

    steps: list[Step]
    size: int
    name: str
    assumed: list[str]

    def on(self, part: Part) -> Values:
        """The value of the map over a part."""
        found: list[Values] = []
        for step in self.steps:
            values = step.rule(found, part)
            found.append(values if step.is_exact else _tightened(values, part))
        last = found[-1]
        return last if last.slope is not None else last._replace(slope=arb_mat(self.size, self.size))


def _tightened(values: Values, part: Part) -> Values:
    """The values, no wider than the derivative lets them be."""
    if values.slope is None:
        return values
    sizes = _sizes(values.slope, values.radius)
    reach = [entry.upper() for entry in (sizes * part.half).entries()]
    if part.ball is not None:
        reach = [
            min(old, (part.ball[0] * _dual(row, part.ball[1])).upper())
            for old, row in zip(reach, sizes.tolist(), strict=True)
        ]
    low, high = [], []
    for below, above, middle, far in zip(values.low, values.high, values.centre, reach, strict=True):
        known = far.is_finite()
        low.append(max(below, (middle - far).lower()) if known else below)
        high.append(min(above, (middle + far).upper()) if known else above)
    return values._replace(low=low, high=high)


def _sizes(slope: Any, radius: Any) -> Any:
    """|slope| + radius."""
    sizes = arb_mat(slope.nrows(), slope.ncols(), [abs(entry) for entry in slope.entries()])
    return sizes if radius is None else sizes + radius


def _dual(row: Sequence[Number], order: int) -> Number:
    """The dual norm of a row of numbers >= 0."""
    return max(entry.upper() for entry in row) if order == 1 else sum(x * x for x in row).sqrt()


def _scaled(values: Values, slopes: Sequence[Range]) -> tuple[Any, Any]:
    """Slope and radius of a derivative whose rows are multiplied with numbers from ranges."""
    if values.slope is None:
        return None, None
    rows, columns = values.slope.nrows(), values.slope.ncols()
    middles = [((low + high) / 2).mid() for low, high in slopes]
    spreads = [
        max((high - middle).upper(), (middle - low).upper())
        for (low, high), middle in zip(slopes, middles, strict=True)
    ]
    old, entries, radii = values.slope.entries(), [], []
    errors = None if values.radius is None else values.radius.entries()
    for i in range(rows):
        middle, spread, size = middles[i], spreads[i], abs(middles[i])
        row = old[i * columns : (i + 1) * columns]
        entries += [middle * entry for entry in row]
        if errors is None:
            radii += [spread * abs(entry) for entry in row]
        else:
            row_errors = errors[i * columns : (i + 1) * columns]
            radii += [
                size * error + spread * (abs(entry) + error)
                for entry, error in zip(row, row_errors, strict=True)
            ]
    return arb_mat(rows, columns, entries), arb_mat(rows, columns, radii)


def _plus(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return b if a is None else a
    return a + b


def _product_range(a: Range, b: Range) -> Range:
    if (a[0] == 0 and a[1] == 0) or (b[0] == 0 and b[1] == 0):
        return arb(0), arb(0)
    ends = [x * y for x in a for y in b]
    if any(end.is_nan() for end in ends):
        return arb("-inf"), arb("inf")
    return min(end.lower() for end in ends), max(end.upper() for end in ends)


def _power_range(low: Number, high: Number, exponent: int) -> Range:
    ends = [low**exponent, high**exponent]
    if exponent % 2 == 0 and low <= 0 <= high:
        ends.append(arb(0))
    return min(end.lower() for end in ends), max(end.upper() for end in ends)


def _read_map(content: dict[str, Any]) -> Map:
    """The map of a certificate."""
    size = _integer(_entry(content, "size", int), 1, MOST_NUMBERS, "the size of the map")
    given = _entry(content, "steps", list)
    if not 1 <= len(given) <= MOST_STEPS:
        raise Refused(f"{len(given)} steps: allowed are 1 to {MOST_STEPS}")
    reader = _Reader(size, _smooth_functions() | _other_functions())
    for number, step in enumerate(given):
        if not isinstance(step, list) or not step or not isinstance(step[0], str):
            raise Refused(f"step {number} is no list with a name")
        reader.add(number, step)
    if reader.steps[-1].size != size:
        raise Refused(f"the map makes {reader.steps[-1].size} numbers of {size}")
    return Map(reader.steps, size, str(_entry(content, "name", str))[:200], reader.assumed)


class _Reader:
    """Steps one after the other, each checked to be what it says."""

    def __init__(self, size: int, functions: dict[str, Any]) -> None:
        self.steps: list[Step] = []
        self.assumed: list[str] = []
        self._size, self._functions = size, functions

    def add(self, number: int, step: list[Any]) -> None:
        """Read one step."""
        name, parameters = step[0], step[1:]
        rules: dict[str, tuple[int, Callable[..., Step]]] = {
            "input": (1, self._input),
            "constant": (2, self._constant),
            "take": (2, self._take),
            "join": (1, self._join),
            "add": (2, self._add),
            "multiply": (2, self._multiply),
            "power": (2, self._power),
            "apply": (2, self._apply),
            "declared": (4, self._declared),
            "sum": (2, self._sum),
            "dot": (2, self._dot),
        }
        if name not in rules or len(parameters) != rules[name][0]:
            raise Refused(f"step {number}, {name[:20]!r} with {len(parameters)} parameters, is not known")
        if (name == "input") != (number == 0):
            raise Refused(f"step {number}: the input is the first step, and no other")
        read = rules[name][1](*parameters)
        if read.size > MOST_NUMBERS or read.size * self._size > MOST_SLOPES:
            raise Refused(f"step {number} makes {read.size} numbers of {self._size}: too many to be checked")
        self.steps.append(read)

    def _earlier(self, number: Any) -> int:
        return _integer(number, 0, len(self.steps) - 1, "a step that is taken")

    def _pair(self, a: Any, b: Any) -> tuple[int, int]:
        a, b = self._earlier(a), self._earlier(b)
        if self.steps[a].size != self.steps[b].size:
            raise Refused(f"{self.steps[a].size} and {self.steps[b].size} numbers are combined")
        return a, b

    def _input(self, size: Any) -> Step:
        if size != self._size:
            raise Refused("the input has another size than the map")
        unit = arb_mat(
            self._size, self._size, [int(i == j) for i in range(self._size) for j in range(self._size)]
        )
        return Step(lambda found, part: Values(part.low, part.high, part.centre, unit), self._size, True)

    def _constant(self, low: Any, high: Any) -> Step:
        lows = [arb(x) for x in _numbers(low, None, "a constant")]
        highs = [arb(x) for x in _numbers(high, len(lows), "a constant")]
        if any(a > b for a, b in zip(lows, highs, strict=True)):
            raise Refused("a constant has its ends reversed")
        middle = [a.union(b) for a, b in zip(lows, highs, strict=True)]
        return Step(lambda found, part: Values(lows, highs, middle), len(lows), True)

    def _take(self, a: Any, entries: Any) -> Step:
        a, size = self._earlier(a), self.steps[self._earlier(a)].size
        if not isinstance(entries, list) or not entries:
            raise Refused("entries to take are no list")
        places = [_integer(entry, 0, size - 1, "an entry to take") for entry in entries]

        def rule(found: Sequence[Values], part: Part) -> Values:
            values = found[a]
            ends = ([end[i] for i in places] for end in values[:3])
            return Values(*ends, *(_rows(matrix, places) for matrix in values[3:]))

        return Step(rule, len(places), True)

    def _join(self, numbers: Any) -> Step:
        if not isinstance(numbers, list) or not numbers:
            raise Refused("steps to join are no list")
        taken = [self._earlier(number) for number in numbers]
        sizes = [self.steps[a].size for a in taken]
        n = self._size

        def rule(found: Sequence[Values], part: Part) -> Values:
            values = [found[a] for a in taken]
            ends = ([x for v in values for x in v[side]] for side in range(3))
            if all(v.slope is None for v in values):
                return Values(*ends)
            derivative = (
                _stacked([v[k] for v in values], sizes, n) if any(v[k] is not None for v in values) else None
                for k in (3, 4)
            )
            return Values(*ends, *derivative)

        return Step(rule, sum(sizes), True)

    def _add(self, a: Any, b: Any) -> Step:
        a, b = self._pair(a, b)

        def rule(found: Sequence[Values], part: Part) -> Values:
            x, y = found[a], found[b]
            return Values(
                [(u + v).lower() for u, v in zip(x.low, y.low, strict=True)],
                [(u + v).upper() for u, v in zip(x.high, y.high, strict=True)],
                [u + v for u, v in zip(x.centre, y.centre, strict=True)],
                _plus(x.slope, y.slope),
                _plus(x.radius, y.radius),
            )

        return Step(rule, self.steps[a].size, False)

    def _multiply(self, a: Any, b: Any) -> Step:
        a, b = self._pair(a, b)

        def rule(found: Sequence[Values], part: Part) -> Values:
            x, y = found[a], found[b]
            of_x, of_y = (list(zip(v.low, v.high, strict=True)) for v in (x, y))
            ends = [_product_range(u, v) for u, v in zip(of_x, of_y, strict=True)]
            first, second = _scaled(x, of_y), _scaled(y, of_x)
            return Values(
                [low for low, _ in ends],
                [high for _, high in ends],
                [u * v for u, v in zip(x.centre, y.centre, strict=True)],
                _plus(first[0], second[0]),
                _plus(first[1], second[1]),
            )

        return Step(rule, self.steps[a].size, False)

    def _power(self, a: Any, exponent: Any) -> Step:
        a = self._earlier(a)
        p = _integer(exponent, 2, LARGEST_POWER, "an exponent")

        def rule(found: Sequence[Values], part: Part) -> Values:
            x = found[a]
            ends = [_power_range(u, v, p) for u, v in zip(x.low, x.high, strict=True)]
            slopes = [_power_range(u, v, p - 1) for u, v in zip(x.low, x.high, strict=True)]
            derivative = _scaled(x, [(p * u, p * v) for u, v in slopes])
            return Values([u for u, _ in ends], [v for _, v in ends], [u**p for u in x.centre], *derivative)

        return Step(rule, self.steps[a].size, False)

    def _apply(self, a: Any, name: Any) -> Step:
        a = self._earlier(a)
        function = _function(name if isinstance(name, str) else "", self._functions)

        def rule(found: Sequence[Values], part: Part) -> Values:
            x = found[a]
            ends = [function.values(u, v) for u, v in zip(x.low, x.high, strict=True)]
            slopes = [function.slopes(u, v) for u, v in zip(x.low, x.high, strict=True)]
            middle = [_hull(function.values(u.lower(), u.upper())) for u in x.centre]
            return Values([u for u, _ in ends], [v for _, v in ends], middle, *_scaled(x, slopes))

        return Step(rule, self.steps[a].size, False)

    def _declared(self, a: Any, values: Any, slopes: Any, name: Any) -> Step:
        a = self._earlier(a)
        (low, high), slope = _declared_range(values), _declared_range(slopes)
        said = f"{str(name)[:40]!r}: values in [{low}, {high}], slopes in [{slope[0]}, {slope[1]}]"
        self.assumed += [] if said in self.assumed else [said]
        size = self.steps[a].size

        def rule(found: Sequence[Values], part: Part) -> Values:
            derivative = _scaled(found[a], [slope] * size)
            return Values([low] * size, [high] * size, [_hull((low, high))] * size, *derivative)

        return Step(rule, size, False)

    def _sum(self, a: Any, group: Any) -> Step:
        a = self._earlier(a)
        size = self.steps[a].size
        group = _integer(group, 1, size, "a group")
        if size % group:
            raise Refused(f"{size} numbers make no groups of {group}")
        return self._linear(a, arb_mat(1, group, [1] * group).transpose(), size // group)

    def _linear(self, a: int, ones: Any, groups: int) -> Step:
        group = ones.nrows()

        def sums(entries: Sequence[Number]) -> list[Number]:
            return [sum(entries[i * group : (i + 1) * group], arb(0)) for i in range(groups)]

        def rule(found: Sequence[Values], part: Part) -> Values:
            x = found[a]
            ends = [u.lower() for u in sums(x.low)], [u.upper() for u in sums(x.high)], sums(x.centre)
            return Values(*ends, *(_row_sums(matrix, group) for matrix in x[3:]))

        return Step(rule, groups, False)

    def _dot(self, a: Any, matrix: Any) -> Step:
        a, size = self._earlier(a), self.steps[self._earlier(a)].size
        if not isinstance(matrix, list) or not matrix or not isinstance(matrix[0], list):
            raise Refused("a matrix is no list of lists")
        rows, inner = len(matrix), len(matrix[0])
        numbers = [x for row in matrix for x in _numbers(row, inner, "a row of a matrix")]
        if size % inner:
            raise Refused(f"a matrix of {inner} columns takes {size} numbers")
        columns = size // inner
        factor = arb_mat(rows, inner, numbers)
        rising = arb_mat(rows, inner, [max(x, 0.0) for x in numbers])
        falling = arb_mat(rows, inner, [min(x, 0.0) for x in numbers])
        absolute = arb_mat(rows, inner, [abs(x) for x in numbers])

        def rule(found: Sequence[Values], part: Part) -> Values:
            x = found[a]
            low, high, centre = (arb_mat(inner, columns, end) for end in x[:3])
            return Values(
                [entry.lower() for entry in (rising * low + falling * high).entries()],
                [entry.upper() for entry in (rising * high + falling * low).entries()],
                (factor * centre).entries(),
                _matrix_product(factor, x.slope, columns, is_input=a == 0),
                _matrix_product(absolute, x.radius, columns, is_input=False),
            )

        return Step(rule, rows * columns, False)


def _declared_range(ends: Any) -> Range:
    if not isinstance(ends, list) or len(ends) != 2:
        raise Refused("a declared range is no pair of ends")
    low = arb("-inf") if ends[0] is None else arb(_number(ends[0], "a declared end"))
    high = arb("inf") if ends[1] is None else arb(_number(ends[1], "a declared end"))
    if low > high:
        raise Refused("a declared range has its ends reversed")
    return low, high


def _hull(ends: Range) -> Number:
    return ends[0].union(ends[1]) if ends[0].is_finite() and ends[1].is_finite() else arb("nan")


def _rows(matrix: Any, places: Sequence[int]) -> Any:
    """The matrix of some rows."""
    if matrix is None:
        return None
    n, entries = matrix.ncols(), matrix.entries()
    return arb_mat(len(places), n, [x for i in places for x in entries[i * n : (i + 1) * n]])


def _stacked(matrices: Sequence[Any], sizes: Sequence[int], n: int) -> Any:
    """Matrices under each other; None for one of zeros."""
    entries: list[Any] = []
    for matrix, size in zip(matrices, sizes, strict=True):
        entries += [0] * (size * n) if matrix is None else matrix.entries()
    return arb_mat(sum(sizes), n, entries)


def _row_sums(matrix: Any, group: int) -> Any:
    """The sums of groups of neighbouring rows."""
    if matrix is None:
        return None
    rows = matrix.tolist()
    sums = [
        [sum(column, arb(0)) for column in zip(*rows[i : i + group], strict=True)]
        for i in range(0, len(rows), group)
    ]
    return arb_mat(sums)


def _matrix_product(factor: Any, derivative: Any, columns: int, is_input: bool) -> Any:
    """factor times a derivative, whose rows are those of an array with so many columns."""
    if derivative is None or (is_input and columns == 1):
        return derivative if derivative is None else factor
    n = derivative.ncols()
    if columns == 1:
        return factor * derivative
    product = factor * arb_mat(factor.ncols(), columns * n, derivative.entries())
    return arb_mat(factor.nrows() * columns, n, product.entries())


# --- regions ---------------------------------------------------------------------------------------------------------


class Region(NamedTuple):
    """A box, or a ball in it (radius None for none), with what is claimed of it."""

    low: list[float]
    high: list[float]
    centre: list[float] | None
    radius: float | None
    norm: str
    weights: list[float] | None
    constant: float
    tree: list[int]


NORMS = ("inf", "1", "2", "diagonal")


def _read_region(content: Any, n: int) -> Region:
    low, high = (_numbers(_entry(content, key, list), n, key) for key in ("low", "high"))
    if not all(a < b for a, b in zip(low, high, strict=True)):
        raise Refused("a region is empty")
    norm = _entry(content, "norm", str)
    if norm not in NORMS:
        raise Refused(f"norm {norm[:20]!r}: allowed are {', '.join(NORMS)}")
    centre = radius = weights = None
    if "radius" in content:
        radius = _number(content["radius"], "a radius")
        centre = _numbers(_entry(content, "center", list), n, "a centre")
        if norm not in ("1", "2") or not radius > 0:
            raise Refused("a ball is of a radius > 0, in the norm 1 or 2")
    if norm == "diagonal":
        weights = _numbers(_entry(content, "weights", list), n, "weights")
        if not min(weights) > 0:
            raise Refused("weights are not positive")
    tree = [_integer(axis, -1, n - 1, "an axis") for axis in _entry(content, "tree", list)]
    _check_tree(tree)
    constant = _number(content.get("constant"), "a constant")
    return Region(low, high, centre, radius, norm, weights, constant, tree)


def _check_tree(tree: list[int]) -> None:
    """Every halving is followed by its two halves, and nothing else."""
    if len(tree) > 2 * MOST_PARTS:
        raise Refused(f"more than {MOST_PARTS} parts")
    due = 1
    for axis in tree:
        if due == 0:
            break
        due += -1 if axis < 0 else 1
    if due or len(tree) % 2 == 0 or sum(axis < 0 for axis in tree) != (len(tree) + 1) // 2:
        raise Refused("the parts of a region are no tree")


def _boxes(region: Region) -> Iterator[tuple[list[float], list[float]]]:
    """The parts of a region: the box, halved as its tree says, which covers it by construction."""
    todo = [(region.low, region.high)]
    for axis in region.tree:
        low, high = todo.pop()
        if axis < 0:
            yield low, high
            continue
        cut = 0.5 * low[axis] + 0.5 * high[axis]
        if not low[axis] <= cut <= high[axis]:
            raise Refused("a part cannot be halved")
        todo.append(([*low[:axis], cut, *low[axis + 1 :]], high))
        todo.append((low, [*high[:axis], cut, *high[axis + 1 :]]))


def _part(region: Region, low: list[float], high: list[float]) -> Part:
    """A part for the map, about its middle; the whole of a ball about the ball's centre."""
    is_ball = region.radius is not None and region.tree == [-1]
    middles = [0.5 * a + 0.5 * b for a, b in zip(low, high, strict=True)]
    centre = [arb(x) for x in (region.centre if is_ball and region.centre is not None else middles)]
    lows, highs = [arb(x) for x in low], [arb(x) for x in high]
    half = [max((b - c).upper(), (c - a).upper()) for a, b, c in zip(lows, highs, centre, strict=True)]
    ball = (arb(region.radius), int(region.norm)) if is_ball else None
    return Part(lows, highs, centre, arb_mat(len(half), 1, half), ball)


def _length(vector: Sequence[Number], norm: str) -> Number:
    return sum(vector, arb(0)) if norm == "1" else sum((x * x for x in vector), arb(0)).sqrt()


def _check_region(map_: Map, region: Region) -> None:
    """Unproven unless the region is mapped into itself and contracted."""
    if not region.constant < 1.0:
        raise Unproven(f"the constant {region.constant:.6g} is not below 1")
    _check_cover(region)
    inside = True
    for low, high in _boxes(region):
        if _misses(region, low, high):
            continue
        values = map_.on(_part(region, low, high))
        if not _norm_is_below(values.slope, values.radius, region):
            raise Unproven(f"the norm of the derivative is not proven to be at most {region.constant:.6g}")
        inside = inside and _is_inside(region, values.low, values.high)
    if not inside and not (region.radius is not None and _ball_is_kept(map_, region)):
        raise Unproven("it is not proven to be mapped into itself")


def _check_cover(region: Region) -> None:
    """The box has the whole ball."""
    if region.radius is None or region.centre is None:
        return
    for low, high, middle in zip(region.low, region.high, region.centre, strict=True):
        if not (arb(middle) - region.radius >= low and arb(middle) + region.radius <= high):
            raise Unproven("its box does not hold its ball")


def _misses(region: Region, low: list[float], high: list[float]) -> bool:
    """Whether a box has no point of a ball."""
    if region.radius is None or region.centre is None:
        return False
    gaps = [max(arb(a) - c, c - arb(b), arb(0)) for a, b, c in zip(low, high, region.centre, strict=True)]
    return bool(_length(gaps, region.norm) > region.radius)


def _is_inside(region: Region, low: Sequence[Number], high: Sequence[Number]) -> bool:
    """Whether a box of exact ends is in the region."""
    if region.radius is None or region.centre is None:
        return all(
            a >= below and b <= above
            for a, b, below, above in zip(low, high, region.low, region.high, strict=True)
        )
    far = [
        max((c - a).upper(), (b - c).upper(), arb(0))
        for a, b, c in zip(low, high, region.centre, strict=True)
    ]
    return bool(_length(far, region.norm) <= region.radius)


def _ball_is_kept(map_: Map, region: Region) -> bool:
    """Whether K r + |f(c) - c| <= r in the norm of the ball."""
    assert region.centre is not None
    assert region.radius is not None
    centre = [arb(x) for x in region.centre]
    point = Part(centre, centre, centre, arb_mat(len(centre), 1), None)
    steps = [abs(y - x) for x, y in zip(centre, map_.on(point).centre, strict=True)]
    return bool(arb(region.constant) * region.radius + _length(steps, region.norm) <= region.radius)


def _norm_is_below(slope: Any, radius: Any, region: Region) -> bool:
    """Whether the norm of every matrix within `radius` of `slope` is at most the constant."""
    constant = arb(region.constant)
    sizes = _sizes(slope, radius)
    if region.norm == "2":
        return _spectral_norm_is_below(slope, radius, sizes, constant)
    rows = sizes.transpose().tolist() if region.norm == "1" else sizes.tolist()
    weights = [arb(w) for w in region.weights] if region.weights is not None else None
    for i, row in enumerate(rows):
        if weights is None:
            if not sum(row, arb(0)) <= constant:
                return False
        elif not sum((x * w for x, w in zip(row, weights, strict=True)), arb(0)) <= constant * weights[i]:
            return False
    return True


def _spectral_norm_is_below(slope: Any, radius: Any, sizes: Any, constant: Number) -> bool:
    """By ||slope|| + ||radius||, or by the norm of |slope| + radius."""
    if not all(entry.is_finite() for entry in sizes.entries()):
        return False
    if _nonnegative_norm(sizes) <= constant:
        return True
    rest = constant - (_nonnegative_norm(radius) if radius is not None else 0)
    return bool(rest > 0) and _is_positive(rest.lower() ** 2, slope.transpose() * slope)


def _nonnegative_norm(matrix: Any) -> Number:
    """>= the 2-norm of a matrix with entries >= 0: A^T A v <= c v with v > 0 proves c >= its square (Collatz)."""
    transposed = matrix.transpose()
    v, best = [1.0] * matrix.ncols(), arb("inf")
    for _ in range(6):
        image = (transposed * (matrix * arb_mat(len(v), 1, v))).entries()
        best = min(best, max((x / y).upper() for x, y in zip(image, v, strict=True)))
        largest = max(float(x.mid()) for x in image)
        if not 0.0 < largest < math.inf:
            break
        v = [float(x.mid()) / largest + 1e-6 for x in image]
    return best.sqrt().upper()


def _is_positive(shift: Number, gram: Any) -> bool:
    """Whether shift - gram is positive definite, by elimination without pivots."""
    n = gram.nrows()
    rows = [[(shift if i == j else 0) - x for j, x in enumerate(row)] for i, row in enumerate(gram.tolist())]
    for k in range(n):
        pivot = rows[k][k]
        if not pivot > 0:
            return False
        for i in range(k + 1, n):
            factor = rows[i][k] / pivot
            row, top = rows[i], rows[k]
            for j in range(i, n):
                row[j] -= factor * top[j]
                rows[j][i] = row[j]
    return True


def _are_disjoint(boxes: Sequence[tuple[list[float], list[float]]]) -> bool:
    """Whether no two boxes have a point in common: they are sorted into groups that do not overlap along an axis."""
    todo = [list(boxes)]
    while todo:
        group = todo.pop()
        if len(group) < 2:
            continue
        for axis in range(len(group[0][0])):
            parts = _separated(group, axis)
            if len(parts) > 1:
                todo += parts
                break
        else:
            if len(group) > 1000 or not all(
                any(a[1][j] < b[0][j] or b[1][j] < a[0][j] for j in range(len(a[0])))
                for k, a in enumerate(group)
                for b in group[:k]
            ):
                return False
    return True


def _separated(group: list[Any], axis: int) -> list[list[Any]]:
    """Boxes in groups whose intervals along one axis do not meet."""
    parts: list[list[Any]] = []
    reach = -math.inf
    for box in sorted(group, key=lambda box: box[0][axis]):
        if box[0][axis] > reach:
            parts.append([])
        parts[-1].append(box)
        reach = max(reach, box[1][axis])
    return parts


# --- certificates ----------------------------------------------------------------------------------------------------


def _check_contraction(content: dict[str, Any]) -> list[str]:
    """Every region of a certificate of contraction; what is proven, in lines."""
    map_ = _read_map(_entry(content, "function", dict))
    given = _entry(content, "regions", list)
    if not given:
        raise Refused("there is no region")
    regions = [_read_region(region, map_.size) for region in given]
    for number, region in enumerate(regions):
        try:
            _check_region(map_, region)
        except Unproven as error:
            raise Unproven(f"region {number + 1} of {len(regions)}: {error}") from None
    # quoted: a name may be any text
    lines = [f"the map {map_.name!r} of {map_.size} number{'s' if map_.size > 1 else ''}"]
    if len(regions) == 1:
        region = regions[0]
        parts = (len(region.tree) + 1) // 2
        lines.append(
            f"proven: mapped into itself, constant {region.constant:.9g} < 1 in the norm {region.norm}"
        )
        lines[-1] += f" ({parts} part{'s' if parts > 1 else ''}): exactly one fixed point in the region"
    else:
        largest = max(region.constant for region in regions)
        lines.append(
            f"proven: {len(regions)} regions, each mapped into itself with a constant of at most {largest:.9g} < 1: "
            "exactly one fixed point in each"
        )
        if _are_disjoint([(region.low, region.high) for region in regions]):
            lines.append(f"the regions are disjoint: {len(regions)} fixed points")
        else:
            lines.append("the regions are not shown to be disjoint")
    return lines + [f"taken on trust: {said}" for said in map_.assumed]


def _check_count(content: dict[str, Any]) -> list[str]:
    """A layer x -> phi(W x + b) and k intervals a coordinate: all k^d boxes of them at once; what is proven, in lines.

    In a box, W_ii x_i is where the interval of coordinate i lets it be, and the other terms where any of the intervals
    of their coordinates do.
    """
    given = _entry(content, "function", dict)
    map_ = _read_map(given)
    weights, bias, function = _read_layer(given, map_.size)
    d = map_.size
    lows, highs = (_entry(content, key, list) for key in ("low", "high"))
    if len(lows) != d or len(highs) != d:
        raise Refused(f"intervals of {len(lows)} and {len(highs)} coordinates: allowed are {d}")
    lows = [_numbers(row, None, "low ends") for row in lows]
    highs = [_numbers(row, len(lows[i]), "high ends") for i, row in enumerate(highs)]
    constant = _number(content.get("constant"), "a constant")
    if not constant < 1.0:
        raise Unproven(f"the constant {constant:.6g} is not below 1")
    least, largest = [arb(min(row)) for row in lows], [arb(max(row)) for row in highs]
    for i in range(d):
        ends = [a for pair in zip(lows[i], highs[i], strict=True) for a in pair]
        if any(not a < b for a, b in itertools.pairwise(ends)):
            raise Unproven(f"coordinate {i}: its intervals are not in order, or meet")
        row = [arb(w) for w in weights[i]]
        rest = [_product_range((w, w), (least[j], largest[j])) for j, w in enumerate(row) if j != i]
        below, above = (sum((pair[side] for pair in rest), arb(bias[i])) for side in (0, 1))
        size = sum((abs(w) for w in row), arb(0))
        for low, high in zip(lows[i], highs[i], strict=True):
            own = _product_range((row[i], row[i]), (arb(low), arb(high)))
            h = (below + own[0]).lower(), (above + own[1]).upper()
            values, slopes = function.values(*h), function.slopes(*h)
            if not (values[0] >= low and values[1] <= high):
                raise Unproven(
                    f"coordinate {i}: an image may leave the interval from {low:.6g} to {high:.6g}"
                )
            if not size * max(abs(slopes[0]), abs(slopes[1])) <= constant:
                raise Unproven(f"coordinate {i}: the constant is not proven to be at most {constant:.6g}")
    counts = sorted({len(row) for row in lows})
    many = f"{counts[0]}^{d}" if len(counts) == 1 else str(math.prod(len(row) for row in lows))
    return [
        f"{map_.name}, {d} {'number' if d == 1 else 'numbers'}",
        f"proven: {many} disjoint boxes, each mapped into itself with a constant of at most {constant:.9g} < 1 in the "
        f"norm inf: exactly one fixed point in each, {many} in all",
    ]


def _read_layer(given: dict[str, Any], d: int) -> tuple[list[list[float]], list[float], Any]:
    """W, b and phi of steps that are one layer; they have been read as steps before."""
    steps = given["steps"]
    names = [step[0] for step in steps]
    if names not in (["input", "dot", "apply"], ["input", "dot", "constant", "add", "apply"]):
        raise Refused("the map of a count is no single layer")
    bias = [0.0] * d
    follows = [steps[1][1] == 0, steps[-1][1] == len(steps) - 2]
    if len(steps) == 5:
        bias = steps[2][1]
        follows += [bias == steps[2][2], sorted(steps[3][1:]) == [1, 2]]
    if not all(follows) or len(steps[1][2]) != d or len(steps[1][2][0]) != d:
        raise Refused("the map of a count is no single layer of a square matrix")
    return steps[1][2], bias, _function(steps[-1][2], _smooth_functions() | _other_functions())


KINDS: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "contraction": _check_contraction,
    "count": _check_count,
}


def check(path: str) -> list[str]:
    """Re-check a certificate; what is proven, in lines.

    Raises
    ------
    Refused
        If the file is no certificate, or damaged.
    Unproven
        If something that it claims is not proven.
    """
    content = read(path)
    kind = KINDS.get(_entry(content, "kind", str))
    if kind is None:
        raise Refused(f"kind {content['kind'][:20]!r}: allowed are {', '.join(KINDS)}")
    before = ctx.prec
    ctx.prec = PRECISION
    try:
        return kind(content)
    finally:
        ctx.prec = before


def main(arguments: Sequence[str] | None = None) -> int:
    """Re-check the file that is named; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1:
        print("usage: checker.py FILE", file=sys.stderr)
        return BAD_FILE
    path = arguments[0]
    if arb is None:
        print("python-flint is needed to check: pip install rmtjac[certify]", file=sys.stderr)
        return BAD_FILE
    try:
        lines = check(path)
    except Refused as error:
        print(f"{path}: refused: {error}", file=sys.stderr)
        return BAD_FILE
    except Unproven as error:
        print(f"{path}: NOT proven: {error}", file=sys.stderr)
        return NOT_PROVEN
    except MemoryError:
        print(f"{path}: refused: not enough memory to check it", file=sys.stderr)
        return BAD_FILE
    except KeyboardInterrupt:
        print(f"{path}: interrupted, nothing is proven", file=sys.stderr)
        return INTERRUPTED
    print("\n".join(lines))
    return PROVEN


if __name__ == "__main__":
    sys.exit(main())
