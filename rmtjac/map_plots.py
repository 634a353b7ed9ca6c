"""Pictures of one map: its fixed points, in the plane or by their multipliers. ax=None; the artists come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rmtjac.plotting import BLACK, BLUE, ORANGE, VERMILION, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rmtjac.linkage.fixed_points import FixedPoints

__all__ = ["draw_points", "plot_fixed_points"]

CURVE_POINTS = 401
LARGEST = 1e3  # |multiplier| that is shown


def plot_fixed_points(found: FixedPoints, ax: Axes | None = None) -> list[Any]:
    """Two inputs: stable points filled, others open, where the curves cross on which a coordinate stays as it is.

    For other numbers of inputs: the multipliers about the unit circle.
    """
    ax = new_axes() if ax is None else ax
    if found.points.shape[1] == 2:
        artists = [*_draw_curves(ax, found), *draw_points(ax, found)]
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


def draw_points(ax: Axes, found: FixedPoints) -> list[Any]:
    """The points of a plane, with a legend."""
    stable = np.array([kind == "stable" for kind in found.stability], dtype=bool)
    artists: list[Any] = []
    for chosen, face, label in ((stable, BLACK, "stable"), (~stable, "white", "not stable")):
        x, y = found.points[chosen].T
        artists.append(ax.scatter(x, y, s=36, facecolors=face, edgecolors=BLACK, label=label, zorder=3))
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
