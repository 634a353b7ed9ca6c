"""Pictures of solves: residuals against iterations on a log axis. ax=None; the artists come back."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rmtjac.plotting import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_traces"]

LONGEST_LEGEND = 8


def plot_traces(
    traces: Sequence[NDArray[np.float64]], labels: Sequence[str], ax: Axes | None = None, tol: float = 0.0
) -> list[Any]:
    """A line a trace, and the tolerance; labels where there are at most 8."""
    ax = new_axes() if ax is None else ax
    artists: list[Any] = []
    colours = cycle((BLUE, ORANGE, GREEN, VERMILION, SKY))
    for trace, label, colour in zip(traces, labels, colours, strict=False):
        # a log axis has no 0
        shown = np.where(trace > 0.0, trace, np.nan)
        name = label if len(traces) <= LONGEST_LEGEND else "_nolegend_"
        marker = "." if trace.size <= 100 else ""
        artists += ax.plot(np.arange(trace.size), shown, color=colour, lw=1.2, marker=marker, label=name)
    if tol > 0.0:
        artists.append(ax.axhline(tol, color=BLACK, lw=0.9, ls="--", label="tolerance"))
    ax.set(yscale="log", xlabel="iteration", ylabel="$|f(x) - x|$")
    if len(traces) <= LONGEST_LEGEND:
        ax.legend(edgecolor="none", fontsize="small")
    return artists
