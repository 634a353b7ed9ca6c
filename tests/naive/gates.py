"""Gates phi'(h)^2, h ~ N(0, q), as they are defined: integrals over the real line, no contour moved, no residue.

`transform` integrates in Arb, whose radius proves the digits; `derivative` and `moment` are written in mpmath. The
fast twin is validation/gate_transforms.py.
"""

from __future__ import annotations

import math

import mpmath as mp
from flint import acb, arb, ctx

from validation.gate_transforms import (
    Transform,
    accurate,
    exact_ball,
    finite_law,
    reference_transform,
    to_mpc,
)
from validation.smooth_gates import GATES

SMOOTH = tuple(GATES)
FINITE = ("linear", "relu", "leaky_relu(0.1)", "hard_tanh")
EVALUATIONS = 2_000_000


def derivative(activation, h):
    """phi'(h) of a smooth activation, from the definition."""
    h = mp.mpmathify(h)
    sigmoid = 1 / (1 + mp.exp(-h))
    return {
        "erf": lambda: mp.exp(-mp.pi * h**2 / 4),
        "tanh": lambda: 1 - mp.tanh(h) ** 2,
        "sigmoid": lambda: sigmoid * (1 - sigmoid),
        "gelu": lambda: mp.erfc(-h / mp.sqrt(2)) / 2 + h * mp.npdf(h),
        "silu": lambda: sigmoid + h * sigmoid * (1 - sigmoid),
        "softplus": lambda: sigmoid,
    }[activation]()


def largest(activation, digits=40):
    """max k = max phi'^2; for softplus the supremum."""
    with mp.workdps(digits):
        if activation == "sigmoid":
            return mp.mpf(1) / 16
        if activation == "gelu":
            return derivative(activation, mp.sqrt(2)) ** 2
        if activation == "silu":
            # phi'' = 0
            top = mp.findroot(lambda h: h * mp.tanh(h / 2) - 2, mp.mpf("2.4"))
            return derivative(activation, top) ** 2
        return mp.mpf(1)


def moment(activation, q, order, digits=20):
    """mu_k = E phi'^(2k), k = order: mpmath's quadrature at two precisions, which must agree."""
    if activation not in GATES:
        return mp.fsum(mass * value**order for value, mass in finite_law(activation, q))

    def at(dps):
        with mp.workdps(dps):
            s = mp.sqrt(mp.mpf(q))
            return mp.quad(
                lambda x: mp.npdf(x) * derivative(activation, s * x) ** (2 * order), range(-16, 17, 2)
            )

    coarse, fine = at(digits + 10), at(digits + 20)
    if abs(coarse - fine) > mp.mpf(10) ** -digits * fine:
        raise ArithmeticError(f"moment {order} of {activation}, q = {q}: {coarse}, {fine}")
    return fine


def transform(activation, q, zeta, digits=20):
    """(m_K, zeta m_K', E 1/(1 - zeta k), E log(1 - zeta k)), Im zeta < 0 or zeta real below 1/max k."""
    if activation not in GATES:
        return reference_transform(activation, q, zeta, digits)
    terms = (
        lambda x, rest, _: x / rest,
        lambda x, rest, _: x / (rest * rest),
        lambda x, rest, _: 1 / rest,
        _turned_log if zeta.imag < 0 else lambda x, rest, analytic: rest.log(analytic=analytic),
    )
    return Transform(*(to_mpc(_average(activation, q, zeta, term, digits)) for term in terms))


def _turned_log(x, rest, analytic):
    """log(1 - x) with its cut down the imaginary axis: the principal one runs beside the path where x > 1 nearly."""
    turn = acb(0, 1)
    return (rest / turn).log(analytic=analytic) + turn * arb.pi() / 2


def _average(activation, q, zeta, term, digits):
    """E term(zeta k, 1 - zeta k); beyond `reach` standard deviations lies a weight below 10^-(digits + 30)."""
    gate = GATES[activation]

    def integrand(h, analytic):
        x = exact_ball(zeta) * gate.derivative(h) ** 2
        return (-h * h / (2 * arb(q))).exp() * term(x, 1 - x, analytic)

    for extra in (10, 30, 60):
        with ctx.workdps(digits + extra):
            reach = acb(math.sqrt(2 * math.log(10) * (digits + 30)) * math.sqrt(q))
            tolerances = {"rel_tol": arb(10) ** (-digits - extra), "abs_tol": arb(10) ** (-digits - 30)}
            half = acb.integral(integrand, 0, reach, eval_limit=EVALUATIONS, **tolerances)
            total = half + (
                half
                if gate.even
                else acb.integral(integrand, -reach, 0, eval_limit=EVALUATIONS, **tolerances)
            )
            total /= (2 * arb.pi() * arb(q)).sqrt()
        if accurate(total, digits):
            return total
    raise ArithmeticError(f"m_K of {activation}, q = {q}, at zeta = {zeta}: {digits} digits not reached")
