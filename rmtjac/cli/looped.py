"""`rmtjac looped`: the attracting points of a looped network, proven, and what noise does to them."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rmtjac.cli.looped_layer import add_layer_flags, layer_of
from rmtjac.cli.output import Output, add_output_flags

if TYPE_CHECKING:
    from rmtjac.linkage.looped_count import LoopedCount
    from rmtjac.linkage.looped_regions import LoopedRegions
    from rmtjac.linkage.robust_iteration import RobustIteration
    from rmtjac.model.network import Network
    from rmtjac.model.spec import Spec

HELP = "attracting points of a looped network x -> phi(W x + b) with W near the unit matrix, each with its proven box"
STEPS = 40
MOST_STARTS, FEW_STARTS = 1000, 24  # that are iterated: one a box, more where there are few boxes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac looped`."""
    add_layer_flags(parser)
    number: dict[str, Any] = {"type": float, "metavar": "X"}
    parser.add_argument("--radius", **number, help="half sides of all boxes (default: the largest found)")
    parser.add_argument(
        "--constant",
        **number,
        default=0.9,
        help="largest Lipschitz constant of boxes without --radius (default 0.9)",
    )
    parser.add_argument(
        "--count", action="store_true", help="prove the number without a list; so for over 100,000"
    )
    parser.add_argument("--noise", default="uniform", help="uniform (default), gaussian or adversarial")
    parser.add_argument(
        "--delta", **number, default=0.0, help="largest noise of a step, in a coordinate (default 0)"
    )
    parser.add_argument(
        "--steps", type=int, default=STEPS, metavar="N", help=f"under noise (default {STEPS})"
    )
    parser.add_argument(
        "--save", metavar="FILE", help="write the network, --depth layers, for --network elsewhere"
    )
    parser.add_argument("--certificate", metavar="FILE", help="write what is proven, for rmtjac check")
    add_output_flags(parser)


def cost(args: argparse.Namespace) -> str:
    """Boxes and seconds."""
    _, net, name = layer_of(args)
    boxes, d = _boxes(net), net.widths[0]
    if _is_counted(args, net):
        return f"{name}: a count of {boxes:.3g} boxes takes some {1e-7 * d * d + 0.01:.1g} s"
    return f"{name}: {boxes} boxes take some {3e-6 * boxes * d + 0.01:.1g} s"


def compute(args: argparse.Namespace) -> Output:
    """The boxes or their number; exit code 3 if not all of them are proven."""
    from rmtjac.linkage.looped import looped
    from rmtjac.storage import check_folder

    for flag, path in (("--save", args.save), ("--certificate", args.certificate)):
        if path is not None:
            check_folder(path, flag)
    spec, net, name = layer_of(args)
    output = _counted(args, spec, net, name) if _is_counted(args, net) else _listed(args, spec, net, name)
    if args.save is None:
        return output
    saved = looped(net.weights[0], net.biases[0], net.activations[0], spec.depth or 1).save(args.save)
    return replace(output, lines=[*output.lines, f"network {saved}"])


def _boxes(net: Network) -> int:
    from rmtjac.linkage.region_bounds import superattracting

    return int(superattracting(net).points.size ** net.widths[0])


def _is_counted(args: argparse.Namespace, net: Network) -> bool:
    from rmtjac.linkage.looped_regions import MOST_REGIONS

    return args.count or _boxes(net) > MOST_REGIONS


def _counted(args: argparse.Namespace, spec: Spec, net: Network, name: str) -> Output:
    from rmtjac.linkage.looped_count import certify_looped_count

    if args.delta:
        raise ValueError(f"--delta {args.delta:g}: noise needs a list of boxes: allowed is 0 with --count")
    found = certify_looped_count(
        net.weights[0], net.biases[0], net.activations[0], radius=args.radius, constant=args.constant
    )
    arrays = {key: getattr(found, key) for key in ("lower", "upper", "constants", "margins")}
    return Output(
        spec=spec,
        summary={
            "network": name,
            "message": found.message,
            "count": str(found.count),
            "holds": found.holds,
            "constant": found.constant,
            "least_margin": found.margins.min(),
        },
        lines=[
            name,
            found.message,
            f"sides of the boxes {_span(found.upper - found.lower)}",
            *_certificate(args, found),
        ],
        arrays=arrays,
        columns={
            f"{key}_{k + 1}": column for key, array in arrays.items() for k, column in enumerate(array.T)
        },
        draw=lambda: _draw_count(found),
        code=0 if found.holds else 3,
    )


