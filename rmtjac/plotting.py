"""Pictures of laws, samples and phase diagrams. Every function takes ax=None and returns the artists it drew."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from rmtjac.comparison.tails import TailFit
    from rmtjac.sampling.sample import SpectrumSample
    from rmtjac.theory.phase import PhaseDiagram
    from rmtjac.theory.spectral_law import SpectralLaw

__all__ = [
    "diverging",
    "new_axes",
    "new_figure",
    "plot_comparison",
    "plot_law",
    "plot_phase",
    "plot_sample",
    "plot_tail",
    "render",
]

# Okabe-Ito
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION = "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00"

LN10 = float(np.log(10.0))
POINTS = 500
BINS = 100
DEEP = 1e-3  # a lower quartile below this fraction of the top calls for log lambda
LOWEST_QUANTILE = 2e-3
TAIL_DECADES = 4.0  # over which the line of a tail is drawn

Floats = npt.NDArray[np.float64]


def new_axes(width: float = 6.4) -> Axes:
    """Axes of a new figure."""
    return new_figure(width).subplots()


def _axes(ax: Axes | None) -> Axes:
    return new_axes() if ax is None else ax


def new_figure(width: float, height: float = 4.2) -> Figure:
    """An empty figure, inches wide and high."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def render(artists: list[Any]) -> bytes:
    """The figure of the artists as SVG; the same bytes for the same picture."""
    import io

    import matplotlib as mpl

    picture = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "rmtjac"}):
        artists[0].figure.savefig(picture, format="svg", metadata={"Date": None})
    return picture.getvalue()


def _is_unbounded(law: SpectralLaw) -> bool:
    return bool(np.isposinf(law.of("log_eigenvalues").support[-1:, 1]).any())


def _show_tail(law: SpectralLaw, ax: Axes) -> list[Any]:
    """A log axis for the density too, where a power law is a straight line: that of the tail is drawn."""
    view = law.of("log_eigenvalues")
    t = view.grid(POINTS, LOWEST_QUANTILE)
    density = view.pdf(t)
    ax.set_yscale("log")
    ax.set_ylim(0.5 * float(np.nanmin(density)), 3.0 * float(np.nanmax(density)))
    ends = np.array([max(t[0], t[-1] - TAIL_DECADES * LN10), t[-1]])
    line = density[-1] * np.exp(-view.tail_index * (ends - t[-1]))
    label = rf"$P(\lambda > x) \sim x^{{-{view.tail_index:.3g}}}$"
    label += ", but for logarithms" * (view.tail_logarithms > 0)
    artists: list[Any] = list(ax.plot(ends / LN10, line, "--", color=VERMILION, lw=1.0, label=label))
    return artists


def _is_deep(law: SpectralLaw) -> bool:
    """Whether the spectrum spans so many decades that lambda itself cannot show it."""
    view = law.of("log_eigenvalues")
    if _is_unbounded(law):
        return True
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
    if _is_unbounded(law):
        artists += _show_tail(law, ax)
    if (law.atoms[:, 0] > 0.0).any() or _is_unbounded(law):
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


def plot_phase(diagram: PhaseDiagram, ax: tuple[Axes, Axes] | None = None) -> list[Any]:
    """Growth per layer over sigma_w and sigma_b with the critical line, and singular values against sigma_w.

    The second picture is at the recommended sigma_b of the greatest depth: the largest singular value (solid) and
    the root mean square one (dashed) at every depth.

    Parameters
    ----------
    diagram : PhaseDiagram
    ax : two matplotlib Axes, optional
    """
    left, right = new_figure(11.0).subplots(1, 2) if ax is None else ax
    deepest = int(np.argmax(diagram.depths))
    try:
        row = diagram.best_sigma_b(int(diagram.depths[deepest]))
    except ValueError:
        row = 0
    return [*_phase_map(diagram, left, deepest), *_phase_curves(diagram, right, row, deepest)]


def plot_tail(fit: TailFit, ax: tuple[Axes, Axes] | None = None) -> list[Any]:
    """Fraction of values above x with the tail line, and Hill's index against the number of values k.

    Parameters
    ----------
    fit : TailFit
    ax : two matplotlib Axes, optional
    """
    left, right = new_figure(11.0).subplots(1, 2) if ax is None else ax
    return [*_tail_line(fit, left), *_hill_plot(fit, right)]


def _tail_line(fit: TailFit, ax: Axes) -> list[Any]:
    """The line goes up a decade beyond the tail, so that one sees where values leave it."""
    shown = max(fit.k + 1, round(0.98 * fit.logs.size))  # the smallest would stretch the axis
    count = np.unique(np.geomspace(1, shown, POINTS).astype(int))
    top = fit.logs[0] / LN10
    start = float(fit.logs[fit.k]) / LN10
    ends = np.array([start - 1.0, max(top, start + 0.1)])
    line = np.log10(fit.k / fit.n) - fit.index * (ends - start)
    empirical = ax.plot(
        fit.logs[count - 1] / LN10, np.log10(count / fit.n), ".", ms=4, color=SKY, label="values"
    )
    low, high = fit.interval
    fitted = ax.plot(
        ends, line, color=VERMILION, lw=1.4, label=f"$x^{{-{fit.index:.3g}}}$, index {low:.3g} to {high:.3g}"
    )
    mark = ax.axvline(start, color="0.6", lw=0.8, ls="--", label=f"tail: the {fit.k} largest")
    name = fit.variable.replace("_", " ")
    sign = "|x|" if fit.variable == "entries" else "x"
    ax.set(
        xlabel=rf"$\log_{{10}}{sign}$, {name}", ylabel=r"$\log_{10}$ of the fraction above", ylim=(None, 0.3)
    )
    ax.legend(edgecolor="none")
    return [*empirical, *fitted, mark]


