"""The page of `rmtjac inspect --report`: every table with a sentence on what it says, and one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rmtjac.cli.inspection_text import (
    LAYER_HEADER,
    attractor_lines,
    bias_scales,
    fixed_point_lines,
    layer_cells,
    outlier_lines,
    source_of,
)
from rmtjac.report import Section, html_page

if TYPE_CHECKING:
    from rmtjac.comparison.inspection import Inspection

__all__ = ["page_of"]

MOST_ROWS = 200


def page_of(found: Inspection, name: str, inputs: str | None) -> bytes:
    """The page as UTF-8, below 1 MB: at most 200 rows a table, and 13 layers in the picture."""
    import numpy as np

    from rmtjac import __version__
    from rmtjac.plotting import render

    sections = [_weights(found), _picture(render(found.plot())), _jacobians(found, inputs), _fates(found)]
    return html_page(name, sections, f"rmtjac {__version__}, NumPy {np.__version__}")


def _weights(found: Inspection) -> Section:
    widths = found.network.widths
    rows = [
        [
            str(i + 1),
            f"{widths[i + 1]} x {widths[i]}",
            found.network.activations[i].name,
            *layer_cells(layer, bias),
        ]
        for i, (layer, bias) in enumerate(zip(found.layers, bias_scales(found.network), strict=True))
    ]
    return Section(
        heading="Weights",
        sentences=[
            "Each layer beside the Marchenko-Pastur law of independent entries with its variance, sigma_w^2 over the "
            "number of inputs. Singular values beyond the edge by more than chance explains (Tracy-Widom, one random "
            "matrix in 1,000) are outliers: what training put in, as a rule. The bulk is what is left without them.",
            "The distance is Kolmogorov's; in brackets what 99 of 100 random matrices of its shape stay below. The "
            "tail index is that of the entries, with its 95 % interval: below 4 the edge of the law, and below 2 the "
            "law itself, says nothing. No law is fitted to fewer than 20 rows or columns.",
            *outlier_lines(found),
        ],
        header=("layer", "shape", "activation", *LAYER_HEADER),
        rows=_cut(rows),
    )


def _picture(picture: bytes) -> Section:
    alt = (
        "Singular values of weights and Jacobians under the laws of a random network, and norms at the inputs"
    )
    return Section(heading="Spectra", picture=picture, alt=alt)


def _jacobians(found: Inspection, inputs: str | None) -> Section:
    labels = None if found.basins is None else found.basins.labels
    rows = [
        [
            str(k + 1),
            f"{norm:.5g}",
            f"{(found.singular_values[k] ** 2).sum() / found.network.widths[-1]:.5g}",
            "-" if labels is None or labels[k] < 0 else str(labels[k]),
        ]
        for k, norm in enumerate(found.norms)
    ]
    law = []
    if found.law is not None:
        law = [
            f"The random network of the same widths, activations and scales has its largest singular value at "
            f"{found.predicted_norm:.5g} and the mean square {found.law.mean():.5g}; the Kolmogorov distance between "
            f"its law and what was found is {found.ks:.4f}."
        ]
    return Section(
        heading=f"Jacobians at {source_of(found, inputs)}",
        sentences=[*law, *([found.note] if found.note else [])],
        header=("input", "||J||", "mean of s^2", "attractor"),
        rows=_cut(rows),
    )


def _fates(found: Inspection) -> Section:
    if found.basins is None or found.fixed_points is None:
        widths = found.network.widths
        return Section(
            heading="Attractors and fixed points",
            sentences=[f"They do not apply to {widths[0]} inputs and {widths[-1]} outputs."],
        )
    return Section(
        heading="Attractors and fixed points",
        sentences=[
            found.basins.message,
            *attractor_lines(found.basins),
            f"Fixed points near them: {found.fixed_points.message}",
            *fixed_point_lines(found),
        ],
    )


def _cut(rows: list[list[str]]) -> list[list[str]]:
    if len(rows) <= MOST_ROWS:
        return rows
    return [*rows[:MOST_ROWS], [f"and {len(rows) - MOST_ROWS} more"]]
