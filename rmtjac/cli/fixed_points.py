"""`rmtjac fixed-points`: all fixed points of one network."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rmtjac.cli.network import add_network_flags, box_of, network_of
from rmtjac.cli.output import Output, add_output_flags

if TYPE_CHECKING:
    from rmtjac.linkage.fixed_points import FixedPoints

HELP = "all fixed points of a network, stable or not"
MAX_BOXES = 500_000
SHOWN = 3  # coordinates of a point that are printed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac fixed-points`."""
    add_network_flags(parser)
    parser.add_argument(
        "--method",
        default="auto",
        metavar="METHOD",
        help="auto (default), boxes, patterns (both proven complete), newton (from many starts)",
    )
    parser.add_argument(
        "--max-boxes",
        type=int,
        default=MAX_BOXES,
        metavar="N",
        help=f"where a search stops (default {MAX_BOXES})",
    )
    add_output_flags(parser)


def cost(args: argparse.Namespace) -> str:
    """A search costs what it costs: a rate and a limit."""
    _, net, name = network_of(args)
    products = sum(weights.size for weights in net.weights)
    return f"{name}: a box costs some {5e-9 * products * 50:.1g} s; at most {args.max_boxes} boxes"


def compute(args: argparse.Namespace) -> Output:
    """The points; exit code 3 if a search had to stop or could not decide."""
    from rmtjac.linkage.fixed_points import find_fixed_points

    spec, net, name = network_of(args)
    lower, upper = box_of(args)
    found = find_fixed_points(net, lower, upper, args.method, max_boxes=args.max_boxes)
    columns = _table(found)
    unfinished = found.method != "newton" and not found.complete
    return Output(
        spec=spec,
        summary=_summary(found, name),
        lines=_lines(found, name),
        arrays={
            "points": found.points,
            "errors": found.errors,
            "jacobians": found.jacobians,
            "eigenvalues": found.eigenvalues,
            "index": found.index,
            "certified": found.certified,
            "stable": found.stable,
            "undecided": found.undecided,
        },
        columns=columns,
        draw=lambda: found.plot(),
        code=3 if unfinished else 0,
    )


def _table(found: FixedPoints) -> dict[str, Any]:
    coordinates = {f"x{j + 1}": column for j, column in enumerate(found.points.T)}
    return {
        **coordinates,
        "error": found.errors.max(axis=1, initial=0.0),
        "certified": found.certified,
        "spectral_radius": found.spectral_radius,
        "spectral_norm": found.spectral_norm,
        "stable": found.stable,
        "index": found.index,
    }


def _summary(found: FixedPoints, name: str) -> dict[str, Any]:
    return {
        "network": name,
        "method": found.method,
        "message": found.message,
        "complete": found.complete,
        "index_sum": found.index_sum,
        "due_index_sum": found.due_index_sum,
        "continuum_dimension": found.continuum_dimension,
        "boxes": found.boxes,
        "boxes_left": found.boxes_left,
        "stability": list(found.stability),
        "table": _table(found),
    }


def _lines(found: FixedPoints, name: str) -> list[str]:
    import math

    lines = [name, found.message]
    if len(found.points):
        header = "".join(f"x{j + 1:<13}" for j in range(min(SHOWN, found.points.shape[1])))
        lines.append(f"{header}{'radius':<10}{'norm':<10}{'index':<7}{'stability':<11}error")
    for k, x in enumerate(found.points):
        place = "".join(f"{value:<14.8f}" for value in x[:SHOWN])
        index = "?" if math.isnan(found.index[k]) else f"{found.index[k]:+.0f}"
        error = f"{found.errors[k].max():.1e}" if found.certified[k] else "not certified"
        lines.append(
            f"{place}{found.spectral_radius[k]:<10.4g}{found.spectral_norm[k]:<10.4g}{index:<7}"
            f"{found.stability[k]:<11}{error}"
        )
    due = "" if math.isnan(found.due_index_sum) else ", as the box is mapped into itself: must be 1"
    return [*lines, f"sum of the indices {found.index_sum:g}{due}"]
