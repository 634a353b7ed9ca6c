"""m_K of a layer's gates and its companions to any number of digits: reference values, independent of rmtjac.

K is the law of k = phi'(h)^2, h ~ N(0, q) (THEORY.md section 2, "m_K"), so every average is an integral over h. It is
taken along the path of `smooth_gates`, which stays away from the poles, by Gauss-Legendre panels that are halved
until a panel and its halves agree; Arb's ball arithmetic bounds the rounding. The rigorous twin along the real line
is tests/naive/gates.py.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import mpmath as mp
from flint import acb, arb, ctx

from validation.smooth_gates import GATES, path

Averages = list[acb]
Integrand = Callable[[acb], Averages]

MOST_HALVINGS = 60
ATTEMPTS = (10, 25, 50, 100)


class Transform(NamedTuple):
    """m = E[zeta k/(1 - zeta k)], slope = zeta dm/dzeta, one_plus = E[1/(1 - zeta k)], log = E log(1 - zeta k)."""

    m: mp.mpc
    slope: mp.mpc
    one_plus: mp.mpc
    log: mp.mpc


@lru_cache(maxsize=4096)
def reference_transform(activation: str, q: float, zeta: complex | mp.mpc, digits: int = 20) -> Transform:
    """m_K(zeta) and its companions, each complex value to `digits` digits.

    Parameters
    ----------
    activation : str
        erf, tanh, sigmoid, gelu, silu, softplus, or linear, relu, leaky_relu(SLOPE), hard_tanh.
    q : float
        Variance of h, > 0.
    zeta : complex
        Im zeta <= 0; on the cut [1/max k, inf) the limit from below. An mpmath number is taken with all its digits.

    Raises
    ------
    ArithmeticError
        If two resolutions do not agree to these digits.
    """
    if activation not in GATES:
        return _of_finite_law(finite_law(activation, q), zeta, digits)
    lifted = zeta.real > 0
    for extra in ATTEMPTS:
        with ctx.workdps(digits + extra):
            found = _integrals(activation, q, _transform_terms(activation, q, zeta), digits, lifted=lifted)
            if found is not None:
                return Transform(*map(to_mpc, found))
    raise ArithmeticError(f"m_K of {activation}, q = {q}, at zeta = {zeta}: {digits} digits not reached")


@lru_cache(maxsize=4096)
def gate_moment(activation: str, q: float, order: int, digits: int = 30) -> mp.mpf:
    """mu_k = E phi'^(2k), k = order >= 1."""
    if activation not in GATES:
        with mp.workdps(digits + 5):
            return mp.fsum(mass * value**order for value, mass in finite_law(activation, q))
    with ctx.workdps(digits + ATTEMPTS[0]):
        found = _integrals(activation, q, _moment_term(activation, q, order), digits, lifted=False)
    if found is None:
        raise ArithmeticError(f"moment {order} of {activation}, q = {q}: {digits} digits not reached")
    return to_mpc(found[0]).real


def finite_law(activation: str, q: float) -> list[tuple[mp.mpf, mp.mpf]]:
    """Values k > 0 and their masses, for gates that take finitely many values."""
    if activation == "linear":
        return [(mp.mpf(1), mp.mpf(1))]
    if activation == "relu":
        return [(mp.mpf(1), mp.mpf(1) / 2)]
    if activation == "hard_tanh":
        return [(mp.mpf(1), mp.erf(1 / mp.sqrt(2 * mp.mpf(q))))]
    leaky = re.fullmatch(r"leaky_relu\((.*)\)", activation)
    if leaky is None:
        allowed = ", ".join(["linear, relu, leaky_relu(SLOPE), hard_tanh", *GATES])
        raise ValueError(f"activation={activation!r}: allowed are {allowed}")
    return [(mp.mpf(float(leaky[1])) ** 2, mp.mpf(1) / 2), (mp.mpf(1), mp.mpf(1) / 2)]


def to_mpc(ball: acb) -> mp.mpc:
    """The middle of a ball, every bit of it."""
    return mp.make_mpc((_middle(ball.real), _middle(ball.imag)))


def exact_ball(zeta: complex | mp.mpc) -> acb:
    """The ball of radius 0 at zeta."""
    return acb(arb(zeta.real), arb(zeta.imag))


def accurate(ball: acb, digits: int) -> bool:
    """Whether the radius of a ball is below 10^-digits of its value."""
    return ball.is_finite() and ball.rel_accuracy_bits() > digits * math.log2(10)


def _middle(part: arb) -> Any:
    mantissa, exponent = part.mid().man_exp()
    return mp.libmp.from_man_exp(int(mantissa), int(exponent))


