"""B6: section 6, Figs. 1 to 3: scalar maps with two attracting points, 2 x 2 points of the plane, noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import rmtjac as rj
from rmtjac.linkage.looped_regions import LoopedRegions
from rmtjac.looped_plots import plot_cobweb, plot_regions, plot_trajectories
from rmtjac.plotting import BLACK, BLUE, GREEN, ORANGE, VERMILION
from validation.case import Case, Result

M = 50.0
REPELLING = {"cubic": 0.5, "exp_cubic": 2.223797}
SIZES = (0.005, 0.02, 0.05)  # of the noise in Fig. 3
STEPS, NOISY_STEPS = 60, 400
STARTS, QUICK_STARTS = 2_000, 200


def run(quick: bool) -> Result:
    """Where starts on each side of the repelling point go, where those of the plane go, and the tubes under noise."""
    starts = QUICK_STARTS if quick else STARTS
    table: list[list[Any]] = [["figure", "map", "what", "expected", "measured"]]
    holds = [_scalar(name, starts, table) for name in REPELLING]
    regions = rj.certify_looped_regions(*rj.sample_looped_layer(2, M, rng=3), "cubic")
    holds += [_plane(regions, starts, table), _noisy(regions, table)]
    return Result(
        verdict="reproduced under a stated reading" if all(holds) else "contradicted",
        sentence=(
            "With the activations of THEORY.md section 4 for the lost formulas all three figures come out: two "
            "attracting points of the scalar maps, each reached from its side of the repelling one; 2 x 2 points of "
            "the plane; and under noise trajectories that reach a tube about the point. They do not converge to the "
            "point itself, as the text of Fig. 3 has it: their last errors are of the size of the noise."
        ),
        table=table,
        artists=_drawn(regions),
    )


def _scalar(name: str, starts: int, table: list[list[Any]]) -> bool:
    """Fig. 1: shares of the starts between the two attracting points that go to each."""
    net = rj.looped([[1.0]], None, name, 1).layer
    low, high = net.activations[0].points
    x = np.linspace(low, high, starts + 2)[1:-1, None]
    y = x.copy()
    for _ in range(STEPS):
        y = net(y)
    right = np.abs(y[:, 0] - high) < 1e-9
    left = np.abs(y[:, 0] - low) < 1e-9
    due = float((x[:, 0] < REPELLING[name]).mean())
    table.append(["1", name, "attracting points", f"{low:.6g}, {high:.6g}", _found(name, low, high)])
    table.append(["1", name, "share of the starts to the first", due, float(left.mean())])
    return bool(abs(left.mean() - due) <= 2.0 / starts and (left | right).mean() >= 1.0 - 2.0 / starts)


def _found(name: str, low: float, high: float) -> str:
    """The fixed points by the search of boxes, and which of them attract."""
    found = rj.find_fixed_points(rj.looped([[1.0]], None, name, 1).layer, low - 0.3, high + 0.3)
    stable = ", ".join(f"{x:.6g}" for x in found.points[found.stable, 0])
    return stable + (" (no others)" if found.complete else "")


def _plane(regions: LoopedRegions, starts: int, table: list[list[Any]]) -> bool:
    """Fig. 2: two points a coordinate, and which of them starts in the square go to."""
    x = np.random.default_rng(1).uniform(-0.1, 1.1, (starts, 2))
    for _ in range(STEPS):
        x = regions.network(x)
    ends = np.abs(x[:, None] - regions.points).max(axis=2)
    shares = [(ends.argmin(axis=1) == k).mean() for k in range(4)]
    for k in range(4):
        place = f"({regions.points[k, 0]:.4f}, {regions.points[k, 1]:.4f})"
        table.append(["2", "cubic, plane", f"share of the starts to {place}", "about 1/4", float(shares[k])])
    return bool(regions.count == 4 and min(shares) > 0.15 and (ends.min(axis=1) < 1e-9).mean() > 0.99)


def _noisy(regions: LoopedRegions, table: list[list[Any]]) -> bool:
    """Fig. 3: from one start, noise of several sizes: the largest error of the last half beside the proven tube."""
    holds = True
    for delta in SIZES:
        found = _trajectory(regions, delta, NOISY_STEPS)
        last = float(found.errors[NOISY_STEPS // 2 :].max())
        tube = float(rj.certify_tubes(regions, delta)[3])
        what = f"largest error under noise up to {delta:g}"
        table.append(["3", "cubic, plane", what, f"<= {tube:.4g}, the proven tube", last])
        holds = holds and 0.5 * delta < last <= tube < math.inf
    return holds


def _trajectory(regions: LoopedRegions, delta: float, steps: int) -> rj.RobustIteration:
    start = regions.points[3] + 0.9 * (regions.lower[3] - regions.points[3])
    return rj.robust_iteration(regions.network, start, steps, delta, rng=5, fixed_point=regions.points[3])


def _drawn(regions: LoopedRegions) -> list[Any]:
    """Four panels: Fig. 1 twice, Fig. 2, Fig. 3."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 8.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2).ravel()
    artists: list[Any] = []
    for ax, name, starts, ends in (
        (axes[0], "cubic", (0.4, 0.6, -0.2, 1.2), (-0.3, 1.3)),
        (axes[1], "exp_cubic", (2.0, 2.4, 0.6, 3.0), (0.4, 3.2)),
    ):
        net = rj.looped([[1.0]], None, name, 1).layer
        phi = net.activations[0]
        points = [(float(s), True) for s in phi.points] + [(REPELLING[name], False)]
        artists += plot_cobweb(phi.value, points, starts, ends, ax)
        ax.set_title(f"Fig. 1: {name}", fontsize="medium")
    artists += _draw_plane(axes[2], regions)
    artists += _draw_noise(axes[3], regions)
    return artists


def _draw_plane(ax: Any, regions: LoopedRegions) -> list[Any]:
    artists = plot_regions(regions, ax)
    ax.get_legend().remove()
    x = np.random.default_rng(2).uniform(-0.1, 1.1, (24, 2))
    paths = [x]
    for _ in range(12):
        paths.append(regions.network(paths[-1]))
    artists += plot_trajectories(np.array(paths), ax, color=ORANGE)
    ax.set_title("Fig. 2: 2 x 2 attracting points and their regions", fontsize="medium")
    return artists


def _draw_noise(ax: Any, regions: LoopedRegions) -> list[Any]:
    artists: list[Any] = []
    for delta, colour in zip(SIZES, (GREEN, BLUE, VERMILION), strict=True):
        found = _trajectory(regions, delta, 25)
        artists += plot_trajectories(found.trajectories, ax, color=colour, label=f"noise up to {delta:g}")
    artists += ax.plot(
        *regions.points[3], marker="*", ms=14, color=BLACK, ls="none", label="fixed point", zorder=4
    )
    ax.set(xlabel="$x_1$", ylabel="$x_2$", title="Fig. 3: noise of several sizes", aspect="equal")
    ax.title.set_fontsize("medium")
    ax.legend(edgecolor="none", fontsize="small")
    return artists


CASE = Case(
    name="B6",
    claim="Figs. 1 to 3: two attracting points of a scalar map, 2 x 2 of the plane, noisy trajectories reach the point",
    run=run,
)
