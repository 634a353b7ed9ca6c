"""Pictures of certified regions. ax=None; the artists come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rmtjac.plotting import BLACK, BLUE, ORANGE, VERMILION, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rmtjac.linkage.certificates.contraction import Contraction

__all__ = ["plot_regions"]


def plot_regions(found: Sequence[Contraction], ax: Axes | None = None) -> list[Any]:
    """Two numbers: the regions, and boxes about their images; otherwise the constants, largest first."""
    ax = new_axes() if ax is None else ax
    if found and found[0].center.size == 2:
        return _draw_plane(ax, found)
    constants = np.sort([region.constant for region in found])[::-1]
    places = np.arange(1, len(constants) + 1)
    artists: list[Any] = list(ax.plot(places, constants, "o", color=BLUE, ms=3, label="constant $K$"))
    artists.append(ax.axhline(1.0, color=BLACK, lw=0.9, ls="--", label="1"))
    ax.set(xlabel="region", ylabel="$K$", ylim=(0.0, max(1.05, 1.05 * constants.max(initial=0.0))))
    ax.locator_params(axis="x", integer=True)
    ax.legend(frameon=False)
    return artists


def _draw_plane(ax: Axes, found: Sequence[Contraction]) -> list[Any]:
    from matplotlib.patches import Circle, Rectangle

    artists: list[Any] = []
    for k, region in enumerate(found):
        colour = BLUE if region.holds else VERMILION
        low, high, centre = (np.ravel(end) for end in (region.lower, region.upper, region.center))
        label = ("region" if region.holds else "region, not proven") if k == 0 else "_nolegend_"
        style: dict[str, Any] = {"facecolor": "none", "edgecolor": colour, "lw": 1.4, "label": label}
        outline: Any = Rectangle((low[0], low[1]), *(high - low), **style)
        if region.norm == "2" and region.region.radius is not None:
            outline = Circle((centre[0], centre[1]), region.radius, **style)
        first, last = np.ravel(region.image_lower), np.ravel(region.image_upper)
        name = "its image lies in" if k == 0 else "_nolegend_"
        style = {"facecolor": ORANGE, "edgecolor": ORANGE, "lw": 2.0, "alpha": 0.5, "label": name}
        image = Rectangle((first[0], first[1]), *(last - first), **style)
        artists += [ax.add_patch(outline), ax.add_patch(image)]
        if region.holds:
            label = "its fixed point" if k == 0 else "_nolegend_"
            artists += ax.plot(*np.ravel(region.fixed_point()[0]), "o", color=BLACK, ms=4, label=label)
        place = (0.5 * (low[0] + high[0]), high[1])
        artists.append(
            ax.annotate(_constant(region.constant), place, ha="center", va="bottom", fontsize="small")
        )
    ax.autoscale_view()
    ax.margins(0.12)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return artists


def _constant(k: float) -> str:
    """K in few digits, which do not make 1 of a smaller number."""
    return f"K = 1 - {1.0 - k:.1g}" if 0.999 < k < 1.0 else f"K = {k:.3g}"