def _transform_terms(activation: str, q: float, zeta: complex | mp.mpc) -> Integrand:
    """h -> the four integrands, in the order of Transform."""
    derivative = GATES[activation].derivative
    ball, rate = exact_ball(zeta), -1 / (2 * arb(q))

    def terms(h: acb) -> Averages:
        weight, gate = (h * h * rate).exp(), derivative(h)
        x = ball * gate * gate
        rest = 1 - x
        one_plus = weight / rest
        m = x * one_plus
        return [m, m / rest, one_plus, weight * rest.log()]

    return terms


def _moment_term(activation: str, q: float, order: int) -> Integrand:
    derivative = GATES[activation].derivative
    return lambda h: [(-h * h / (2 * arb(q))).exp() * derivative(h) ** (2 * order)]


def _integrals(activation: str, q: float, terms: Integrand, digits: int, *, lifted: bool) -> Averages | None:
    """The averages, None if they have fewer digits; past `reach` lies a weight below 10^-(digits + 25)."""
    gate = GATES[activation]
    reach = math.sqrt(2 * math.log(10) * (digits + 25)) * math.sqrt(q)
    flat = [0j, reach + 0j] if gate.even else [-reach + 0j, 0j, reach + 0j]
    corners = path(gate, q, reach) if lifted else flat
    panels = [(acb(a), acb(b)) for a, b in itertools.pairwise(corners) if a != b]
    coarse = [_panel(terms, a, b, digits) for a, b in panels]
    scale = _sizes(_sum(coarse))
    totals = _sum(
        [
            _halved(terms, a, b, digits, scale, rough, MOST_HALVINGS)
            for (a, b), rough in zip(panels, coarse, strict=True)
        ]
    )
    # a scale read off panels that straddle a peak may be too large
    settled = all(s <= 100 * t for s, t in zip(scale, _sizes(totals), strict=True))
    if not (settled and all(accurate(total, digits) for total in totals)):
        return None
    unit = (2 if gate.even else 1) / (2 * arb.pi() * arb(q)).sqrt()
    return [unit * total for total in totals]


def _halved(
    terms: Integrand, a: acb, b: acb, digits: int, scale: list[float], rough: Averages, halvings: int
) -> Averages:
    """The integrals from a to b: halves are halved until they agree with the whole."""
    middle = (a + b) / 2
    left, right = _panel(terms, a, middle, digits), _panel(terms, middle, b, digits)
    fine = _sum([left, right])
    errors = [x - y for x, y in zip(fine, rough, strict=True)]
    # an error that rounding covers cannot be halved away
    met = all(
        error.contains(0) or size <= 10.0**-digits * s
        for error, size, s in zip(errors, _sizes(errors), scale, strict=True)
    )
    if met or halvings == 0:
        return fine
    return _sum(
        [
            _halved(terms, a, middle, digits, scale, left, halvings - 1),
            _halved(terms, middle, b, digits, scale, right, halvings - 1),
        ]
    )


def _panel(terms: Integrand, a: acb, b: acb, digits: int) -> Averages:
    """Gauss-Legendre from a to b."""
    middle, half = (a + b) / 2, (b - a) / 2
    weighted = [[w * value for value in terms(middle + half * x)] for x, w in _rule(digits + 4, ctx.prec)]
    return [half * total for total in _sum(weighted)]


@lru_cache(maxsize=64)
def _rule(order: int, _prec: int) -> list[tuple[arb, arb]]:
    """Nodes and weights at the present precision."""
    return [arb.legendre_p_root(order, k, weight=True) for k in range(order)]


def _sum(rows: list[Averages]) -> Averages:
    return [sum(column, acb(0)) for column in zip(*rows, strict=True)]


def _sizes(values: Averages) -> list[float]:
    return [float(abs(complex(value.mid()))) for value in values]


def _of_finite_law(law: list[tuple[mp.mpf, mp.mpf]], zeta: complex | mp.mpc, digits: int) -> Transform:
    """The same averages as sums; the mass that is missing from the law sits at k = 0."""
    with mp.workdps(digits + 20):
        zeta = mp.mpmathify(zeta)
        m = mp.fsum(mass * zeta * k / (1 - zeta * k) for k, mass in law)
        return Transform(
            m=m,
            slope=mp.fsum(mass * zeta * k / (1 - zeta * k) ** 2 for k, mass in law),
            one_plus=1 + m,
            log=mp.fsum(mass * mp.log(1 - zeta * k) for k, mass in law),
        )
