"""`rmtjac inspect`: a trained network beside the random one of its widths and scales."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rmtjac.cli.inspection_inputs import INPUTS, inputs_of
from rmtjac.cli.inspection_text import bias_scales, inspection_lines, name_of
from rmtjac.cli.output import Output, add_output_flags

if TYPE_CHECKING:
    from rmtjac.comparison.inspection import Inspection
    from rmtjac.model.network import Network

HELP = (
    "weights, Jacobians, attractors and fixed points of a network from a file, beside those of a random one"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac inspect`."""
    parser.add_argument(
        "file", metavar="FILE", help=".npz, safetensors, a state dict of PyTorch, or .h5 of Keras"
    )
    parser.add_argument(
        "--layers",
        metavar="NAMES",
        help="tensors of the layers where their names leave a doubt, as WEIGHT+BIAS,WEIGHT+BIAS,... from the input on",
    )
    parser.add_argument(
        "--activation",
        dest="phi",
        metavar="NAME",
        help="one, or one per layer with commas; not needed for files of Network.save",
    )
    parser.add_argument(
        "--order", metavar="ORDER", help="out,in or in,out: axes of the weights (default by their names)"
    )
    parser.add_argument(
        "--inputs",
        dest="points",  # a spec has an `inputs` of its own
        metavar="FILE",
        help=f".npy or .npz of inputs (k, n_0), or (k, ...) to be flattened (default {INPUTS} Gaussian ones)",
    )
    parser.add_argument(
        "--max-bytes", type=int, metavar="N", help="the most that the weights may take (default 2^30)"
    )
    parser.add_argument("--report", metavar="FILE.html", help="write one page that needs nothing else")
    parser.add_argument(
        "--save", metavar="FILE.npz", help="write the network as other commands read it (--network)"
    )
    add_output_flags(parser)


def cost(args: argparse.Namespace) -> str:
    """Products and decompositions, from the widths."""
    net = _network(args)
    inputs = len(inputs_of(args.points, net.widths[0]))
    # a product with every layer, and a decomposition of every matrix and Jacobian; 2 GFlop/s
    flops = sum(20.0 * w.size * min(w.shape) for w in net.weights)
    flops += inputs * net.widths[0] * (2.0 * sum(w.size for w in net.weights) + 20.0 * net.widths[-1] ** 2)
    memory = 1e-6 * 8.0 * (3.0 * sum(w.size for w in net.weights) + net.widths[0] * max(net.widths))
    rest = "" if net.widths[0] != net.widths[-1] else ", and a search for attractors and fixed points"
    return f"{name_of(args.file, net)}: {inputs} inputs, some {max(flops / 2e9, 0.1):.1g} s and {memory:.3g} MB{rest}"


def compute(args: argparse.Namespace) -> Output:
    """The inspection; writes the page and the network where they are asked for."""
    import numpy as np

    from rmtjac.comparison.inspection import inspect_network
    from rmtjac.model.spec import Spec
    from rmtjac.storage import check_folder, write_whole

    for path, flag in ((args.report, "--report"), (args.save, "--save")):
        if path is not None:
            check_folder(path, flag)
    net = _network(args)
    name = name_of(args.file, net)
    found = inspect_network(net, inputs_of(args.points, net.widths[0]))
    if args.save is not None:
        net.save(args.save)
    if args.report is not None:
        from rmtjac.cli.inspection_page import page_of

        write_whole(args.report, lambda stream: stream.write(page_of(found, name, args.points)))
    points = found.fixed_points
    return Output(
        spec=Spec(widths=net.widths, activation=tuple(phi.name for phi in net.activations)),
        summary=_summary(found, name),
        lines=[name, *inspection_lines(found, args.points)],
        arrays={
            **{
                f"singular_values_{i}": layer.singular_values for i, layer in enumerate(found.layers) if layer
            },
            "inputs": found.inputs,
            "jacobian_singular_values": found.singular_values,
            "labels": np.empty(0, dtype=int) if found.basins is None else found.basins.labels,
            "fixed_points": np.empty((0, 0)) if points is None else points.points,
            "errors": np.empty((0, 0)) if points is None else points.errors,
        },
        columns=_table(found),
        draw=found.plot,
    )


def _network(args: argparse.Namespace) -> Network:
    from rmtjac.model.load_network import MAX_BYTES, load_network

    layers = None
    if args.layers is not None:
        layers = [tuple(part.strip() for part in layer.split("+")) for layer in args.layers.split(",")]
    phi = args.phi.split(",") if args.phi is not None and "," in args.phi else args.phi
    limit = MAX_BYTES if args.max_bytes is None else args.max_bytes
    return load_network(args.file, layers, phi, order=args.order, max_bytes=limit)


def _table(found: Inspection) -> dict[str, Any]:
    """A row a layer; nan where something is not known."""
    import numpy as np

    def column(value: Any) -> Any:
        return np.array([np.nan if layer is None else value(layer) for layer in found.layers], dtype=float)

    net = found.network
    return {
        "layer": np.arange(1, len(found.layers) + 1),
        "n_in": np.array(net.widths[:-1]),
        "n_out": np.array(net.widths[1:]),
        "sigma_w": column(lambda layer: layer.sigma_w),
        "bulk_sigma_w": column(lambda layer: layer.bulk_sigma_w),
        "sigma_b": np.array(bias_scales(net)),
        "largest": column(lambda layer: layer.singular_values[0]),
        "edge": column(lambda layer: layer.edge),
        "outliers": column(lambda layer: layer.outliers.size),
        "ks": column(lambda layer: layer.ks),
        "usual_ks": column(lambda layer: layer.usual_ks),
        "tail_index": column(lambda layer: np.nan if layer.tail is None else layer.tail.index),
        "tail_low": column(lambda layer: np.nan if layer.tail is None else layer.tail.interval[0]),
        "tail_high": column(lambda layer: np.nan if layer.tail is None else layer.tail.interval[1]),
    }


def _summary(found: Inspection, name: str) -> dict[str, Any]:
    labels = None if found.basins is None else found.basins.labels
    points = found.fixed_points
    return {
        "network": name,
        "layers": _table(found),
        "outliers": [[] if layer is None else layer.outliers for layer in found.layers],
        "norms": found.norms,
        "predicted_norm": found.predicted_norm,
        "ks": found.ks,
        "note": found.note,
        "labels": labels,
        "attractors": None if found.basins is None else found.basins.message,
        "fixed_points": None if points is None else points.message,
        "certified": None if points is None else points.certified,
        "stability": None if points is None else list(points.stability),
    }
