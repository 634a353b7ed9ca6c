"""The network of a command that looks at one map: read from a file, or drawn from an ensemble by its seed."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from rmtjac.model.spec import Spec, add_flags

if TYPE_CHECKING:
    from rmtjac.model.network import Network

__all__ = ["SELF_MAP_FLAGS", "add_box_flags", "add_network_flags", "box_of", "network_of", "self_map_spec"]

SELF_MAP_FLAGS = ("activation", "depth", "n", "width", "widths", "weights", "sigma_w", "sigma_b", "seed")
DEFAULT_DIMENSION = 2


def add_network_flags(parser: argparse.ArgumentParser) -> None:
    """--network FILE, the flags of an ensemble of self-maps, and the box --lower, --upper."""
    add_flags(parser, SELF_MAP_FLAGS)
    parser.add_argument(
        "--network",
        metavar="FILE",
        help="a network saved by Network.save or inspect --save, instead of a drawn one",
    )
    add_box_flags(parser)


def add_box_flags(parser: argparse.ArgumentParser) -> None:
    """--lower and --upper."""
    for flag, end in (("--lower", "-1"), ("--upper", "1")):
        parser.add_argument(
            flag,
            default=end,
            help=f"corner of the box: a number, or one per input, as {flag}={end},{end} (default {end})",
        )


def self_map_spec(args: argparse.Namespace) -> Spec:
    """The spec of an ensemble of self-maps: n = 2 unless widths or n are given; width 100 is the default then."""
    spec = Spec.from_args(args)
    return replace(spec, n=DEFAULT_DIMENSION) if spec.widths is None and spec.n is None else spec


def network_of(args: argparse.Namespace) -> tuple[Spec, Network, str]:
    """The network, the spec that states it, and its name in words."""
    if args.network is not None:
        from rmtjac.model.load_network import load_network

        given = [name for name in (*SELF_MAP_FLAGS, "spec") if getattr(args, name, None) is not None]
        if given:
            raise ValueError(
                f"--network={args.network!r} with --{given[0].replace('_', '-')}: allowed is one of them"
            )
        net = load_network(args.network)
        names = tuple(phi.name for phi in net.activations)
        return Spec(widths=net.widths, activation=names), net, args.network
    spec = self_map_spec(args)
    from rmtjac.model.streams import entropy_of

    seed = entropy_of(spec.seed)
    spec = replace(spec, seed=seed)
    ens = spec.ensemble()
    activations = sorted({phi.name for phi in ens.activations})
    widths = "-".join(map(str, ens.widths if ens.depth <= 3 else (*ens.widths[:2], "...", *ens.widths[-2:])))
    name = f"{', '.join(activations)}, depth {ens.depth}, widths {widths}, {ens.weights.name} weights, seed {seed}"
    return spec, ens.sample(seed), name


def box_of(args: argparse.Namespace) -> tuple[list[float], list[float]]:
    """--lower and --upper as lists of numbers, one number or one per input."""
    return _corner("--lower", args.lower), _corner("--upper", args.upper)


def _corner(flag: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"{flag} {text}: allowed is a number, or numbers with commas, one per input"
        ) from None
