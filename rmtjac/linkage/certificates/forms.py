"""Mean-value forms: a program over many parts of a region at once, with its derivative, all rounding enclosed.

Each step is enclosed twice: by its operands' intervals, and by its value at the centre c of the part and its
derivative, f(x) in f(c) + J(X) (x - c), which keeps what linear steps do to x as a whole. The derivative of every step
is held as a centre and a radius. Where |x_j - c_j| <= h_j, row J_i adds at most sum |J_ij| h_j; on a ball about c it
also adds no more than the radius times the dual norm of J_i.

`checker.py` does the same in Arb, with less rounding: what is proven here is proven there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.certificates.elementary import power, slopes, values
from rmtjac.linkage.certificates.program import Program
from rmtjac.linkage.certificates.rounding import EPS, TINY, Pair, add, dot, multiply, product

__all__ = ["Form", "Parts", "evaluated"]

Floats = NDArray[np.float64]

ROOT_TINY = 1e-150  # the root of what underflow can hide in a sum of squares
LARGEST_BLOCK = 4_000_000  # entries of a derivative that are held at once


class Parts(NamedTuple):
    """k boxes with corners `low` and `high` (k, n); of each a point of it, and how far the box goes from there.

    If there is a ball it is about the centre of the only part: its radius, and the order of its norm, 1 or 2.
    """

    low: Floats
    high: Floats
    centre: Floats
    half: Floats
    ball: tuple[float, int] | None = None

    def rows(self, places: slice | NDArray[np.intp]) -> Parts:
        """Some of the parts."""
        return Parts(self.low[places], self.high[places], self.centre[places], self.half[places])

    def joined(self, others: Parts) -> Parts:
        """These parts and others."""
        low, high, centre, half = (np.concatenate([a, b]) for a, b in zip(self[:4], others[:4], strict=True))
        return Parts(low, high, centre, half)

    @classmethod
    def of(cls, low: Floats, high: Floats) -> Parts:
        """Boxes, and their centres."""
        centre = 0.5 * low + 0.5 * high
        return cls(low, high, centre, np.maximum(high - centre, centre - low) * (1.0 + EPS))


class Form(NamedTuple):
    """A step over k parts.

    `ends` are low and high of shape (2, k, m): over the parts, and at their centres. The derivative is within `radius`
    of `slope`, both (k, m, n); None where it is 0. An axis of length 1 stands for all parts.
    """

    ends: Pair
    slope: Floats | None = None
    radius: Floats | None = None


def evaluated(program: Program, parts: Parts) -> Form:
    """The value of the program over the parts, with a derivative whose radius is inf where nothing is known."""
    block = max(1, LARGEST_BLOCK // (program.widest * program.size))
    if len(parts.low) <= block:
        return _evaluated(program, parts)
    starts = range(0, len(parts.low), block)
    forms = [_evaluated(program, parts.rows(slice(s, s + block))) for s in starts]
    ends = [np.concatenate([form.ends[side] for form in forms], axis=1) for side in (0, 1)]
    slope, radius = (np.concatenate([form[k] for form in forms]) for k in (1, 2))
    return Form((ends[0], ends[1]), slope, radius)


def _evaluated(program: Program, parts: Parts) -> Form:
    forms: list[Form] = []
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for name, *parameters in program.steps:
            form = RULES[name](forms, parts, *parameters)
            forms.append(form if name in UNTIGHTENED else _tightened(form, parts))
        ends, slope, radius = forms[-1]
        shape = (len(parts.low), program.size)
        low, high = (np.broadcast_to(end, (2, *shape)) for end in ends)
        if slope is None or radius is None:
            return Form((low, high), *np.zeros((2, *shape, program.size)))
        known = np.isfinite(slope) & ~np.isnan(radius)
        slope, radius = np.where(known, slope, 0.0), np.where(known, radius, np.inf)
        return Form((low, high), *(np.broadcast_to(part, (*shape, program.size)) for part in (slope, radius)))


def _tightened(form: Form, parts: Parts) -> Form:
    """The form with values no wider than its derivative lets them be."""
    if form.slope is None or form.radius is None:
        return form
    low, high = form.ends
    reach = _reach(np.abs(form.slope) + form.radius, parts)
    below, above = add((low[1], high[1]), (-reach, reach))
    # nan of unknown slopes loses
    ends = np.stack([np.fmax(low[0], below), low[1]]), np.stack([np.fmin(high[0], above), high[1]])
    return Form(ends, form.slope, form.radius)


def _reach(sizes: Floats, parts: Parts) -> Floats:
    """How far the rows of a derivative with entries up to `sizes` go from the centres, rounded upward."""
    n = sizes.shape[-1]
    reach = (sizes @ parts.half[:, :, None])[:, :, 0] * (1.0 + (n + 6) * EPS) + TINY
    if parts.ball is None:
        return np.asarray(reach)
    radius, order = parts.ball
    dual = sizes.max(axis=-1) if order == 1 else np.sqrt(np.square(sizes).sum(axis=-1)) + ROOT_TINY
    return np.asarray(np.fmin(reach, radius * dual * (1.0 + (n + 8) * EPS) + TINY))


def _input(forms: list[Form], parts: Parts, size: int) -> Form:
    ends = np.stack([parts.low, parts.centre]), np.stack([parts.high, parts.centre])
    return Form(ends, np.eye(size)[None], np.zeros((1, size, size)))


def _constant(forms: list[Form], parts: Parts, low: Floats, high: Floats) -> Form:
    return Form((low[None, None], high[None, None]))


def _take(forms: list[Form], parts: Parts, a: int, entries: NDArray[np.intp]) -> Form:
    return _each(forms[a], lambda array, axis: np.take(array, entries, axis))


def _join(forms: list[Form], parts: Parts, numbers: tuple[int, ...]) -> Form:
    taken = [forms[a] for a in numbers]
    count, n = len(parts.low), parts.low.shape[1]
    ends = [
        np.concatenate(
            [np.broadcast_to(f.ends[side], (2, count, f.ends[side].shape[2])) for f in taken], axis=2
        )
        for side in (0, 1)
    ]
    if all(form.slope is None for form in taken):
        return Form((ends[0], ends[1]))
    derivatives = []
    for each in ([form.slope for form in taken], [form.radius for form in taken]):
        shapes = [(count, form.ends[0].shape[2], n) for form in taken]
        spread = [np.broadcast_to(0.0 if d is None else d, s) for d, s in zip(each, shapes, strict=True)]
        derivatives.append(np.concatenate(spread, axis=1))
    return Form((ends[0], ends[1]), *derivatives)


def _add(forms: list[Form], parts: Parts, a: int, b: int) -> Form:
    ends = add(forms[a].ends, forms[b].ends)
    return Form(ends, *_sum_of_derivatives(forms[a][1:], forms[b][1:]))


def _multiply(forms: list[Form], parts: Parts, a: int, b: int) -> Form:
    x, y = forms[a], forms[b]
    return Form(multiply(x.ends, y.ends), *_sum_of_derivatives(_scaled(x, y.ends), _scaled(y, x.ends)))


def _power(forms: list[Form], parts: Parts, a: int, exponent: int) -> Form:
    factor = np.full(1, float(exponent))
    slopes_of_power = multiply((factor, factor), power(forms[a].ends, exponent - 1))
    return Form(power(forms[a].ends, exponent), *_scaled(forms[a], slopes_of_power))


def _apply(forms: list[Form], parts: Parts, a: int, name: str) -> Form:
    form, found, steepness = forms[a], values(name, forms[a].ends), slopes(name, forms[a].ends)
    if form.slope is None and not np.isfinite(steepness).all():
        # a function of constants that is not defined: nothing is known of what is made of it, times 0 neither
        shape = (1, found[0].shape[2], parts.low.shape[1])
        return Form(found, np.zeros(shape), np.full(shape, np.inf))
    return Form(found, *_scaled(form, steepness))


def _declared(
    forms: list[Form],
    parts: Parts,
    a: int,
    values: tuple[float, float],
    slopes: tuple[float, float],
    name: str,
) -> Form:
    shape = forms[a].ends[0].shape
    ends = np.full(shape, values[0]), np.full(shape, values[1])
    return Form(ends, *_scaled(forms[a], (np.full(shape, slopes[0]), np.full(shape, slopes[1]))))


def _sum(forms: list[Form], parts: Parts, a: int, group: int) -> Form:
    form = forms[a]
    low, high = (end.reshape(*end.shape[:2], -1, group) for end in form.ends)
    total: Pair = (low[..., 0], high[..., 0])
    for k in range(1, group):
        total = add(total, (low[..., k], high[..., k]))
    if form.slope is None or form.radius is None:
        return Form(total)
    slope, radius = (part.reshape(len(part), -1, group, part.shape[2]) for part in (form.slope, form.radius))
    rounding = (group + 2) * EPS * np.abs(slope).sum(axis=2)
    return Form(total, slope.sum(axis=2), radius.sum(axis=2) * (1.0 + (group + 2) * EPS) + rounding)


def _dot(forms: list[Form], parts: Parts, a: int, matrix: Floats) -> Form:
    form = forms[a]
    inner = matrix.shape[1]
    count = form.ends[0].shape[1]
    low, high = dot(matrix, _as_pair(end.reshape(2 * count, inner, -1) for end in form.ends))
    ends = _as_pair(end.reshape(2, count, -1) for end in (low, high))
    if form.slope is None or form.radius is None:
        return Form(ends)
    count, _, n = form.slope.shape
    slope, radius = (part.reshape(count, inner, -1) for part in (form.slope, form.radius))
    sizes, slack = np.abs(matrix), (inner + 4) * EPS
    radius = product(sizes, radius + slack * np.abs(slope)) * (1.0 + slack) + TINY
    return Form(ends, product(matrix, slope).reshape(count, -1, n), radius.reshape(count, -1, n))


def _scaled(form: Form, factor: Pair) -> tuple[Floats | None, Floats | None]:
    """The derivative of a step times slopes from an interval, of which the first row counts: that over the parts."""
    if form.slope is None or form.radius is None:
        return None, None
    least, largest = factor[0][0, ..., None], factor[1][0, ..., None]
    middle = 0.5 * least + 0.5 * largest
    spread = np.maximum(largest - middle, middle - least) * (1.0 + 2.0 * EPS)
    slope = middle * form.slope
    radius = np.abs(middle) * form.radius + spread * (np.abs(form.slope) + form.radius)
    return slope, radius * (1.0 + 8.0 * EPS) + 4.0 * EPS * np.abs(slope) + TINY


def _sum_of_derivatives(x: tuple[Any, Any], y: tuple[Any, Any]) -> tuple[Floats | None, Floats | None]:
    if x[0] is None or y[0] is None:
        return y if x[0] is None else x
    slope = x[0] + y[0]
    return slope, (x[1] + y[1]) * (1.0 + 2.0 * EPS) + EPS * np.abs(slope)


def _each(form: Form, pick: Callable[[Floats, int], Floats]) -> Form:
    ends = _as_pair(pick(end, 2) for end in form.ends)
    if form.slope is None or form.radius is None:
        return Form(ends)
    return Form(ends, pick(form.slope, 1), pick(form.radius, 1))


def _as_pair(ends: Any) -> Pair:
    low, high = ends
    return low, high


UNTIGHTENED = ("input", "constant", "take", "join")
RULES: dict[str, Callable[..., Form]] = {
    "input": _input,
    "constant": _constant,
    "take": _take,
    "join": _join,
    "add": _add,
    "multiply": _multiply,
    "power": _power,
    "apply": _apply,
    "declared": _declared,
    "sum": _sum,
    "dot": _dot,
}
