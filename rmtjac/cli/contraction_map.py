"""`rmtjac contraction-map`: where one map of the plane contracts."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rmtjac.cli.network import add_network_flags, box_of, network_of
from rmtjac.cli.output import Output, add_output_flags

if TYPE_CHECKING:
    from rmtjac.linkage.contraction import ContractionMap
    from rmtjac.model.network import Network

HELP = "norms of the Jacobian of a network of two inputs over a grid, and the regions where they are below 1"
STEP = 0.05
SHOWN = 8  # regions that are printed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac contraction-map`."""
    add_network_flags(parser)
    parser.add_argument(
        "--step", type=float, default=STEP, metavar="STEP", help=f"of the grid (default {STEP})"
    )
    add_output_flags(parser)


def cost(args: argparse.Namespace) -> str:
    """Seconds for the norms, and the limit of the rest."""
    from rmtjac.linkage.contraction import MAX_BOXES, check_plane_map
    from rmtjac.linkage.self_maps import MOST_BOXES

    _, net, name = network_of(args)
    check_plane_map(net)
    ny, nx = _grid_shape(args)
    entries = sum(weights.size for weights in net.weights)
    return (
        f"{name}: some {3e-10 * entries * nx * ny:.1g} s for {nx} x {ny} points, and up to {MAX_BOXES} boxes for fixed "
        f"points and some {MOST_BOXES} for the regions' images, of {3e-9 * entries + 1e-5:.0e} s each"
    )


def compute(args: argparse.Namespace) -> Output:
    """The map."""
    from rmtjac.linkage.contraction import contraction_map

    spec, net, name = network_of(args)
    found = contraction_map(net, *box_of(args), args.step)
    return Output(
        spec=spec,
        summary=_summary(found, net, name),
        lines=_lines(found, net, name),
        arrays={
            "x": found.x,
            "y": found.y,
            "norms": found.norms,
            "labels": found.labels,
            "fixed_points": found.fixed_points,
        },
        columns=_table(found),
        draw=found.plot,
    )


def _grid_shape(args: argparse.Namespace) -> tuple[int, int]:
    from rmtjac.linkage.grid import Grid
    from rmtjac.model.checks import checked_box

    return Grid.in_box(*checked_box(*box_of(args), 2), args.step).shape


def _table(found: ContractionMap) -> dict[str, Any]:
    """A row a grid point."""
    import numpy as np

    x, y = np.meshgrid(found.x, found.y)
    return {"x1": x.ravel(), "x2": y.ravel(), "norm": found.norms.ravel(), "region": found.labels.ravel()}


def _summary(found: ContractionMap, net: Network, name: str) -> dict[str, Any]:
    from rmtjac.linkage.norm_bounds import product_of_norms

    return {
        "network": name,
        "points": found.norms.size,
        "smallest_norm": found.norms.min(),
        "largest_norm": found.norms.max(),
        "product_of_norms": product_of_norms(net),
        "contracting_share": found.contracting_share,
        "fixed_points": found.fixed_points,
        "stability": list(found.stability),
        "complete": found.complete,
        "regions": [
            {
                "label": region.label,
                "cells": region.cells,
                "area": region.area,
                "largest_norm": region.largest_norm,
                "fixed_points": region.fixed_points,
                "maps_into_itself": region.maps_into_itself,
            }
            for region in found.regions
        ],
    }


def _lines(found: ContractionMap, net: Network, name: str) -> list[str]:
    from rmtjac.linkage.norm_bounds import product_of_norms

    count, stable = len(found.fixed_points), found.stability.count("stable")
    all_known = "proven to be all" if found.complete else "there may be others"
    lines = [
        name,
        f"norms        {found.norms.min():.4g} to {found.norms.max():.4g} at {found.norms.size} points; nowhere above "
        f"{product_of_norms(net):.4g}, the product of the layers' norms",
        f"norm < 1     on {100.0 * found.contracting_share:.3g} % of the box, in {len(found.regions)} regions",
        f"fixed points {count}, of which {stable} stable ({all_known})",
    ]
    if found.regions:
        lines.append("region   area       largest norm  fixed points  maps into itself")
    largest = sorted(found.regions, key=lambda region: -region.area)
    lines += [
        f"{region.label:<9}{region.area:<11.4g}{region.largest_norm:<14.4g}{len(region.fixed_points):<14}"
        f"{region.maps_into_itself}"
        for region in largest[:SHOWN]
    ]
    return lines + ([f"and {len(largest) - SHOWN} smaller ones"] if len(largest) > SHOWN else [])
