"""phi' of the smooth activations on balls of the complex plane, and for each a path along which Im phi'^2 <= 0.

Where k = phi'^2 falls the path runs above the real line, where k rises below it, and it crosses at the points where
k is stationary. Im k is harmonic and <= 0 on the path, 0 on the line, so it is <= 0 in between: for zeta in the lower
half plane zeta k = 1 has no solution there, and an average over the line is the integral along the path, which keeps
its distance from every pole. `is_clear` checks the sign.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flint import acb, arb, ctx

Derivative = Callable[[acb], acb]

WIDE = 1e-9


@dataclass(frozen=True)
class SmoothGate:
    """phi', and the shape of the path.

    Attributes
    ----------
    derivative : callable
        phi' on balls.
    stationary : tuple of float
        Where phi'^2 is stationary on the real line, ascending.
    heights : tuple of float
        Im h of the path before, between and after these points.
    decay : float
        If > 0, the outer pieces come down as decay/Re h: phi' falls like a Gaussian there.
    even : bool
        Whether phi'(-h) = phi'(h).
    """

    derivative: Derivative
    stationary: tuple[float, ...]
    heights: tuple[float, ...]
    decay: float = 0.0
    even: bool = False


def _erf(h: acb) -> acb:
    return (-(arb.pi() / 4) * h * h).exp()


def _tanh(h: acb) -> acb:
    return h.sech() ** 2


def _sigmoid(h: acb) -> acb:
    return (h / 2).sech() ** 2 / 4


def _softplus(h: acb) -> acb:
    return 1 / (1 + (-h).exp())


def _centred(value: Derivative, first: Derivative, second: Derivative) -> Derivative:
    """`value` with Taylor's enclosure on wide balls, by its two derivatives: sums of terms that cancel need it."""

    def enclosure(h: acb) -> acb:
        plain = value(h)
        if h.rad() < WIDE:
            return plain
        middle = h.mid()
        shift = h - middle
        taylor = value(middle) + shift * (first(middle) + shift * second(h) / 2)
        return taylor if taylor.rad() < plain.rad() or not plain.is_finite() else plain

    return enclosure


def _silu(h: acb) -> acb:
    return _softplus(h) * (1 + h * _softplus(-h))


def _silu_first(h: acb) -> acb:
    s, rest = _softplus(h), _softplus(-h)
    return s * rest * (2 + h * (rest - s))


def _silu_second(h: acb) -> acb:
    s, rest = _softplus(h), _softplus(-h)
    p, t = s * rest, rest - s
    return p * (3 * t + h * (t * t - 2 * p))


def _normal(h: acb) -> acb:
    return (-h * h / 2).exp() / (2 * arb.pi()).sqrt()


def _gelu(h: acb) -> acb:
    return (-h * arb(0.5).sqrt()).erfc() / 2 + h * _normal(h)


def _gelu_first(h: acb) -> acb:
    return _normal(h) * (2 - h * h)


def _gelu_second(h: acb) -> acb:
    return _normal(h) * h * (h * h - 4)


GATES = {
    "erf": SmoothGate(_erf, (0.0,), (-0.5, 0.5), decay=0.5, even=True),
    "tanh": SmoothGate(_tanh, (0.0,), (-0.39, 0.39), even=True),
    "sigmoid": SmoothGate(_sigmoid, (0.0,), (-0.78, 0.78), even=True),
    "gelu": SmoothGate(
        _centred(_gelu, _gelu_first, _gelu_second),
        (-math.sqrt(2), -0.7517915246935645, math.sqrt(2)),
        (-0.5, 0.25, -0.5, 0.6),
        decay=0.75,
    ),
    "silu": SmoothGate(
        _centred(_silu, _silu_first, _silu_second),
        (-2.3993572805154, -1.2784645427610738, 2.3993572805154),
        (-0.6, 0.4, -0.7, 0.8),
    ),
    "softplus": SmoothGate(_softplus, (), (-0.78,)),
}


def path(gate: SmoothGate, q: float, reach: float) -> list[complex]:
    """Corners of the path from Re h = -reach (0 for an even gate) to reach, at most about sqrt(q) off the line."""
    lift = 0.8 * math.sqrt(q)
    heights = [math.copysign(min(abs(height), lift), height) for height in gate.heights]
    if not gate.stationary:
        return [complex(-reach, heights[0]), complex(reach, heights[0])]
    right = list(_outer(gate.stationary[-1], heights[-1], gate.decay, reach))
    if gate.even:
        return right
    # the left end is the right end of the mirrored gate
    left = [-corner for corner in _outer(-gate.stationary[0], -heights[0], gate.decay, reach)]
    inner = [
        corner
        for a, b, height in zip(gate.stationary, gate.stationary[1:], heights[1:-1], strict=False)
        for corner in _arch(a, b, height)
    ]
    return left[::-1] + inner + right[1:]


def is_clear(gate: SmoothGate, q: float, reach: float, points: int = 200) -> bool:
    """Whether Im phi'^2 <= 0 at `points` points of each straight piece, up to 1e-50."""
    steps = [(i + 0.5) / points for i in range(points)]
    here = (a + (b - a) * t for a, b in itertools.pairwise(path(gate, q, reach)) for t in steps)
    with ctx.workdps(60):
        return all((gate.derivative(acb(h)) ** 2).imag.mid() <= arb(10) ** -50 for h in here)


def _arch(start: float, stop: float, height: float) -> Iterator[complex]:
    """Out at 45 degrees, along and back; without the first corner."""
    width = min(abs(height), 0.45 * (stop - start))
    height = math.copysign(width, height)
    yield from (complex(start + width, height), complex(stop - width, height), complex(stop))


def _outer(start: float, height: float, decay: float, reach: float) -> Iterator[complex]:
    """Out at 45 degrees to the right, then along until Re h = reach, coming down as decay/Re h if decay > 0."""
    x = start + abs(height)
    yield from (complex(start), complex(x, height))
    while x < reach:
        x = min(2 * x, reach) if decay else reach
        yield complex(x, math.copysign(min(abs(height), decay / x), height) if decay else height)
