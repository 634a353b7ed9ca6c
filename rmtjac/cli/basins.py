"""`rmtjac basins`: which attractor each start reaches."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rmtjac.cli.network import add_network_flags, box_of, network_of
from rmtjac.cli.output import Output, add_output_flags

if TYPE_CHECKING:
    from rmtjac.linkage.basins import Basins

HELP = "which attractor of a network each start reaches"
STEP, MAX_STEPS, MAX_PERIOD = 0.05, 500, 64
SHOWN = 4  # points of a cycle that are printed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac basins`."""
    add_network_flags(parser)
    add_basin_flags(parser)
    parser.add_argument(
        "--starts", metavar="FILE", help="a .npy file of starts (k, n) or (ny, nx, n) instead of the grid"
    )
    add_output_flags(parser)


def add_basin_flags(parser: argparse.ArgumentParser) -> None:
    """--rule, --step, --max-steps and --max-period."""
    parser.add_argument(
        "--rule",
        default="robust",
        metavar="RULE",
        help="robust (default): attracting points and cycles, checked; paper: the source's stop rule as printed",
    )
    parser.add_argument(
        "--step", type=float, default=STEP, metavar="STEP", help=f"of the grid (default {STEP})"
    )
    parser.add_argument(
        "--max-steps", type=int, default=MAX_STEPS, metavar="N", help=f"of robust (default {MAX_STEPS})"
    )
    parser.add_argument(
        "--max-period",
        type=int,
        default=MAX_PERIOD,
        metavar="P",
        help=f"longest cycle, of robust (default {MAX_PERIOD})",
    )


def cost(args: argparse.Namespace) -> str:
    """The number of starts and steps; ValueError for starts that are none."""
    _, net, name = network_of(args)
    starts = _starts(args, net.widths[0]).size // net.widths[0]
    return f"{name}: {starts} starts, at most {args.max_steps if args.rule == 'robust' else 49} steps each"


def compute(args: argparse.Namespace) -> Output:
    """The labels."""
    from rmtjac.linkage.basins import basins

    spec, net, name = network_of(args)
    found = basins(
        net,
        starts=_starts(args, net.widths[0]),
        rule=args.rule,
        max_steps=args.max_steps,
        max_period=args.max_period,
    )
    return Output(
        spec=spec,
        summary=_summary(found, name),
        lines=_lines(found, name),
        arrays={
            "labels": found.labels,
            "iterations": found.iterations,
            "starts": found.starts,
            "fractions": found.fractions,
            "periods": found.periods,
            "points": _points(found),
        },
        columns=_table(found),
        draw=lambda: _picture(found, args),
    )


def _starts(args: argparse.Namespace, n: int) -> Any:
    from rmtjac.linkage.starts import checked_starts, grid_starts

    if args.starts is None:
        return grid_starts(n, *box_of(args), args.step)
    import numpy as np

    try:
        with open(args.starts, "rb") as file:
            return checked_starts(np.lib.format.read_array(file, allow_pickle=False), n)
    except (OSError, EOFError) as error:
        raise ValueError(f"--starts={args.starts!r}: allowed is a .npy file of numbers ({error})") from None


def _points(found: Basins) -> Any:
    """The points of all attractors one behind the other."""
    import numpy as np

    n = found.starts.shape[-1]
    return np.concatenate([np.empty((0, n)), *(attractor.points for attractor in found.attractors)])


def _table(found: Basins) -> dict[str, Any]:
    """A row for each start."""
    n = found.starts.shape[-1]
    coordinates = {f"x{j + 1}": found.starts[..., j].ravel() for j in range(n)}
    return {**coordinates, "label": found.labels.ravel(), "iterations": found.iterations.ravel()}


def _summary(found: Basins, name: str) -> dict[str, Any]:
    entropy = found.entropy() if found.labels.ndim == 2 and min(found.labels.shape) >= 5 else None
    return {
        "network": name,
        "rule": found.rule,
        "message": found.message,
        "fractions": found.fractions,
        "unresolved": found.unresolved,
        "periods": found.periods,
        "spectral_radius": [attractor.spectral_radius for attractor in found.attractors],
        "is_proven": [attractor.is_proven for attractor in found.attractors],
        "points": [attractor.points for attractor in found.attractors],
        "basin_entropy": None if entropy is None else entropy.basin,
        "boundary_entropy": None if entropy is None else entropy.boundary,
    }


def _lines(found: Basins, name: str) -> list[str]:
    lines = [name, found.message]
    for attractor, share in zip(found.attractors, found.fractions, strict=True):
        kind = "point" if attractor.period == 1 else f"cycle of {attractor.period}"
        places = "  ".join(
            "(" + ", ".join(f"{value:.6f}" for value in point[:SHOWN]) + ")"
            for point in attractor.points[:SHOWN]
        )
        more = "  ..." if attractor.period > SHOWN else ""
        radius = f"radius {attractor.spectral_radius:<9.4g}" if found.rule == "robust" else ""
        lines.append(f"{100.0 * share:6.2f} %  {kind:<12}{radius}{places}{more}")
    if found.labels.ndim == 2 and min(found.labels.shape) >= 5:
        entropy = found.entropy()
        lines.append(f"entropy of 5 x 5 starts {entropy.basin:.4g}, at boundaries {entropy.boundary:.4g}")
    return lines


def _picture(found: Basins, args: argparse.Namespace) -> list[Any]:
    """The basins, over a grid with where the map contracts; of starts that are no grid, the shares alone."""
    if args.starts is None:
        from rmtjac.linkage.contraction import contraction_map

        return found.plot(contraction=contraction_map(found.network, *box_of(args), args.step))
    if found.labels.ndim == 2:
        return found.plot()
    from rmtjac.basin_plots import plot_fractions

    return plot_fractions(found)
