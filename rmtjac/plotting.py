"""Pictures of laws and samples. Every function takes ax=None and returns the artists it drew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rmtjac.sampling.sample import SpectrumSample
    from rmtjac.theory.spectral_law import SpectralLaw

__all__ = ["plot_comparison", "plot_law", "plot_sample", "render"]

# Okabe-Ito
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION = "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00"

LN10 = float(np.log(10.0))
POINTS = 500
BINS = 100
DEEP = 1e-3  # a lower quartile below this fraction of the top calls for log lambda
LOWEST_QUANTILE = 2e-3

Floats = npt.NDArray[np.float64]


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.subplots()


def render(artists: list[Any]) -> bytes:
    """The figure of the artists as SVG; the same bytes for the same picture."""
    import io

    import matplotlib as mpl

    picture = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "rmtjac"}):
        artists[0].figure.savefig(picture, format="svg", metadata={"Date": None})
    return picture.getvalue()


def _is_deep(law: SpectralLaw) -> bool:
    """Whether the spectrum spans so many decades that lambda itself cannot show it."""
    view = law.of("log_eigenvalues")
    if not view.edges.size:
        return False
    zero = float(view.cdf(-np.inf))
    return bool(view.ppf(zero + 0.25 * (1.0 - zero)) - view.edges[-1] < np.log(DEEP))


def _density_range(law: SpectralLaw) -> tuple[float, float]:
    """Limits of a log density axis without the divergence at 0 and the last of the fall at the edges."""
    zero = float(law.cdf(0.0))
    share = float(law.of("eigenvalues").moment(0)) - zero - sum(m for x, m in law.atoms if x > 0.0)
    density = law.pdf(law.ppf(zero + share * np.linspace(0.01, 0.999, 200)))
    density = density[density > 0.0]
    return 0.3 * float(density.min()), 3.0 * float(density.max())


def plot_law(law: SpectralLaw, ax: Axes | None = None, log_lambda: bool | None = None) -> list[Any]:
    """Density of the eigenvalues, edges and atoms: over lambda with a log density axis, or over log lambda.

    Parameters
    ----------
    law : SpectralLaw
    ax : matplotlib Axes, optional
    log_lambda : the density of ln(lambda) over log10(lambda); by default where the spectrum spans many decades
    """
    ax = _axes(ax)
    deep = _is_deep(law) if log_lambda is None else log_lambda
    artists = [_curve(law, ax, deep), *_edges(law, ax, deep), *_atoms(law, ax, deep)]
    _finish(ax, deep)
    if (law.atoms[:, 0] > 0.0).any():
        ax.legend(edgecolor="none")
    if not deep and law.edges.size:
        ax.set_ylim(*_density_range(law))
    return artists


def plot_sample(sample: SpectrumSample, ax: Axes | None = None, log_lambda: bool = False) -> list[Any]:
    """Histogram of the non-zero eigenvalues, normalised to 1 - the mass at 0.

    Parameters
    ----------
    log_lambda : the density of ln(lambda) over log10(lambda), instead of that of lambda
    """
    ax = _axes(ax)
    values = sample.eigenvalues.ravel()
    positive = values[values > (sample.resolution if log_lambda else 0.0)]
    if not positive.size:
        return [ax.text(0.5, 0.5, "all eigenvalues are 0", transform=ax.transAxes, ha="center")]
    artists = [_histogram(positive, values.size, ax, log_lambda)]
    _finish(ax, log_lambda)
    return artists


def plot_comparison(law: SpectralLaw, sample: SpectrumSample, ax: Axes | None = None) -> list[Any]:
    """The law over the histogram of the sample."""
    ax = _axes(ax)
    artists = plot_sample(sample, ax, _is_deep(law))
    artists += plot_law(law, ax)
    ax.legend(loc="upper left" if _is_deep(law) else "upper center", edgecolor="none")
    return artists


def _curve(law: SpectralLaw, ax: Axes, deep: bool) -> Any:
    """The density on points that are dense at the edges; gaps are left open."""
    view = law.of("log_eigenvalues") if deep else law
    x = view.grid(POINTS, LOWEST_QUANTILE)
    density = view.pdf(x)
    density[density == 0.0] = np.nan
    return ax.plot(
        x / LN10 if deep else x, density, color=BLACK, lw=1.3, label="law, infinite width", zorder=3
    )[0]


def _histogram(positive: Floats, total: int, ax: Axes, deep: bool) -> Any:
    values = np.log10(positive) if deep else positive
    low = np.quantile(values, LOWEST_QUANTILE) if deep else 0.0
    margin = 1e-9 * max(1.0, abs(values.max()))
    edges = np.linspace(low - (margin if deep else 0.0), values.max() + margin, BINS + 1)
    counts, _ = np.histogram(values, edges)
    heights = counts / total / np.diff(edges) / (LN10 if deep else 1.0)
    # a log axis has no 0 to stand on
    floor = 0.0 if deep else 1e-300
    return ax.stairs(
        np.maximum(heights, floor), edges, fill=True, color=SKY, baseline=floor, label="sampled", zorder=1
    )


def _edges(law: SpectralLaw, ax: Axes, deep: bool) -> list[Any]:
    label = "edge"
    lines = []
    for edge in law.of("log_eigenvalues").edges / LN10 if deep else law.edges:
        lines.append(ax.axvline(edge, color=GREEN, lw=0.9, ls="--", label=label, zorder=2))
        label = "_nolegend_"
    return lines


def _atoms(law: SpectralLaw, ax: Axes, deep: bool) -> list[Any]:
    """A line at each atom, its mass beside it; the atom at 0 as a note, since a log axis has no 0."""
    artists: list[Any] = []
    for place, mass in law.of("log_eigenvalues").atoms:
        if np.isneginf(place):
            note = f"atom at 0: {mass:.4g}"
            style: dict[str, Any] = {"transform": ax.transAxes, "color": VERMILION, "backgroundcolor": "w"}
            artists.append(ax.text(0.02, 0.68 if deep else 0.03, note, zorder=4, **style))
        else:
            with np.errstate(over="ignore"):
                x = place / LN10 if deep else np.exp(place)
            artists.append(ax.axvline(x, color=VERMILION, lw=2.0, label=f"atom: {mass:.4g}", zorder=2))
    return artists


def _finish(ax: Axes, deep: bool) -> None:
    """Scales and labels."""
    if deep:
        ax.set_xlabel(r"$\log_{10}\lambda$, $\lambda$ eigenvalue of $JJ^T$")
        ax.set_ylabel(r"density of $\ln\lambda$")
        ax.set_ylim(bottom=0.0)
        return
    ax.set_xlabel(r"$\lambda$, eigenvalue of $JJ^T$")
    ax.set_ylabel(r"density of $\lambda$")
    if ax.patches or any(np.isfinite(line.get_ydata()).any() for line in ax.lines[:1]):
        ax.set_yscale("log")
