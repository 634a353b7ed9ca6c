"""What an inspection says, in words: the lines of the terminal, and the cells that the page shares with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rmtjac.comparison.inspection import Inspection
    from rmtjac.comparison.weight_spectrum import WeightSpectrum
    from rmtjac.linkage.basins import Basins
    from rmtjac.model.network import Network

__all__ = [
    "LAYER_HEADER",
    "attractor_lines",
    "bias_scales",
    "fixed_point_lines",
    "inspection_lines",
    "layer_cells",
    "name_of",
    "outlier_lines",
    "source_of",
]

SHOWN = 8  # outliers, attractors and fixed points of a list
MOST_WIDTHS = 12
LAYER_HEADER = ("sigma_w", "bulk", "sigma_b", "largest", "edge", "outliers", "distance (usual)", "tail index")
COLUMNS = (10, 10, 10, 10, 10, 10, 18, 0)


def inspection_lines(found: Inspection, inputs: str | None) -> list[str]:
    """Everything, for a terminal."""
    return [*_weight_lines(found), "", *_jacobian_lines(found, inputs), "", *_fate_lines(found)]


def name_of(path: str, net: Network) -> str:
    """The file and what it holds."""
    widths = [str(n) for n in net.widths]
    if len(widths) > MOST_WIDTHS:
        widths = [*widths[:5], "...", *widths[-5:]]
    names = [phi.name for phi in net.activations]
    kinds = names if len(set(names)) > 1 and len(names) <= MOST_WIDTHS else list(dict.fromkeys(names))
    count = sum(w.size for w in net.weights) + sum(b.size for b in net.biases)
    layers = f"{len(names)} layer{'s' if len(names) > 1 else ''}"
    return f"{path}: {layers}, widths {'-'.join(widths)}, {', '.join(kinds)}; {count} weights and biases"


def layer_cells(layer: WeightSpectrum | None, bias: float) -> list[str]:
    """What of a layer is shown, in words; the header is `LAYER_HEADER`."""
    if layer is None:
        return ["0", "-", f"{bias:.4g}", "0", "-", "-", "-", "-"]
    tail = (
        "-"
        if layer.tail is None
        else "{:.3g} [{:.3g}, {:.3g}]".format(layer.tail.index, *layer.tail.interval)
    )
    known = layer.law is not None
    return [
        f"{layer.sigma_w:.4g}",
        f"{layer.bulk_sigma_w:.4g}" if known else "-",
        f"{bias:.4g}",
        f"{layer.singular_values[0]:.4g}",
        f"{layer.edge:.4g}" if known else "-",
        str(layer.outliers.size) if known else "-",
        f"{layer.ks:.3f} ({layer.usual_ks:.3f})" if known else "-",
        tail,
    ]


def bias_scales(net: Network) -> list[float]:
    """Root mean squares of the biases."""
    import numpy as np

    return [float(np.sqrt(np.mean(b**2))) for b in net.biases]


def _weight_lines(found: Inspection) -> list[str]:
    rows: list[tuple[str, str, tuple[str, ...]]] = [("layer", "shape", LAYER_HEADER)]
    for i, (layer, bias) in enumerate(zip(found.layers, bias_scales(found.network), strict=True)):
        shape = f"{found.network.widths[i + 1]}x{found.network.widths[i]}"
        rows.append((str(i + 1), shape, tuple(layer_cells(layer, bias))))
    lines = [
        f"{number:<7}{shape:<12}"
        + "".join(f"{cell:<{n}}" for cell, n in zip(cells, COLUMNS, strict=True)).rstrip()
        for number, shape, cells in rows
    ]
    return [*lines, *outlier_lines(found)]


def outlier_lines(found: Inspection) -> list[str]:
    """The outliers of every layer by their values, with their distance from the edge."""
    lines = []
    for i, layer in enumerate(found.layers, start=1):
        if layer is not None and layer.outliers.size:
            named = [f"{s:.4g} (z {z:.3g})" for s, z in zip(layer.outliers[:SHOWN], layer.z, strict=False)]
            rest = f", and {layer.outliers.size - SHOWN} more" if layer.outliers.size > SHOWN else ""
            lines.append(f"outliers of layer {i}: {', '.join(named)}{rest}")
    return lines


def source_of(found: Inspection, inputs: str | None) -> str:
    """What the inputs are, in words."""
    count = len(found.inputs)
    return f"{count} Gaussian inputs" if inputs is None else f"{count} inputs of {inputs}"


def _jacobian_lines(found: Inspection, inputs: str | None) -> list[str]:
    import numpy as np

    norms, n = found.norms, found.network.widths[-1]
    lines = [
        f"Jacobians at {source_of(found, inputs)}",
        f"||J||        {norms.min():.4g} to {norms.max():.4g}, median {np.median(norms):.4g}; below 1 at "
        f"{int((norms < 1.0).sum())} of {norms.size}",
        f"mean of s^2  {found.eigenvalues.mean():.4g}",
    ]
    if found.law is not None:
        lines[1] += f"; edge of the random network {found.predicted_norm:.4g}"
        lines[2] += f"; of the random network {found.law.mean():.4g}"
        lines.append(
            f"distance     {found.ks:.4f} (Kolmogorov) between the {n} s^2 of each input and its law"
        )
    return lines + ([f"note         {found.note}"] if found.note else [])


def _fate_lines(found: Inspection) -> list[str]:
    if found.basins is None or found.fixed_points is None:
        n_in, n_out = found.network.widths[0], found.network.widths[-1]
        return [f"attractors and fixed points: do not apply to {n_in} inputs and {n_out} outputs"]
    return [
        f"attractors   {found.basins.message}",
        *attractor_lines(found.basins),
        f"fixed points near them: {found.fixed_points.message}",
        *fixed_point_lines(found),
    ]


def attractor_lines(found: Basins) -> list[str]:
    """What each attractor is, and how many inputs reach it."""
    lines = []
    for number, attractor in enumerate(found.attractors[:SHOWN], start=1):
        kind = "point" if attractor.period == 1 else f"cycle of period {attractor.period}"
        count = int((found.labels == number).sum())
        proof = "with a proven neighbourhood" if attractor.is_proven else "no neighbourhood proven"
        lines.append(
            f"  {kind}, reached by {count} of {found.labels.size}, spectral radius "
            f"{attractor.spectral_radius:.4g}, {proof}"
        )
    return lines + ([f"  and {len(found.attractors) - SHOWN} more"] if len(found.attractors) > SHOWN else [])


def fixed_point_lines(found: Inspection) -> list[str]:
    """Each fixed point's norm, stability and certificate."""
    import numpy as np

    points = found.fixed_points
    assert points is not None  # the caller has looked
    lines = []
    for k, x in enumerate(points.points[:SHOWN]):
        proof = f"certified within {points.errors[k].max():.0e}" if points.certified[k] else "not certified"
        size, radius = np.linalg.norm(x), points.spectral_radius[k]
        lines.append(f"  |x| {size:.6g}, {points.stability[k]}, spectral radius {radius:.4g}, {proof}")
    return lines + ([f"  and {len(points.points) - SHOWN} more"] if len(points.points) > SHOWN else [])