def _hill_plot(fit: TailFit, ax: Axes) -> list[Any]:
    """A plateau is a power law; the band is that of independent values."""
    count = np.unique(np.geomspace(5, fit.logs.size - 1, POINTS).astype(int))
    index = fit.hill[count - 1]
    margin = 1.96 / np.sqrt(count)
    band = ax.fill_between(count, index * (1.0 - margin), index * (1.0 + margin), color=SKY, alpha=0.3, lw=0)
    curve = ax.plot(count, index, color=BLUE, lw=1.2, label="Hill's index of the $k$ largest")
    ends = np.abs(np.array(fit.interval) - fit.index)[:, None]
    chosen = ax.errorbar(
        [fit.k], [fit.index], yerr=ends, fmt="o", color=VERMILION, capsize=3, label=f"$k = {fit.k}$"
    )
    ax.set(xscale="log", xlabel="$k$", ylabel="index", ylim=(0.0, 2.5 * fit.index))
    ax.legend(edgecolor="none")
    return [band, *curve, chosen]


def _phase_map(diagram: PhaseDiagram, ax: Axes, deepest: int) -> list[Any]:
    """Colours for log10 chi, white on the critical line; grey where chi is unknown."""
    x, columns = np.unique(diagram.sigma_w, return_index=True)
    y, rows = np.unique(diagram.sigma_b, return_index=True)
    with np.errstate(divide="ignore"):
        growth = np.log10(diagram.chi[np.ix_(rows, columns)])
    reach = max(float(np.abs(growth[np.isfinite(growth)]).max(initial=0.0)), 1e-3)
    ends = _cell_ends(x), _cell_ends(y)
    mesh = ax.pcolormesh(*ends, growth, cmap=diverging(), vmin=-reach, vmax=reach, rasterized=True)
    ax.figure.colorbar(mesh, ax=ax, label=r"$\log_{10}\chi$, growth of the mean $s^2$ per layer")
    marker = "o" if y.size == 1 else ""
    depth = diagram.depths[deepest]
    critical = ax.plot(
        diagram.critical_sigma_w[rows], y, color=BLACK, lw=1.6, label=r"critical: $\chi = 1$", marker=marker
    )
    label = f"tuned: mean $s^2 = 1$ at depth {depth}"
    tuned = ax.plot(
        diagram.tuned_sigma_w[rows, deepest], y, color=GREEN, lw=1.6, ls="--", label=label, marker=marker
    )
    ax.set(
        xlim=ends[0][[0, -1]],
        ylim=ends[1][[0, -1]],
        xlabel=r"$\sigma_w$",
        ylabel=r"$\sigma_b$",
        facecolor="0.8",
    )
    ax.set_title(f"{diagram.activation}, {diagram.weights} weights")
    ax.legend(loc="lower right", edgecolor="none")
    return [mesh, *critical, *tuned]


def _phase_curves(diagram: PhaseDiagram, ax: Axes, row: int, deepest: int) -> list[Any]:
    """log10 of the largest and of the root mean square singular value against sigma_w, a colour a depth."""
    order = np.argsort(diagram.sigma_w)
    artists: list[Any] = []
    for d, color in zip(np.argsort(diagram.depths), cycle((SKY, ORANGE, BLUE, VERMILION)), strict=False):
        largest, mean = (
            values[row, order, d] / (2.0 * LN10) for values in (diagram.log_lam_max, diagram.log_mean_square)
        )
        x, marker = diagram.sigma_w[order], "." if order.size < 3 else ""
        artists += ax.plot(x, largest, lw=1.5, color=color, marker=marker, label=f"depth {diagram.depths[d]}")
        artists += ax.plot(x, mean, lw=1.2, ls="--", color=color, marker=marker)
    for place, color, ls in (
        (diagram.critical_sigma_w[row], BLACK, "-"),
        (diagram.tuned_sigma_w[row, deepest], GREEN, "--"),
    ):
        if diagram.sigma_w.min() <= place <= diagram.sigma_w.max():
            artists.append(ax.axvline(place, color=color, lw=0.9, ls=ls, zorder=0))
    ax.axhline(0.0, color="0.7", lw=0.8, zorder=0)
    ax.set(xlabel=r"$\sigma_w$", ylabel=r"$\log_{10} s$, $s$ singular value of $J$")
    ax.set_title(rf"largest and (dashed) root mean square, $\sigma_b = {diagram.sigma_b[row]:.4g}$")
    ax.legend(edgecolor="none")
    return artists


def _cell_ends(places: Floats) -> Floats:
    """Ends of cells around ascending places."""
    if places.size == 1:
        return np.asarray(places[0] + np.array([-0.5, 0.5]) * max(1e-3, 0.1 * abs(places[0])))
    middle: Floats = 0.5 * (places[1:] + places[:-1])
    first, last = 2.0 * places[0] - middle[0], 2.0 * places[-1] - middle[-1]
    return np.asarray([first, *middle, last])


def diverging() -> Colormap:
    """Blue below the middle, white on it, red above."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("growth", [BLUE, SKY, "#FFFFFF", ORANGE, VERMILION])


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
