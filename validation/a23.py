"""A23: "the approach guarantees the correct choice of root", by the continuation (22); sigma_w = 1, gates 0 and 1.

With L-th powers taken, the equation (19) is the polynomial z w = (1 + w) (w + p)^L of degree L + 1; the physical root
is that of the exact law. Not all the others are roots of (19) with the principal powers that a program takes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

import rmtjac as rj
from validation.case import Case, Result
from validation.paper_scheme import Iterated, iterate, zero_one_gates

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

NETWORKS = [("linear", 1), ("linear", 2), ("linear", 5), ("relu", 2), ("relu", 5), ("linear", 20)]
STEPS = (1.2, 1.5, 3.0, 10.0, 1000.0)
FAR = 1e7  # b^N, about
SAME = 0.05  # relative distance at which an end counts as a root
POINTS, QUICK_POINTS = 200, 25
PAPER = {"tol": 1e-5, "max_iter": 50}
STARTS = 50


def run(quick: bool) -> Result:
    """How many roots there are, what attracts, and where the scheme ends, from both starts and with steps b."""
    count = QUICK_POINTS if quick else POINTS
    table: list[list[Any]] = [
        ["network and start", "right", "trivial w = 0", "another root", "no root", "missed"]
    ]
    roots, wrong_met, zero_wrong, rates = [], 0.0, 1.0, []
    for activation, depth in NETWORKS:
        opened, lam = _gates(activation), _positions(activation, depth, count)
        every, physical = _roots(lam, opened, depth), _physical(lam, activation, depth)
        solving = np.abs(_image(every, lam[:, None], opened, depth) / every - 1.0) < 1e-6
        below = every.imag < -1e-9 * np.abs(every)
        roots.append(
            [
                f"{activation}, L = {depth}: roots of the polynomial {every.shape[1]}, below the axis "
                f"{_range(below)}, of these solving (19) {_range(below & solving)}",
                *["-"] * 5,
            ]
        )
        rates.append(_rate(physical, lam, opened, depth))
        for b in STEPS:
            found = _scheme(lam, opened, depth, b, opened**depth)
            shares, met_wrong = _shares(found, physical, every)
            wrong_met = max(wrong_met, met_wrong)
            table.append([f"{activation}, L = {depth}, from m_1/z, b = {b:g}", *shares])
        shares, _ = _shares(_scheme(lam, opened, depth, 1.5, 0.0), physical, every)
        if depth > 1:
            zero_wrong = min(zero_wrong, shares[1])
        table.append([f"{activation}, L = {depth}, from w = 0, b = 1.5", *shares])
        table.append(
            [
                f"{activation}, L = {depth}, random starts at Im z = 0",
                *_from_anywhere(lam, opened, depth, physical, every),
            ]
        )
    table += roots
    return Result(
        verdict="contradicted",
        sentence=(
            f"The printed start w = 0 is a root, and for L >= 2 {100 * zero_wrong:.0f} % of the points stay there, "
            f"meeting the tolerance. From m_1/z none ends at a third root, but with coarse steps up to "
            f"{100 * wrong_met:.0f} % meet the tolerance away from the physical root. What makes the root right is not "
            f"the path: of those below the axis one alone solves (19) with principal powers, and it attracts, slowly "
            f"(factor up to {max(rates):.4f} in the bulk)."
        ),
        table=table,
        artists=[],
    )


def _gates(activation: str) -> float:
    return {"linear": 1.0, "relu": 0.5}[activation]


def _positions(activation: str, depth: int, count: int) -> Floats:
    """lambda in the bulk, between quantiles and up to 1e-3 of the top edge."""
    law = rj.spectral_law(rj.Ensemble(depth=depth, activation=activation))
    low, high = law.support[0]
    return np.linspace(low + 1e-3 * (high - low), high - 1e-3 * (high - low), count)


def _physical(lam: Floats, activation: str, depth: int) -> Complexes:
    """w = -1 - z f(z) at lambda + i0."""
    law = rj.spectral_law(rj.Ensemble(depth=depth, activation=activation))
    return np.asarray(-1.0 - lam * law.stieltjes(lam))


def _roots(lam: Floats, opened: float, depth: int) -> Complexes:
    """All roots of (1 + w)(w + p)^L - lambda w, shape (points, L + 1)."""
    base = np.poly([-1.0, *[-opened] * depth])
    rows = []
    for x in lam:
        polynomial = base.copy()
        polynomial[-2] -= x
        rows.append(np.roots(polynomial).astype(np.complex128))
    return np.array(rows)


def _image(w: Complexes, z: Any, opened: float, depth: int) -> Complexes:
    """The right-hand side of (20), principal powers; z on the upper side of the real axis."""
    root = (z + 0j) ** (-1.0 / depth)
    gates = zero_one_gates(opened)
    return np.asarray(gates(root * (1.0 + w) ** (1.0 / depth) * w ** (1.0 - 1.0 / depth)))


def _rate(w: Complexes, lam: Floats, opened: float, depth: int) -> float:
    """Largest |d image/dw| at the physical roots: zeta m'/m (1/(L (1 + w)) w + 1 - 1/L)."""
    zeta = w / (opened + w)
    slope = 1.0 / (1.0 - zeta)
    return float(np.abs(slope * (w / (depth * (1.0 + w)) + 1.0 - 1.0 / depth)).max())


def _scheme(lam: Floats, opened: float, depth: int, b: float, first_moment: float) -> Iterated:
    n = math.ceil(math.log(FAR) / math.log(b))
    return iterate(
        lam,
        depth,
        zero_one_gates(opened),
        first_moment,
        b=b,
        n=n,
        tol=PAPER["tol"],
        max_iter=int(PAPER["max_iter"]),
    )


def _shares(found: Iterated, physical: Complexes, every: Complexes) -> tuple[list[float], float]:
    """Shares of points at the physical root, at w = 0, at another root, at none, and that missed the tolerance.

    Beside it the share of points that met the tolerance away from the physical root.
    """
    with np.errstate(all="ignore"):
        right = np.abs(found.w / physical - 1.0) < SAME
        trivial = np.abs(found.w) < 1e-6
        other = (np.abs(found.w[:, None] / every - 1.0) < SAME).any(axis=1) & ~right & ~trivial
    none = ~(right | trivial | other)
    shares = [float(np.mean(kind)) for kind in (right, trivial, other, none, ~found.met)]
    return shares, float(np.mean(~right & found.met))


def _from_anywhere(
    lam: Floats, opened: float, depth: int, physical: Complexes, every: Complexes
) -> list[float]:
    """The iteration at Im z = b^-N alone, from random starts below the axis: shares as above."""
    rng = np.random.default_rng(STARTS)
    z = np.asarray(lam + 1j / FAR, dtype=np.complex128)
    w = physical * rng.lognormal(size=lam.size) * np.exp(1j * rng.uniform(-1.0, 1.0, lam.size))
    w = np.where(w.imag < 0.0, w, w.conj())
    for _ in range(40 * int(PAPER["max_iter"])):
        before, w = w, _image(w, z, opened, depth)
    met = np.abs(w - before) < PAPER["tol"]
    shares, _ = _shares(Iterated(w=w, z=z, met=met, iterations=0), physical, every)
    return shares


def _range(flags: npt.NDArray[np.bool_]) -> str:
    """Fewest to most a point."""
    counts = flags.sum(axis=1)
    return f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"


CASE = Case(
    name="A23", claim='"the approach guarantees the correct choice of root" by the continuation (22)', run=run
)
