"""The layer of `rmtjac looped`: read from a file of equal layers, or drawn near the unit map by its seed."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from rmtjac.model.spec import Spec, add_flags

if TYPE_CHECKING:
    from rmtjac.model.network import Network

__all__ = ["add_layer_flags", "layer_of"]

FLAGS = ("activation", "depth", "seed")
ACTIVATION, DIMENSION, SPREAD = "cubic", 2, 2000.0


def add_layer_flags(parser: argparse.ArgumentParser) -> None:
    """--activation, --depth, --seed, --network FILE, --dimension and --m."""
    add_flags(parser, FLAGS)
    parser.add_argument(
        "--network", metavar="FILE", help="a saved network of equal layers, instead of a drawn one"
    )
    parser.add_argument(
        "--dimension",
        type=int,
        metavar="D",
        help=f"of W = I + E/m and b, drawn by --seed (default {DIMENSION})",
    )
    parser.add_argument(
        "--m", type=float, metavar="X", help=f"|E_ij| <= 1, |b_i| <= 1/m (default {SPREAD:g})"
    )


def layer_of(args: argparse.Namespace) -> tuple[Spec, Network, str]:
    """The layer, what of it a spec can state, and its name in words."""
    from rmtjac.linkage.looped import looped, sample_looped_layer
    from rmtjac.model.load_network import load_network
    from rmtjac.model.streams import entropy_of

    if args.network is not None:
        given = [flag for flag in (*FLAGS, "dimension", "m", "spec") if getattr(args, flag, None) is not None]
        if given:
            raise ValueError(f"--network={args.network!r} with --{given[0]}: allowed is one of them")
        net = load_network(args.network)
        layer = looped(net.weights[0], net.biases[0], net.activations[0], 1).layer
        if not all(_is_layer(net, k) for k in range(len(net.weights))):
            raise ValueError(
                f"--network={args.network!r}: the layers differ; allowed are networks of equal layers"
            )
        spec = Spec(widths=net.widths, activation=layer.activations[0].name, depth=len(net.weights))
        return spec, layer, args.network
    spec = Spec.from_args(args)
    if args.activation is None and args.spec is None:
        spec = replace(spec, activation=ACTIVATION)
    seed = entropy_of(spec.seed)
    d, m = DIMENSION if args.dimension is None else args.dimension, SPREAD if args.m is None else args.m
    spec = replace(spec, seed=seed, depth=spec.depth or 1, width=d, widths=None)
    if not isinstance(spec.activation, str):
        raise ValueError(f"--activation {','.join(spec.activation)}: allowed is one for all layers")
    net = looped(*sample_looped_layer(d, m, seed), spec.activation, 1).layer
    return spec, net, f"{spec.activation}, W = I + E/{m:g} in {d} dimensions, seed {seed}"


def _is_layer(net: Network, k: int) -> bool:
    import numpy as np

    first = net.weights[0], net.biases[0]
    same = all(np.array_equal(a, b) for a, b in zip(first, (net.weights[k], net.biases[k]), strict=True))
    return same and net.activations[k] == net.activations[0]
