"""B3: Theorem 4.1: disjoint regions that are mapped into themselves with K < 1, about the stable points of networks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import rmtjac as rj
from rmtjac.certificate_plots import plot_regions
from validation.case import Case, Result
from validation.depth_census import ensemble

Floats = NDArray[np.float64]

DEPTHS = (2, 3)
NETWORKS, QUICK_NETWORKS, QUICK_DEPTHS = 10, 1, (2,)
FIRST = 1
PARTS = 128
STARTS = 100
TOL = 1e-9


def run(quick: bool) -> Result:
    """Regions of Cauchy networks 2-100-...-2, and of a cubic map of two numbers with 2 x 2 attracting points."""
    count = QUICK_NETWORKS if quick else NETWORKS
    header = [
        "map",
        "maps",
        "stable points",
        "regions",
        "median K",
        "largest K",
        "starts",
        "reach their point",
    ]
    table: list[list[Any]] = [header, _row("3 x^2 - 2 x^3 in two numbers", [_cubic()])]
    expanding: list[bool] = []
    for depth in QUICK_DEPTHS if quick else DEPTHS:
        nets = [ensemble().with_depth(depth).sample(FIRST + k) for k in range(count)]
        found = [(net, rj.contraction_regions(net, parts=PARTS)) for net in nets]
        table.append(_row(f"Cauchy, L = {depth}", found))
        expanding += [_no_box_shrinks(net, x) for net, regions in found for x in regions.left_out]
    arrived = all(row[7] == 1.0 for row in table[1:] if row[3])
    stable, certified = (sum(row[k] for row in table[2:]) for k in (2, 3))
    return Result(
        verdict="reproduced" if arrived and certified else "contradicted",
        sentence=(
            f"Every start in a certified region reaches the point of that region. {certified} of {stable} stable "
            f"points of the networks have such a region; at {sum(expanding)} of the {len(expanding)} others the matrix "
            "of |J_ij| has a spectral radius of 1 or more, so that no box shrinks, though the point attracts."
        ),
        table=table,
        artists=plot_regions(_cubic()[1].regions),
    )


def _cubic() -> tuple[Any, rj.ContractionRegions]:
    matrix = np.array([[1.0, 0.004], [-0.006, 1.0]])

    def f(x: Any) -> Any:
        u = matrix @ x + np.array([0.003, -0.002])
        return 3 * u**2 - 2 * u**3

    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    points = np.array([rj.solve_fixed_point(f, corner, method="picard").x for corner in corners])
    return f, rj.contraction_regions(f, points=points, parts=PARTS)


def _row(name: str, found: list[tuple[Any, rj.ContractionRegions]]) -> list[Any]:
    constants = np.concatenate([regions.constants for _, regions in found])
    stable = sum(len(regions.points) + len(regions.left_out) for _, regions in found)
    arrived = [_arrived(f, regions) for f, regions in found if len(regions.points)]
    starts = STARTS * len(constants)
    share = float(np.concatenate(arrived).mean()) if arrived else float("nan")
    if not len(constants):
        return [name, len(found), stable, 0, "-", "-", 0, share]
    medians = [float(np.median(constants)), float(constants.max())]
    return [name, len(found), stable, len(constants), *medians, starts, share]


def _no_box_shrinks(net: rj.Network, x: Floats) -> bool:
    """Whether |J(x)| has a spectral radius of 1 or more: then DPhi contracts in no weighted maximum norm."""
    return bool(np.abs(np.linalg.eigvals(np.abs(net.jacobian(x)))).max() >= 1.0)


def _arrived(f: Any, found: rj.ContractionRegions) -> NDArray[np.bool_]:
    """Whether random starts of each region are within TOL of its point after as many steps as the bound says."""
    rng, near = np.random.default_rng(3), []
    for region, point in zip(found.regions, found.points, strict=True):
        for x in rng.uniform(region.lower, region.upper, (STARTS, point.size)):
            for _ in range(region.iterations(TOL)):
                x = f(x)
            near.append(np.abs(x - point).max() <= 10.0 * TOL)
    return np.array(near)


CASE = Case(
    name="B3",
    claim="Theorem 4.1: k disjoint regions mapped into themselves with K_i < 1 hold k fixed points that attract them",
    run=run,
)
