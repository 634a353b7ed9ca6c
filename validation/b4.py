"""B4: Theorem 4.2, iteration with noise of at most 1/m a step, against its bound."""

from __future__ import annotations

from typing import Any

import numpy as np

import rmtjac as rj
from rmtjac.linkage.looped_regions import LoopedRegions
from rmtjac.looped_plots import plot_robust
from rmtjac.plotting import BLUE, GREEN, VERMILION, new_axes
from validation.case import Case, Result

NOISES = ("uniform", "gaussian", "adversarial")
SIZES = (20, 100, 1_000)  # m, delta = 1/m
STEPS = 60
STARTS, QUICK_STARTS = 100, 10


def run(quick: bool) -> Result:
    """Largest error after n steps over the bound, for maps that allow it to be reached and for cubic layers."""
    starts = QUICK_STARTS if quick else STARTS
    header = [
        "map",
        "noise",
        "m",
        "K",
        "error at 60",
        "bound at 60",
        "1/((1-K)m)",
        "largest error/bound",
        "proven tube",
    ]
    table: list[list[Any]] = [header]
    for m in SIZES:
        table.append(_linear(m))
    regions = rj.certify_looped_regions(*rj.sample_looped_layer(3, 1_000.0, rng=1), "cubic", radius=0.12)
    for m in SIZES:
        table += [_cubic(regions, noise, m, starts) for noise in NOISES]
    ratios = [row[7] for row in table[1:]]
    linear = [row[4] / row[6] for row in table[1 : 1 + len(SIZES)]]
    holds = max(ratios) <= 1.0 + 1e-12
    return Result(
        verdict="reproduced" if holds and min(linear) > 0.999 else "contradicted",
        sentence=(
            f"No error passes K^n |x_0 - x*| + (1 - K^n)/((1 - K) m), so none passes the source's bound, which has 1 "
            f"for 1 - K^n. It is sharp: on x -> K x noise that always points away reaches {100 * min(linear):.1f} % of "
            f"1/((1 - K) m). The noise leaves a tube and no point: 'converges to the fixed point' in section 6 holds "
            f"up to that. Next to superattracting points the tube that is proven is far thinner, little more than 1/m."
        ),
        table=table,
        artists=_drawn(regions),
    )


def _linear(m: int) -> list[Any]:
    """x -> .8 x in two dimensions, with noise that points away from 0."""
    net = rj.Network([0.8 * np.eye(2)], None, "linear")
    options = {"noise": "adversarial", "constant": 0.8, "fixed_point": [0.0, 0.0]}
    found = rj.robust_iteration(net, [0.05, -0.05], STEPS, 1.0 / m, **options)
    return ["0.8 x", "adversarial", m, 0.8, *_measured(found), "-"]


def _cubic(regions: LoopedRegions, noise: str, m: int, starts: int) -> list[Any]:
    """All regions of a cubic layer in three dimensions, with starts all over them; regions that the noise can leave
    have no bound, and where delta/(1 - K) does not fit no tube."""
    constant = float(regions.constants.max())
    x = np.random.default_rng(m).uniform(regions.lower, regions.upper, (starts, *regions.lower.shape))
    targets = np.broadcast_to(regions.points, x.shape).reshape(-1, 3)
    found = rj.robust_iteration(
        regions.network,
        x.reshape(-1, 3),
        STEPS,
        1.0 / m,
        noise=noise,
        rng=m,
        fixed_point=targets,
        constant=constant,
    )
    tube = float(rj.certify_tubes(regions, 1.0 / m).max())
    return ["cubic, 8 regions", noise, m, constant, *_measured(found), tube if tube < np.inf else "-"]


def _measured(found: rj.RobustIteration) -> list[float]:
    share = found.errors[1:] / found.bound[1:]  # both are |x_0 - x*| at first
    return [found.errors[-1].max(), found.bound[-1].max(), found.tube_radius, share.max()]


def _drawn(regions: LoopedRegions) -> list[Any]:
    ax, artists = new_axes(), []
    for m, colour in zip(SIZES, (VERMILION, BLUE, GREEN), strict=True):
        found = rj.robust_iteration(
            regions.network,
            regions.upper[:1],
            STEPS,
            1.0 / m,
            noise="adversarial",
            fixed_point=regions.points[0],
            constant=float(regions.constants[0]),
        )
        artists += plot_robust(found, ax, colour)
    return artists


CASE = Case(
    name="B4",
    claim="with noise |h| <= 1/m a step, |x_n - x*| <= K^n |x_0 - x*| + 1/((1 - K) m) (Theorem 4.2)",
    run=run,
)
