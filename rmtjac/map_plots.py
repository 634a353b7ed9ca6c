"""Pictures of one map: its fixed points, and where it contracts. ax=None; the artists come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rmtjac.plotting import BLACK, BLUE, ORANGE, VERMILION, diverging, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rmtjac.linkage.contraction import ContractionMap
    from rmtjac.linkage.fixed_points import FixedPoints

__all__ = ["draw_points", "plot_contraction", "plot_fixed_points"]

Floats = NDArray[np.float64]

CURVE_POINTS = 401
DECADES = 2.0  # of norms below 1 that are told apart, where they go as far
LARGEST = 1e3  # |multiplier| that is shown


def plot_fixed_points(found: FixedPoints, ax: Axes | None = None) -> list[Any]:
    """Two inputs: stable points filled, others open, where the curves cross on which a coordinate stays as it is.

    For other numbers of inputs: the multipliers about the unit circle.
    """
    ax = new_axes() if ax is None else ax
    if found.points.shape[1] == 2:
        artists = [*_draw_curves(ax, found), *draw_points(ax, found.points, found.stability)]
        ax.set(
            xlabel="$x_1$",
            ylabel="$x_2$",
            xlim=_with_margin(found, 0),
            ylim=_with_margin(found, 1),
            aspect="equal",
        )
        if not found.complete:
            ax.set_title(found.message, fontsize="small")
        return artists
    return _draw_multipliers(ax, found)


def _draw_curves(ax: Axes, found: FixedPoints) -> list[Any]:
    """Where Phi_1(x) = x_1, and where Phi_2(x) = x_2."""
    (x0, y0), (x1, y1) = found.box
    x, y = np.meshgrid(np.linspace(x0, x1, CURVE_POINTS), np.linspace(y0, y1, CURVE_POINTS))
    gaps = found.network(np.stack([x, y], axis=-1)) - np.stack([x, y], axis=-1)
    artists: list[Any] = []
    for j, colour in enumerate((BLUE, ORANGE)):
        ax.contour(x, y, gaps[..., j], levels=[0.0], colors=colour, linewidths=1.0)
        artists += ax.plot([], [], color=colour, linewidth=1.0, label=rf"$\Phi_{j + 1}(x) = x_{j + 1}$")
    return artists


def plot_contraction(found: ContractionMap, ax: Axes | None = None) -> list[Any]:
    """Colours for log10 ||J||, blue where it is below 1, with the line ||J|| = 1; stable points filled, others open."""
    ax = new_axes() if ax is None else ax
    with np.errstate(divide="ignore"):
        logs = np.log10(found.norms)
    # what is far below 1 would leave no colours for the rest
    known = logs[np.isfinite(logs)]
    reach = max(float(known.max(initial=0.0)), min(float(-known.min(initial=0.0)), DECADES), 1e-3)
    logs = np.maximum(logs, -reach)
    ends = found.x_ends, found.y_ends
    mesh = ax.pcolormesh(*ends, logs, cmap=diverging(), vmin=-reach, vmax=reach, rasterized=True)
    ax.figure.colorbar(mesh, ax=ax, label=r"$\log_{10}\|J(x)\|_2$", extend="min")
    artists: list[Any] = [mesh]
    if known.min(initial=0.0) < 0.0 < known.max(initial=0.0):
        ax.contour(found.x, found.y, logs, levels=[0.0], colors=BLACK, linewidths=1.0)
        artists += ax.plot([], [], color=BLACK, linewidth=1.0, label=r"$\|J(x)\|_2 = 1$")
    artists += draw_points(ax, found.fixed_points, found.stability)
    # the legend stands above the picture: the colours have their bar on the right
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal", facecolor="0.8")
    ax.locator_params(nbins=5)
    return artists


def draw_points(ax: Axes, points: Floats, stability: Sequence[str]) -> list[Any]:
    """The points of a plane, with a legend."""
    stable = np.array([kind == "stable" for kind in stability], dtype=bool)
    artists: list[Any] = []
    for chosen, face, label in ((stable, BLACK, "stable"), (~stable, "white", "not stable")):
        x, y = points[chosen].T
        style: dict[str, Any] = {
            "s": 36,
            "facecolors": face,
            "edgecolors": BLACK,
            "zorder": 3,
            "clip_on": False,
        }
        artists.append(ax.scatter(x, y, label=label, **style))
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return artists


def _with_margin(found: FixedPoints, axis: int) -> tuple[float, float]:
    low, high = found.box[0][axis], found.box[1][axis]
    margin = 0.04 * (high - low)
    return float(low - margin), float(high + margin)


def _draw_multipliers(ax: Axes, found: FixedPoints) -> list[Any]:
    """Eigenvalues of J at all points, about the unit circle."""
    angle = np.linspace(0.0, 2.0 * np.pi, 400)
    artists: list[Any] = list(ax.plot(np.cos(angle), np.sin(angle), color=BLACK, linewidth=1.0))
    values = found.eigenvalues.ravel()
    values = values[np.abs(values) <= LARGEST]
    artists.append(ax.scatter(values.real, values.imag, s=9, color=VERMILION, label="multipliers"))
    ax.set(xlabel="Re", ylabel="Im", aspect="equal", title=found.message)
    return artists
