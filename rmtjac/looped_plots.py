"""Pictures of looped networks: cobwebs, regions of the plane, errors under noise. ax=None; the artists come back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rmtjac.plotting import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rmtjac.linkage.looped_count import LoopedCount
    from rmtjac.linkage.looped_regions import LoopedRegions
    from rmtjac.linkage.robust_iteration import RobustIteration

__all__ = ["plot_cobweb", "plot_count", "plot_regions", "plot_robust", "plot_trajectories"]

Floats = NDArray[np.float64]

CURVE_POINTS = 601
MOST_LINES = 200
MOST_LABELS = 8
ROUNDING = 1e-15  # errors below are not shown


def plot_cobweb(
    phi: Callable[[Floats], Floats],
    fixed_points: Sequence[tuple[float, bool]],
    starts: Sequence[float],
    ends: tuple[float, float],
    ax: Axes | None = None,
    steps: int = 12,
) -> list[Any]:
    """A scalar map, the diagonal, the stairs of some starts; fixed points filled where they attract, else open."""
    ax = new_axes() if ax is None else ax
    x = np.linspace(*ends, CURVE_POINTS)
    artists: list[Any] = [*ax.plot(x, phi(x), color=BLUE, lw=1.4, label=r"$\varphi(u)$")]
    artists += ax.plot(ends, ends, color=BLACK, lw=0.8, ls="--", label="$u$")
    for start, colour in zip(starts, cycle((ORANGE, GREEN, VERMILION, SKY)), strict=False):
        stairs = [(start, start)]
        for _ in range(steps):
            image = float(phi(np.array(stairs[-1][0])))
            stairs += [(stairs[-1][0], image), (image, image)]
        artists += ax.plot(*np.array(stairs).T, color=colour, lw=1.0, label=f"from {start:.4g}")
    for point, attracts in fixed_points:
        face = BLACK if attracts else "white"
        artists.append(ax.scatter(point, point, s=36, facecolors=face, edgecolors=BLACK, zorder=3))
    ax.set(xlim=ends, ylim=ends, xlabel="$u$", ylabel=r"$\varphi(u)$", aspect="equal")
    ax.legend(edgecolor="none", fontsize="small")
    return artists


def plot_regions(found: LoopedRegions, ax: Axes | None = None) -> list[Any]:
    """Boxes, filled if they are proven, and points, in the first two coordinates (of one coordinate: over itself)."""
    from matplotlib.patches import Rectangle

    ax = new_axes() if ax is None else ax
    artists: list[Any] = []
    # boxes of more coordinates lie over each other
    j = min(1, found.anchors.shape[1] - 1)
    _, firsts = np.unique(found.anchors[:, [0, j]], axis=0, return_index=True)
    for k in firsts:
        width, height = (found.upper[k] - found.lower[k])[[0, j]].tolist()
        corner = float(found.lower[k, 0]), float(found.lower[k, j])
        box = Rectangle(corner, width, height, edgecolor=BLUE, facecolor=SKY, alpha=0.5)
        is_proven = bool(found.certified[k])
        box.set(fill=is_proven, linestyle="-" if is_proven else "--")
        box.set_label("proven region" if is_proven else "not proven")
        artists.append(ax.add_patch(box))
    x, y = found.points[found.certified][:, [0, j]].T
    artists.append(ax.scatter(x, y, s=24, color=BLACK, zorder=3, label="attracting points"))
    ax.set(xlabel="$x_1$", ylabel=f"$x_{j + 1}$", aspect="equal")
    ax.margins(0.08)
    ax.autoscale_view()
    _legend(ax)
    return artists


def plot_count(found: LoopedCount, ax: Axes | None = None) -> list[Any]:
    """The constant of every interval against how far inside of it images stay, over half its side."""
    ax = new_axes() if ax is None else ax
    half = 0.5 * (found.upper - found.lower)
    artists: list[Any] = []
    for k, colour in zip(range(half.shape[1]), cycle((BLUE, ORANGE, GREEN, VERMILION, SKY)), strict=False):
        share = found.margins[:, k] / half[:, k]
        label = f"point {k + 1}"
        artists += ax.plot(
            share, found.constants[:, k], ls="none", marker="o", ms=4, color=colour, label=label
        )
    ax.axvline(0.0, color=BLACK, lw=0.9, ls="--")
    ax.axhline(1.0, color=BLACK, lw=0.9, ls="--")
    ax.set(xlabel="margin of the image over half the side", ylabel="Lipschitz constant K")
    ax.set_title(found.message, fontsize="small")
    ax.legend(edgecolor="none", fontsize="small")
    return artists


def _legend(ax: Axes) -> None:
    """One entry a label, where regions of the plane leave room."""
    handles, labels = ax.get_legend_handles_labels()
    entries = dict(zip(labels, handles, strict=True))
    ax.legend(entries.values(), entries.keys(), edgecolor="none", fontsize="small", loc="center")


def plot_trajectories(paths: Floats, ax: Axes, **style: Any) -> list[Any]:
    """Trajectories of the plane, (steps, k, 2), with an open mark at each start."""
    artists: list[Any] = []
    for path in np.moveaxis(paths, 1, 0):
        artists += ax.plot(*path.T, **{"lw": 0.9, "marker": ".", "ms": 3, **style})
        artists += ax.plot(
            *path[0], marker="s", ms=5, ls="none", color=style.get("color", BLACK), fillstyle="none"
        )
    return artists


def plot_robust(
    found: RobustIteration, ax: Axes | None = None, colour: str = BLUE, tube: float = np.nan
) -> list[Any]:
    """Errors of at most 200 starts against the step on a log axis, the largest bound, and a tube that is proven."""
    ax = new_axes() if ax is None else ax
    steps = np.arange(len(found.errors))
    errors = found.errors[:, :MOST_LINES]
    shown = np.where(errors > ROUNDING, errors, np.nan)
    artists: list[Any] = list(ax.plot(steps, shown, color=colour, lw=0.8))
    artists[0].set_label(f"{found.noise} noise up to {found.delta:g}" if found.delta else "no noise")
    if np.isfinite(found.bound).all():
        artists += ax.plot(steps, found.bound.max(axis=1), color=colour, lw=1.4, ls="--", label="bound")
    if np.isfinite(tube):
        artists.append(ax.axhline(tube, color=BLACK, lw=0.9, ls=":", label="proven tube"))
    ax.set(yscale="log", xlabel="step", ylabel="$|x_n - x^*|$")
    if len(ax.get_legend_handles_labels()[1]) <= MOST_LABELS:
        ax.legend(edgecolor="none", fontsize="small", loc="center right")
    return artists
