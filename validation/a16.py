"""A16: the four moment generating functions that the paper lists at (24), against direct integration."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np

import rmtjac as rj
from validation.case import Case, Result

Number = Any  # of mpmath, which has no types
Printed = Callable[[Number, Number], Number]

QS = (0.1, 0.8, 5.0)
ZETAS = (-3.0 + 0.0j, 0.4 - 0.2j, 1.5 - 0.5j, 3.0 - 0.1j)
DIGITS = (20, 35)
AGREES = 1e-12


def _erf_printed(zeta: Number, q: Number) -> Number:
    return zeta / mp.sqrt(2 * mp.pi * q) * mp.lerchphi(zeta, 0.5, (1 + mp.pi * q) / (mp.pi * q))


PRINTED: dict[str, Printed] = {
    "linear": lambda zeta, q: zeta / (1 - zeta),
    "relu": lambda zeta, q: zeta / (1 - zeta) / 2,
    "hard_tanh": lambda zeta, q: mp.erf(1 / mp.sqrt(2 * q)) * zeta / (1 - zeta),
    "erf": _erf_printed,
}
# their coefficients of z^2
SECOND: dict[str, Callable[[float], float]] = {
    "linear": lambda q: 1.0,
    "relu": lambda q: 0.5,
    "hard_tanh": lambda q: math.erf(1.0 / math.sqrt(2.0 * q)),
    "erf": lambda q: 1.0 / math.sqrt(2.0 * math.pi * q * (2.0 + 1.0 / (math.pi * q))),
}
# phi'(h), and the points where it jumps
SLOPES: dict[str, tuple[Callable[[Number], Number], list[float]]] = {
    "linear": (lambda h: 1, [0.0]),
    "relu": (lambda h: int(h > 0), [0.0]),
    "hard_tanh": (lambda h: int(abs(h) < 1), [-1.0, 0.0, 1.0]),
    "erf": (lambda h: mp.exp(-mp.pi * h * h / 4), [0.0]),
}


def run(quick: bool) -> Result:
    """Relative errors of the printed functions and of ours, at q and zeta; L = 1 in the reading m_M."""
    table: list[list[Any]] = [
        ["function", "q", "zeta", "printed, against integral", "printed / integral", "ours, against integral"]
    ]
    worst = dict.fromkeys(PRINTED, 0.0)
    ours = 0.0
    for name in PRINTED:
        for q in QS[1:2] if quick else QS:
            for zeta in ZETAS:
                exact = integral(name, q, zeta)
                ratio = printed(name, q, zeta) / exact
                own = float(abs(complex(rj.generating_function(name, q, zeta)) / exact - 1))
                error = float(abs(ratio - 1))
                worst[name], ours = max(worst[name], error), max(ours, own)
                table.append([f"m_K, {name}", q, str(zeta), error, mp.nstr(mp.mpc(ratio).real, 12), own])
    table += _as_spectrum() + _at_one()
    holding = [name for name in PRINTED if worst[name] < AGREES]
    wrong = [name for name in PRINTED if name not in holding]
    return Result(
        verdict="contradicted" if wrong else "reproduced under a stated reading",
        sentence=(
            f"They are printed as m_M, the function of J J^T, and are m_K, that of the gates: at L = 1 their second "
            f"moments are not those of the law. Read as m_K, {', '.join(holding)} hold; {', '.join(wrong)} is too "
            f"small by exactly sqrt(2): its prefactor is zeta/sqrt(pi q). Ours agree with the integrals to {ours:.1g}."
        ),
        table=table,
        artists=[],
    )


def integral(name: str, q: float, zeta: complex, digits: int = DIGITS[0]) -> Number:
    """E[zeta k/(1 - zeta k)], k = phi'(h)^2, h ~ N(0, q), by mpmath's quadrature over h."""
    slope, jumps = SLOPES[name]
    with mp.workdps(digits):
        zeta, q = mp.mpc(zeta), mp.mpf(q)

        def term(h: Number) -> Number:
            x = zeta * slope(h) ** 2
            return x / (1 - x) * mp.npdf(h, 0, mp.sqrt(q))

        far = 12 * mp.sqrt(q)
        inside = sorted({*jumps, *_near_poles(name, zeta)})
        return mp.quad(term, [-far, *[h for h in inside if abs(h) < far], far], maxdegree=12)


def _near_poles(name: str, zeta: Number) -> list[Number]:
    """Where zeta k comes next to 1 on the real line."""
    if name != "erf" or abs(zeta) < 1:
        return []
    h = mp.sqrt(2 / mp.pi * mp.log(abs(zeta)))
    return [-h, h]


def printed(name: str, q: float, zeta: complex) -> Number:
    """The paper's formula at two precisions that agree."""
    values = []
    for digits in DIGITS:
        with mp.workdps(digits):
            values.append(PRINTED[name](mp.mpc(zeta), mp.mpf(q)))
    if abs(values[0] - values[1]) > 1e-15 * abs(values[1]):
        raise ArithmeticError(f"{name}, q = {q}, at {zeta}: {values[0]} and {values[1]}")
    return values[1]


def _as_spectrum() -> list[list[Any]]:
    """Read as m_M: their coefficient of z^2 against the second moment of the law, L = 1, q = .8."""
    rows: list[list[Any]] = []
    q = QS[1]
    for name in PRINTED:
        exact = rj.spectral_law(rj.Ensemble(depth=1, activation=name), q=q).moment(2)
        rows.append(
            [f"m_M, {name}, L = 1: E lambda^2 printed, and of the law", q, "-", SECOND[name](q), exact, "-"]
        )
    return rows


def _at_one() -> list[list[Any]]:
    """At zeta = 1 the Lerch series diverges."""
    with mp.workdps(DIGITS[0]):
        value = complex(mp.lerchphi(1, 0.5, 1 + 1 / (mp.pi * mp.mpf(QS[1]))))
    sums = [float(np.sum((np.arange(n) + 1.0 + 1.0 / (math.pi * QS[1])) ** -0.5)) for n in (100, 10_000)]
    shown = " and ".join(f"{s:.4g}" for s in sums)
    return [
        [
            f"Lerch at zeta = 1: mpmath, and sums of 100 and 10,000 terms ({shown})",
            QS[1],
            "1",
            "-",
            value.real,
            "-",
        ]
    ]


CASE = Case(
    name="A16",
    claim="the four moment generating functions at (24), the Lerch transcendent among them",
    run=run,
)