def _listed(args: argparse.Namespace, spec: Spec, net: Network, name: str) -> Output:
    from rmtjac.linkage.looped_regions import certify_looped_regions

    found = certify_looped_regions(
        net.weights[0], net.biases[0], net.activations[0], radius=args.radius, constant=args.constant
    )
    noisy = _iterated(args, spec, found) if found.count else None
    arrays = {
        key: getattr(found, key)
        for key in ("anchors", "lower", "upper", "constants", "margins", "certified", "points", "errors")
    }
    return Output(
        spec=spec,
        summary={
            "network": name,
            "message": found.message,
            "count": found.count,
            "candidates": len(found.certified),
            "largest_constant": found.constants.max(),
            "largest_error": found.errors[found.certified].max(initial=0.0),
            **({} if noisy is None else _noise_summary(noisy)),
        },
        lines=[name, found.message, *_lines(found, noisy), *_certificate(args, found)],
        arrays=arrays,
        columns={
            **{f"x{j + 1}": column for j, column in enumerate(found.points.T)},
            **{key: arrays[key] for key in ("errors", "constants", "margins", "certified")},
        },
        draw=lambda: _draw(found, noisy),
        code=0 if found.count == len(found.certified) else 3,
    )


def _certificate(args: argparse.Namespace, found: LoopedRegions | LoopedCount) -> list[str]:
    """The file of what is proven, if it is wanted."""
    if args.certificate is None or not found.count:
        return []
    return [f"certificate {found.save(args.certificate)}"]


def _iterated(args: argparse.Namespace, spec: Spec, found: LoopedRegions) -> RobustIteration:
    """Random starts in proven boxes, with the largest of their constants."""
    import numpy as np

    from rmtjac.linkage.robust_iteration import robust_iteration

    rows = np.flatnonzero(found.certified)[:MOST_STARTS]
    rows = rows.repeat(max(1, FEW_STARTS // rows.size))
    generator = np.random.default_rng([spec.seed or 0, 1])
    starts = generator.uniform(found.lower[rows], found.upper[rows])
    return robust_iteration(
        found.network,
        starts,
        args.steps,
        args.delta,
        noise=args.noise,
        rng=generator,
        fixed_point=found.points[rows],
        constant=float(found.constants[rows].max()),
    )


def _noise_summary(noisy: RobustIteration) -> dict[str, Any]:
    return {
        "noise": noisy.noise,
        "delta": noisy.delta,
        "starts": noisy.errors.shape[1],
        "steps": len(noisy.errors) - 1,
        "last_error": noisy.errors[-1].max(),
        "last_bound": noisy.bound[-1].max(),
        "tube_radius": noisy.tube_radius,
    }


def _lines(found: LoopedRegions, noisy: RobustIteration | None) -> list[str]:
    constants = f"{found.constants.min():.6f} to {found.constants.max():.6f}"
    lines = [f"constants {constants}, sides of the boxes {_span(found.upper - found.lower)}"]
    if noisy is None:
        return lines
    how = f"under {noisy.noise} noise up to {noisy.delta:g}" if noisy.delta else "without noise"
    lines += [
        f"points known to {found.errors[found.certified].max():.1e}",
        f"{noisy.errors.shape[1]} starts in the boxes, {len(noisy.errors) - 1} steps {how}: last errors up to "
        f"{noisy.errors[-1].max():.3g}, bound {noisy.bound[-1].max():.3g}",
    ]
    if not noisy.delta:
        return lines
    tube = _largest_tube(found, noisy.delta)
    end = (
        f"within {tube:.3g}, proven"
        if tube < float("inf")
        else "in no tube that is proven to fit into its box"
    )
    return [*lines, f"trajectories end {end}; delta/(1 - K) is {noisy.tube_radius:.3g}"]


def _largest_tube(found: LoopedRegions, delta: float) -> float:
    """Of the certified boxes."""
    from rmtjac.linkage.looped_tubes import certify_tubes

    return float(certify_tubes(found, delta)[found.certified].max())


def _span(values: Any) -> str:
    return f"{values.min():.4g} to {values.max():.4g}"


def _draw(found: LoopedRegions, noisy: RobustIteration | None) -> list[Any]:
    """The plane with its trajectories; else the errors of the starts."""
    from rmtjac.looped_plots import plot_robust, plot_trajectories
    from rmtjac.plotting import ORANGE

    if found.anchors.shape[1] != 2 and noisy is not None:
        return plot_robust(noisy, tube=_largest_tube(found, noisy.delta))
    artists = found.plot()
    if noisy is not None:
        artists += plot_trajectories(noisy.trajectories, artists[0].axes, color=ORANGE)
    return artists


def _draw_count(found: LoopedCount) -> list[Any]:
    """The constant of every interval against how far inside of it images stay."""
    from rmtjac.looped_plots import plot_count

    return plot_count(found)
