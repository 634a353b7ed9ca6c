"""A17: ||J|| < 1 makes a contraction; "the behaviour of the eigenvalues determines the boundaries of the basins"."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import rmtjac as rj
from validation.case import Case, Result
from validation.depth_census import WIDTH, ensemble

Floats = npt.NDArray[np.float64]

DEPTHS = (2, 3, 5)
NORMAL = "normal, std 1/n, L = 2"
PROVEN, PROVEN_ONE = "sup ||J|| < 1, proven", "  of them with exactly one point"
KEPT, KEPT_ONE = "regions that Phi keeps, proven", "  of these with exactly one point"
BOUNDARY = "points of basin boundaries"
ACROSS, INSIDE = "  ||J|| passes 1 there", "  ||J|| < 1 on both sides"
PAIRS, HALVINGS, BESIDE = 40, 24, 1e-7
DRAWS, QUICK_DRAWS, FIRST = 40, 2, 1700
WIDTHS, QUICK_WIDTHS = (50, 100, 200), (50,)
INPUTS, NETWORKS, SQUARE_DEPTH = 50, 10, 3


def run(quick: bool) -> Result:
    """Contraction regions and basin boundaries in the plane; norms of square tanh networks against the theory."""
    columns = {name: _column(ens, QUICK_DRAWS if quick else DRAWS) for name, ens in _ensembles().items()}
    ratios = {width: _ratios(width) for width in (QUICK_WIDTHS if quick else WIDTHS)}
    table: list[list[Any]] = [["2-100-...-2, hard_tanh", *columns]]
    table += [[name, *(each[name] for each in columns.values())] for name in columns[NORMAL]]
    rest = [""] * (len(columns) - 2)
    table += [[f"tanh, L = 3, N = {n}: norm/top edge typically, at 0", *ratios[n], *rest] for n in ratios]
    return Result(
        verdict="reproduced" if _holds(columns) and _on_lines(columns) else "contradicted",
        sentence=_sentence(columns, ratios),
        table=table,
        artists=rj.contraction_map(ensemble().with_depth(3).sample(FIRST)).plot(),
    )


def _ensembles() -> dict[str, rj.Ensemble]:
    """Cauchy networks of several depths, and normal ones of standard deviation 1/n, which contract."""
    cauchy = {f"Cauchy, L = {depth}": ensemble().with_depth(depth) for depth in DEPTHS}
    return cauchy | {
        NORMAL: rj.Ensemble.self_map(
            2, WIDTH, 2, activation="hard_tanh", sigma_w=lambda fan_in: fan_in**-0.5, sigma_b="as_weights"
        )
    }


def _holds(columns: dict[str, dict[str, Any]]) -> bool:
    """Whether every proven contraction, of the square or of a region that is kept, has one point."""
    return all(
        each[name] == 1.0 or each[over] == 0
        for each in columns.values()
        for over, name in ((PROVEN, PROVEN_ONE), (KEPT, KEPT_ONE))
    )


def _on_lines(columns: dict[str, dict[str, Any]]) -> bool:
    """Whether nine tenths of the basin boundaries lie where ||J|| passes 1."""
    return all(each[ACROSS] > 0.9 for each in columns.values() if each[BOUNDARY])


def _sentence(columns: dict[str, dict[str, Any]], ratios: dict[int, tuple[float, float]]) -> str:
    contracting = sum(round(each[PROVEN] * each["networks"]) for each in columns.values())
    cauchy, (typical, centre) = columns["Cauchy, L = 3"], ratios[max(ratios)]
    return (
        f"The first half holds: all {contracting} networks with sup ||J|| < 1 over the square, proven, have exactly "
        f"one fixed point. It is the whole square that counts: of the regions with ||J|| < 1 on the grid (Cauchy, "
        f"L = 3) {cauchy['regions with a fixed point']:.2g} have a fixed point; {cauchy[KEPT]:.2g} are proven to be "
        f"kept by Phi. The second half does not: at points of basin boundaries, found by halving between neighbours, "
        f"||J|| passes 1 in {cauchy[ACROSS]:.2g}, is below 1 on both sides in {cauchy[INSIDE]:.2g}, and thus is 1 or "
        "more on both sides in the rest: boundaries run where ||J|| is large, often on ridges narrower than the grid, "
        "and are no lines of the norm. The theory's top edge is the norm at "
        f"typical inputs ({typical:.3g} of it, tanh, L = 3, N = {max(ratios)}), and {centre:.2g} of it at x = 0: a "
        "typical norm is no supremum."
    )


def _column(ens: rj.Ensemble, draws: int) -> dict[str, Any]:
    """Shares over the networks of an ensemble; nan for shares of nothing."""
    facts = [_facts(ens.sample(FIRST + k)) for k in range(draws)]
    total = {name: sum(each[name] for each in facts) for name in facts[0]}

    def share(part: str, whole: str) -> float:
        return total[part] / total[whole] if total[whole] else float("nan")

    return {
        "networks": draws,
        "share of the square with ||J|| < 1": total["contracting"] / draws,
        PROVEN: total["contraction"] / draws,
        PROVEN_ONE: share("contraction with one", "contraction"),
        "contraction regions": total["regions"],
        "regions with a fixed point": share("with point", "regions"),
        KEPT: share("kept", "regions"),
        KEPT_ONE: share("kept with one", "kept"),
        BOUNDARY: total["boundary"],
        ACROSS: share("boundary across", "boundary"),
        INSIDE: share("boundary inside", "boundary"),
    }


def _facts(net: rj.Network) -> dict[str, float]:
    seen = rj.contraction_map(net)
    kept = [region for region in seen.regions if region.maps_into_itself == "yes"]
    contracts = bool(np.all(seen.norms < 1.0)) and rj.certified_norm_bound(net, -1.0, 1.0) < 1.0
    return {
        "contracting": seen.contracting_share,
        "contraction": int(contracts),
        "contraction with one": int(contracts and seen.complete and len(seen.fixed_points) == 1),
        "regions": len(seen.regions),
        "with point": sum(len(region.fixed_points) > 0 for region in seen.regions),
        "kept": len(kept),
        "kept with one": sum(len(region.fixed_points) == 1 for region in kept),
    } | _boundary(net, rj.basins(net))


def _boundary(net: rj.Network, found: rj.Basins) -> dict[str, float]:
    """||J|| on both sides of points of basin boundaries between grid neighbours: a grid misses narrow ridges."""
    labels = found.labels
    differ = (labels[:, 1:] != labels[:, :-1]) & (labels[:, 1:] > 0) & (labels[:, :-1] > 0)
    rows, columns = np.nonzero(differ)
    chosen = np.random.default_rng(FIRST).permutation(len(rows))[:PAIRS]
    left, right = (found.starts[rows[chosen], columns[chosen] + side] for side in (0, 1))
    if not len(left):
        return dict.fromkeys(("boundary", "boundary across", "boundary inside"), 0)
    middle = _halved(net, left, right)
    aside = np.array([BESIDE, 0.0])
    below = np.array([rj.spectral_norm(net, middle + sign * aside) < 1.0 for sign in (-1.0, 1.0)])
    return {
        "boundary": len(middle),
        "boundary across": int((below[0] != below[1]).sum()),
        "boundary inside": int(below.all(axis=0).sum()),
    }


def _halved(net: rj.Network, left: Floats, right: Floats) -> Floats:
    """Points between left and right (k, 2) where the basin of the left one ends."""
    for _ in range(HALVINGS):
        middle = 0.5 * (left + right)
        labels = rj.basins(net, starts=np.concatenate([left, middle])).labels
        same = (labels[: len(left)] == labels[len(left) :])[:, None]
        left, right = np.where(same, middle, left), np.where(same, right, middle)
    return np.asarray(0.5 * (left + right))


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


CASE = Case(
    name="A17",
    claim="||J|| < 1 makes the map a contraction with one fixed point, and J determines the boundaries of basins",
    run=run,
)
