"""Pictures of basins and of censuses. ax=None; the artists come back."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rmtjac.plotting import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rmtjac.linkage.basins import Basins
    from rmtjac.linkage.census import Census
    from rmtjac.linkage.contraction import ContractionMap
    from rmtjac.linkage.orbits import Attractor

__all__ = ["plot_basins", "plot_census", "plot_fractions"]

Floats = npt.NDArray[np.float64]

YELLOW, PURPLE = "#F0E442", "#CC79A7"
COLOURS = (SKY, ORANGE, GREEN, YELLOW, PURPLE, VERMILION, BLUE)
UNRESOLVED = "0.75"
NAMED = 8  # attractors in the legend
CONNECTED = 12  # longest cycle whose points are joined


def plot_basins(
    basins: Basins, ax: Axes | None = None, contraction: ContractionMap | None = None
) -> list[Any]:
    """A cell for each start in the colour of its attractor, grey without; points as black circles, cycles joined.

    With a contraction map of the same network also its fixed points that do not attract, open, and a line around where
    ||J|| < 1.

    Raises
    ------
    ValueError
        If the starts are no grid.
    """
    from matplotlib.colors import ListedColormap

    if basins.labels.ndim != 2:
        raise ValueError(f"plot of {basins.labels.size} starts that are no grid: allowed are grids")
    ax = new_axes(7.6) if ax is None else ax
    is_plane = basins.starts.shape[-1] == 2
    x, y = _sides(basins.starts, is_plane)
    colours = [UNRESOLVED, *(COLOURS[k % len(COLOURS)] for k in range(len(basins.attractors)))]
    shown = np.where(basins.labels > 0, basins.labels, 0)
    artists: list[Any] = [
        ax.pcolormesh(
            _cell_ends(x),
            _cell_ends(y),
            shown,
            cmap=ListedColormap(colours),
            vmin=-0.5,
            vmax=len(colours) - 0.5,
            rasterized=True,
        )
    ]
    if is_plane:
        for attractor in basins.attractors:
            artists += _draw_attractor(ax, attractor)
    if contraction is not None:
        artists += _draw_contraction(ax, contraction)
    artists += _name_basins(ax, basins, colours)
    names = ("$x_1$", "$x_2$") if is_plane else ("distance along the rows", "distance along the columns")
    ax.set(xlabel=names[0], ylabel=names[1], aspect="equal")
    ax.set_title(basins.message, fontsize="small")
    return artists


def plot_fractions(basins: Basins, ax: Axes | None = None) -> list[Any]:
    """Shares of the starts that reach each attractor, and of those unresolved: for starts that are no grid."""
    ax = new_axes() if ax is None else ax
    shares = [*basins.fractions, basins.unresolved]
    colours = [*(COLOURS[k % len(COLOURS)] for k in range(len(basins.attractors))), UNRESOLVED]
    names = [*(str(k + 1) for k in range(len(basins.attractors))), "none"]
    bars = ax.bar(names, shares, color=colours)
    ax.set(xlabel="attractor", ylabel="share of the starts", ylim=(0.0, 1.0))
    ax.set_title(basins.message, fontsize="small")
    return list(bars)


def plot_census(census: Census, ax: Axes | None = None) -> list[Any]:
    """Mean number against depth with its confidence band; of attractors also points and cycles apart."""
    from matplotlib.ticker import MaxNLocator

    ax = new_axes() if ax is None else ax
    artists: list[Any] = []
    curves = [(census.name, census.counts, BLACK)]
    if census.cycles.any():
        curves += [("points", census.points, BLUE), ("cycles", census.cycles, VERMILION)]
    for name, counts, colour in curves:
        mean, interval = counts.mean(axis=1), census.interval_of(counts)
        if np.isfinite(interval).all():
            artists.append(ax.fill_between(census.depths, *interval.T, color=colour, alpha=0.2, lw=0))
        artists += ax.plot(census.depths, mean, "o-", ms=4, lw=1.4, color=colour, label=name)
    ax.set(xlabel="depth $L$", ylabel="mean number in a network", ylim=(0.0, None))
    ax.set_title(
        f"{census.counts.shape[1]} networks at each depth, {100 * census.level:g} % confidence",
        fontsize="small",
    )
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(edgecolor="none")
    return artists


def _sides(starts: Floats, is_plane: bool) -> tuple[Floats, Floats]:
    """Coordinates of the columns and rows of a grid; in more dimensions distances from its corner."""
    if is_plane and (starts[0, :, 1] == starts[0, 0, 1]).all() and (starts[:, 0, 0] == starts[0, 0, 0]).all():
        return starts[0, :, 0], starts[:, 0, 1]
    corner = starts[0, 0]
    return np.linalg.norm(starts[0] - corner, axis=1), np.linalg.norm(starts[:, 0] - corner, axis=1)


def _cell_ends(places: Floats) -> Floats:
    """Ends of cells around places at equal distances."""
    step = (places[-1] - places[0]) / (places.size - 1) if places.size > 1 else 1.0
    return np.asarray(places[0] + step * (np.arange(places.size + 1) - 0.5))


def _draw_attractor(ax: Axes, attractor: Attractor) -> list[Any]:
    """A point is a large circle; a cycle small squares, joined in its order unless there are too many."""
    points = attractor.points
    style: dict[str, Any] = {"facecolors": BLACK, "edgecolors": "white", "zorder": 4, "clip_on": False}
    if attractor.period == 1:
        return [ax.scatter(points[:, 0], points[:, 1], s=64, linewidths=1.2, **style)]
    artists: list[Any] = []
    if attractor.period <= CONNECTED:
        for (x0, y0), (x1, y1) in pairwise([*points, points[0]]):
            artists += ax.plot([x0, x1], [y0, y1], color=BLACK, lw=0.8, zorder=3)
    return [*artists, ax.scatter(points[:, 0], points[:, 1], marker="s", s=30, linewidths=1.0, **style)]


def _draw_contraction(ax: Axes, contraction: ContractionMap) -> list[Any]:
    """The line ||J|| = 1, and the fixed points that are not stable."""
    norms = contraction.norms
    artists: list[Any] = []
    if np.nanmin(norms) < 1.0 < np.nanmax(norms):
        lines: dict[str, Any] = {"levels": [1.0], "colors": BLACK, "linestyles": "dashed", "linewidths": 1.0}
        artists.append(ax.contour(contraction.x, contraction.y, norms, **lines))
    is_open = np.array([kind != "stable" for kind in contraction.stability], dtype=bool)
    x, y = contraction.fixed_points[is_open].T
    artists.append(ax.scatter(x, y, s=36, facecolors="white", edgecolors=BLACK, zorder=4, clip_on=False))
    return artists


def _name_basins(ax: Axes, basins: Basins, colours: list[str]) -> list[Any]:
    """Each colour with its attractor's kind and share."""
    from matplotlib.patches import Patch

    handles = []
    for k, attractor in enumerate(basins.attractors[:NAMED]):
        kind = "point" if attractor.period == 1 else f"cycle of {attractor.period}"
        share = f"{100.0 * basins.fractions[k]:.3g} %"
        handles.append(Patch(color=colours[k + 1], label=f"{kind}, {share}"))
    if len(basins.attractors) > NAMED:
        handles.append(Patch(color="none", label=f"and {len(basins.attractors) - NAMED} more"))
    if basins.unresolved > 0.0:
        handles.append(Patch(color=UNRESOLVED, label=f"unresolved, {100.0 * basins.unresolved:.3g} %"))
    return [ax.legend(handles=handles, edgecolor="none", loc="upper left", bbox_to_anchor=(1.0, 1.0))]
