"""A17: ||J|| < 1 makes a contraction; "the behaviour of the eigenvalues determines the boundaries of the basins"."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import rmtjac as rj
from validation.case import Case, Result
from validation.depth_census import ensemble

Floats = npt.NDArray[np.float64]

DEPTHS = (2, 3, 5)
DRAWS, QUICK_DRAWS, FIRST = 100, 6, 1700
WIDTHS, QUICK_WIDTHS = (50, 100, 200), (50, 100)
INPUTS, NETWORKS, SQUARE_DEPTH = 50, 10, 3


def run(quick: bool) -> Result:
    """Contraction regions and basin boundaries of Cauchy networks; norms of square tanh networks against the theory."""
    draws = QUICK_DRAWS if quick else DRAWS
    columns = [_column(depth, draws) for depth in DEPTHS]
    table: list[list[Any]] = [["Cauchy, hard_tanh, 2-100-...-2", *(f"L = {depth}" for depth in DEPTHS)]]
    table += [[name, *(column[name] for column in columns)] for name in columns[0]]
    widths = QUICK_WIDTHS if quick else WIDTHS
    ratios = {width: _ratios(width) for width in widths}
    rest = [""] * (len(DEPTHS) - 2)
    table += [
        [f"tanh, L = 3, N = {n}: norm/top edge typically, at 0", *pair, *rest] for n, pair in ratios.items()
    ]
    middle = columns[1]
    return Result(
        verdict="contradicted",
        sentence=(
            f"A bound below 1 on the whole square did give exactly one fixed point, always "
            f"({_total(columns, 'sup ||J|| < 1 proven')} networks). But ||J|| < 1 in a region gives a point in "
            f"{middle['regions with a fixed point']:.2g} of the regions only (L = 3; kept by Phi, proven: "
            f"{middle['regions that Phi keeps']:.2g}, all of them with one point), and basin boundaries are no lines "
            f"||J|| = 1: {middle['boundary pairs on ||J|| = 1']:.2g} of the pairs of neighbours in different basins "
            f"lie across such a line, against {middle['all pairs on ||J|| = 1']:.2g} of all pairs, and "
            f"{middle['boundary pairs with ||J|| < 1']:.2g} lie inside of contraction regions. The theory's top edge "
            f"is the norm at typical inputs (ratio {ratios[widths[-1]][0]:.3g}), while at x = 0 it is "
            f"{ratios[widths[-1]][1]:.2g} times as large: no supremum."
        ),
        table=table,
        artists=rj.contraction_map(ensemble().with_depth(3).sample(FIRST)).plot(),
    )


def _column(depth: int, draws: int) -> dict[str, Any]:
    """Sums over the networks of one depth."""
    facts = [_facts(ensemble().with_depth(depth).sample(FIRST + k)) for k in range(draws)]
    total = {name: sum(each[name] for each in facts) for name in facts[0]}
    regions, boundary, pairs = (max(total[name], 1) for name in ("regions", "boundary", "pairs"))
    return {
        "networks": draws,
        "share of the square with ||J|| < 1": total["contracting"] / draws,
        "sup ||J|| < 1 proven": total["contraction"],
        "  of them with one point, proven": total["contraction with one"],
        "contraction regions": total["regions"],
        "regions with a fixed point": total["with point"] / regions,
        "regions that Phi keeps": total["kept"] / regions,
        "  of them with exactly one point": total["kept with one"] / max(total["kept"], 1),
        "pairs of neighbours in different basins": total["boundary"],
        "boundary pairs on ||J|| = 1": total["boundary across"] / boundary,
        "all pairs on ||J|| = 1": total["across"] / pairs,
        "boundary pairs with ||J|| < 1": total["boundary inside"] / boundary,
        "all pairs with ||J|| < 1": total["inside"] / pairs,
    }


def _facts(net: rj.Network) -> dict[str, float]:
    seen = rj.contraction_map(net)
    kept = [region for region in seen.regions if region.maps_into_itself == "yes"]
    contracts = rj.certified_norm_bound(net, -1.0, 1.0) < 1.0
    return {
        "contracting": seen.contracting_share,
        "contraction": int(contracts),
        "contraction with one": int(contracts and seen.complete and len(seen.fixed_points) == 1),
        "regions": len(seen.regions),
        "with point": sum(len(region.fixed_points) > 0 for region in seen.regions),
        "kept": len(kept),
        "kept with one": sum(len(region.fixed_points) == 1 for region in kept),
    } | _boundary(rj.basins(net).labels, seen.norms)


def _boundary(labels: npt.NDArray[np.int64], norms: Floats) -> dict[str, float]:
    """Neighbours on the grid: in different basins or not, across ||J|| = 1 or both below it."""
    below = norms < 1.0
    differ, across, inside = (
        np.concatenate([compare(a[:, 1:], a[:, :-1]).ravel(), compare(a[1:], a[:-1]).ravel()])
        for a, compare in ((labels, np.not_equal), (below, np.not_equal), (below, np.logical_and))
    )
    return {
        "pairs": differ.size,
        "boundary": int(differ.sum()),
        "across": int(across.sum()),
        "inside": int(inside.sum()),
        "boundary across": int((differ & across).sum()),
        "boundary inside": int((differ & inside).sum()),
    }


def _ratios(width: int) -> tuple[float, float]:
    """||J|| over the theory's top edge: mean at random inputs, and at x = 0."""
    ens = rj.Ensemble(depth=SQUARE_DEPTH, width=width, activation="tanh")
    law = rj.spectral_law(ens)
    x = np.random.default_rng(17).standard_normal((INPUTS, width))
    found = [
        [rj.predict_norm(net, law, at).ratios.mean() for at in (x, np.zeros((1, width)))]
        for net in (ens.sample(FIRST + k) for k in range(NETWORKS))
    ]
    typical, centre = np.mean(found, axis=0)
    return float(typical), float(centre)


def _total(columns: list[dict[str, Any]], name: str) -> int:
    return int(sum(column[name] for column in columns))


CASE = Case(
    name="A17",
    claim="||J|| < 1 makes the map a contraction with one fixed point, and J determines the boundaries of basins",
    run=run,
)
