"""Densities of identical layers against mpmath at 30 digits."""

from __future__ import annotations

import random
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import mpmath as mp
import numpy as np

import rmtjac as rj
from validation.edges import top_edge
from validation.gate_transforms import reference_transform
from validation.networks import HARD, SMOOTH, Network, package_root, random_layer
from validation.reference import polished_density
from validation.targets.table import Figure, at_most

SEED = 20261121
LAWS = 10  # of each activation and kind of weights
POINTS = 6
DEEPEST = 20
Q = (0.1, 5.0)
FAR = 1e-2
FAINT = 1e-20  # density of log lam
DIGITS = 30
EPS = float(np.finfo(float).eps)


class Found(NamedTuple):
    """A point: relative error of the density, 1 - lam/edge, depth, whether the reference is certified, where."""

    error: float
    inside: float
    depth: int
    certified: bool
    place: str


def densities() -> list[Figure]:
    """Densities against mpmath: every activation, Gaussian and Haar, L in 1..20, q in [.1, 5].

    Half of the points are quantiles, half lie log-uniformly near an edge, down to 1e-12 of it. The reference starts
    at the package's root and is certified by its residual and its half planes; one that is not counts as a miss.
    Gates that crowd at their largest value (softplus) have a tail at the edge where the density of log lam is below
    1e-20, and the package gives 0 or rounding, with a bound: points there are counted and left out. The package's edge
    ends where P(phi'^2 > k) underflows, so that of softplus is compared on its own.
    """
    tasks = [
        (name, haar, k)
        for name in (*HARD, *SMOOTH)
        for haar in (False, True)
        for k in range(LAWS)
        if not (haar and name == "linear")  # a point mass
    ]
    with ProcessPoolExecutor(2) as pool:
        results = list(pool.map(_one_law, tasks, chunksize=4))
    found = [point for points, _, _, _ in results for point in points]
    far = [point for point in found if point.inside >= FAR]
    near = [point for point in found if point.inside < FAR]
    worst = max(far)
    units = [(point.error * point.inside / (20.0 * point.depth * EPS), point.place) for point in near]
    # softplus comes last
    attained, rest = results[: -2 * LAWS], results[-2 * LAWS :]
    edge, edge_place = max((error, place) for _, _, error, place in attained)
    faint = sum(count for _, count, _, _ in results)
    return [
        Figure(
            what="points left out: density of log lam below 1e-20",
            value=str(faint),
            target="reported",
            met=True,
        ),
        at_most("references that are not certified", sum(not p.certified for p in found), 0.0),
        at_most(f"largest where 1 - lam/edge >= 1e-2 ({len(far)} points; {worst.place})", worst.error, 1e-9),
        at_most(
            f"closer ({len(near)} points), in units of 20 L eps/(1 - lam/edge) ({max(units)[1]})",
            max(units)[0],
            1.0,
        ),
        at_most(f"top edge, {len(attained)} laws ({edge_place})", edge, 1e-9),
        Figure(
            what="top edge, softplus",
            value=max(error for _, _, error, _ in rest),
            target="reported",
            met=True,
        ),
    ]


def _one_law(task: tuple[str, bool, int]) -> tuple[list[Found], int, float, str]:
    """The points of one random law, the number of those left out, and the relative error of its top edge."""
    name, haar, _ = task
    rng = random.Random(f"{SEED} densities {task}")
    layer = random_layer(rng, [name], Q)
    # a Haar layer with finitely many gate values has no density
    depth = rng.randint(2 if haar and name in HARD else 1, DEEPEST)
    network = Network.identical(layer, depth, haar)
    law = network.law()
    place = f"{network}, q={layer['q']:.4g}"
    edge = abs(float(law.edges[-1] / top_edge(layer, depth, haar) - 1))
    lams = positions(rng, law)
    points = [_one_point(network, law, lam, place) for lam in lams if law.pdf(lam) > 0.0]
    loud = [point for point in points if point is not None]
    return loud, len(lams) - len(loud), edge, place


def positions(rng: random.Random, law: rj.SpectralLaw, count: int = POINTS) -> list[float]:
    """Half of them quantiles of the continuous part, half log-uniform distances 1e-12..1 from its edges."""
    low, high = law.support[rng.randrange(len(law.support))]
    below = float(law.cdf(low)) if low > 0.0 else _atom_at(law, 0.0)
    above = float(law.sf(high)) + _atom_at(law, high)
    levels = [below + (1.0 - above - below) * rng.uniform(1e-6, 1.0 - 1e-6) for _ in range(count // 2)]
    lams = [float(lam) for lam in law.ppf(levels)]
    for _ in range(count - count // 2):
        step = 10.0 ** rng.uniform(-12.0, 0.0)
        # downwards from the top, upwards from a lower edge
        lams.append(
            low + (high - low) * step if low > 0.0 and rng.random() < 0.5 else high - (high - low) * step
        )
    return [lam for lam in lams if low < lam < high]


def _atom_at(law: rj.SpectralLaw, lam: float) -> float:
    return sum(float(mass) for place, mass in law.atoms if place == lam)


def _one_point(network: Network, law: rj.SpectralLaw, lam: float, place: str) -> Found | None:
    """None in a faint tail."""
    inside = float(np.abs(1.0 - lam / law.edges).min())
    exact, certified = _reference(network, law, lam)
    if exact * lam < FAINT:
        return None
    error = abs(float((mp.mpf(float(law.pdf(lam))) - exact) / exact))
    return Found(error, inside, len(network.layers), certified, f"lam={lam:.17g}, {place}")


def _reference(network: Network, law: rj.SpectralLaw, lam: float) -> tuple[mp.mpf, bool]:
    """The density of J J^T, and whether it is certified."""
    if network.haar and len(network.layers) == 1:
        return _density_of_gates(network, lam), True
    start = package_root(network, law, lam)
    found = polished_density(network.layers, network.widths, network.haar, lam, start, DIGITS)
    return found.density, found.certified


def _density_of_gates(network: Network, lam: float) -> mp.mpf:
    """One Haar layer: J J^T has the law of sigma_w^2 k, whose m_K is taken on its cut."""
    layer = network.layers[0]
    with mp.workdps(DIGITS + 10):
        zeta = mp.mpc(mp.mpf(layer["sigma_w"]) ** 2 / mp.mpf(lam))
        return -reference_transform(layer["activation"], layer["q"], zeta, DIGITS).m.imag / (
            mp.pi * mp.mpf(lam)
        )
