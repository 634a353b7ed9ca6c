"""Pictures of one network beside the random one: singular values of weights and Jacobians, and norms at inputs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rmtjac.plotting import BLACK, GREEN, SKY, VERMILION, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rmtjac.comparison.inspection import Inspection
    from rmtjac.comparison.weight_spectrum import WeightSpectrum

__all__ = ["plot_inspection"]

Floats = NDArray[np.float64]

COLUMNS = 3
MOST_LAYERS = 13
POINTS = 300
FEWEST_BINS, MOST_BINS = 10, 50
DECADES = 8.0  # below the largest singular value
LN10 = math.log(10.0)


def plot_inspection(found: Inspection, ax: NDArray[Any] | None = None) -> list[Any]:
    """A picture a layer (13 at most), then the Jacobians' singular values, then their norms at the inputs.

    Parameters
    ----------
    found : Inspection
    ax : array of matplotlib Axes, optional
        Two more than layers that are drawn.
    """
    shown = found.layers[:MOST_LAYERS]
    places = _places(len(shown) + 2) if ax is None else list(np.ravel(ax))
    artists: list[Any] = []
    for number, (layer, place) in enumerate(zip(shown, places[:-2], strict=True), start=1):
        artists += _weights(layer, number, place)
    return [*artists, *_jacobians(found, places[-2]), *_norms(found, places[-1])]


def _places(count: int) -> list[Axes]:
    rows = math.ceil(count / COLUMNS)
    places = list(np.ravel(new_figure(11.0, 3.1 * rows).subplots(rows, COLUMNS, squeeze=False)))
    for unused in places[count:]:
        unused.remove()
    return places[:count]


def _weights(layer: WeightSpectrum | None, number: int, ax: Axes) -> list[Any]:
    """Singular values of one layer under its law; those outside of it are marked."""
    ax.set(title=f"layer {number}", xlabel="singular value of $W$", ylabel="density")
    if layer is None:
        return [ax.text(0.5, 0.5, "all weights are 0", transform=ax.transAxes, ha="center")]
    rows, columns = layer.shape
    ax.set_title(f"layer {number}, {rows} x {columns}", fontsize="medium")
    artists: list[Any] = [_histogram(layer.singular_values, layer.singular_values.size, ax)]
    if layer.law is not None:
        x = layer.law.of("singular_values").grid(POINTS)
        artists += ax.plot(x, layer.law.of("singular_values").pdf(x), color=BLACK, lw=1.2, label="law")
        artists.append(ax.axvline(layer.edge, color=GREEN, lw=0.9, ls="--", label="edge"))
    outliers = layer.outliers
    if outliers.size:
        label = f"{outliers.size} outlier{'s' if outliers.size > 1 else ''}"
        artists += ax.plot(
            outliers, np.zeros(outliers.size), "^", color=VERMILION, clip_on=False, label=label
        )
    ax.legend(edgecolor="none", fontsize="small")
    return artists


def _jacobians(found: Inspection, ax: Axes) -> list[Any]:
    """log10 of the singular values at all inputs, as many as a row of J has room for, under the law."""
    ax.set(xlabel=r"$\log_{10}s$, $s$ singular value of $J$", ylabel="density")
    ax.set_title(f"Jacobians at {len(found.inputs)} inputs", fontsize="medium")
    values = found.singular_values.ravel()
    top = float(values.max())
    if top == 0.0:
        return [ax.text(0.5, 0.5, "J = 0 at all inputs", transform=ax.transAxes, ha="center")]
    kept = np.log10(values[values > top * 10.0**-DECADES])
    artists: list[Any] = [_histogram(kept, found.eigenvalues.size, ax)]
    if found.law is not None and found.law.of("log_singular_values").edges.size:
        view = found.law.of("log_singular_values")
        x = view.grid(POINTS, 1e-2)
        artists += ax.plot(x / LN10, LN10 * view.pdf(x), color=BLACK, lw=1.2, label="law, random network")
    ax.legend(edgecolor="none", fontsize="small")
    return artists


def _norms(found: Inspection, ax: Axes) -> list[Any]:
    """||J|| at the inputs in ascending order, the edge of the law, and 1."""
    norms = np.sort(found.norms)
    artists: list[Any] = list(ax.plot(np.arange(1, norms.size + 1), norms, ".", color=SKY, label=r"$\|J\|$"))
    artists.append(ax.axhline(1.0, color="0.6", lw=0.8, label="1"))
    if found.predicted_norm > 0.0:
        style: dict[str, Any] = {"color": GREEN, "lw": 0.9, "ls": "--", "label": "edge of the law"}
        artists.append(ax.axhline(found.predicted_norm, **style))
    ax.set(xlabel="inputs, in ascending order", ylabel=r"$\|J\|_2$")
    if norms[0] > 0.0:
        ax.set_yscale("log")
    ax.legend(edgecolor="none", fontsize="small")
    return artists


def _histogram(values: Floats, total: int, ax: Axes) -> Any:
    """Densities that integrate to the share of the values among `total`."""
    low, high = float(values.min()), float(values.max())
    margin = 1e-9 * max(abs(low), abs(high), 1e-300)
    bins = int(np.clip(2.0 * math.sqrt(values.size), FEWEST_BINS, MOST_BINS))
    edges = np.linspace(low - margin, high + margin, bins + 1)
    counts, _ = np.histogram(values, edges)
    return ax.stairs(counts / total / np.diff(edges), edges, fill=True, color=SKY, label="found")
