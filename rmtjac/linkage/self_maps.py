"""Whether Phi maps a region of grid cells into itself: proven, refuted, or undecided."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.linkage.affine_bounds import BoundedNetwork, bounded
from rmtjac.linkage.enclosures import image_boxes
from rmtjac.linkage.flat_network import is_built_in
from rmtjac.linkage.grid import Grid
from rmtjac.model.differentiable_map import Map

__all__ = ["self_maps"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

ROUNDING = 1e-9  # of the box: an image this near to a region is not taken to be outside
SPLITS = 3  # of a cell into four parts
MOST_BOXES = 10_000  # a level: the regions with the most boxes are left undecided
INSIDE, OUTSIDE, BETWEEN = 1, -1, 0


def self_maps(net: Map, grid: Grid, labels: Indices, images: Floats) -> list[str]:
    """For the regions 1, 2, ... of `labels` (ny, nx): "yes", "no" or "undecided".

    "no": an enclosure of the image of a grid point, or of a part of a cell, has no point in common with the region.
    "yes": enclosures of the images of all its cells, or of parts of them, lie in its cells. `images` (ny, nx, 2) are
    those of the grid points. For maps without enclosures they alone say "no".
    """
    count = int(labels.max(initial=0))
    leaving = _leaving_points(grid, labels, images)
    refuted = np.zeros(count + 1, dtype=bool)
    if not is_built_in(net):
        refuted[labels[leaving]] = True
        return ["no" if no else "undecided" for no in refuted[1:]]
    flat = bounded(net)
    # one point of each region, with its rounding
    regions, first = np.unique(labels[leaving], return_index=True)
    points = grid.points[leaving][first]
    places = _places(labels, regions, grid.met(*image_boxes(flat, points, points)))
    refuted[regions[places == OUTSIDE]] = True
    proven = _proven(flat, grid, labels, refuted)
    return ["no" if no else "yes" if yes else "undecided" for no, yes in zip(refuted, proven, strict=True)][
        1:
    ]


def _leaving_points(grid: Grid, labels: Indices, images: Floats) -> tuple[Indices, Indices]:
    """Rows and columns of the grid points of regions whose images are outside of their region."""
    rows, columns = np.nonzero(labels)
    margin = ROUNDING * np.array([np.ptp(grid.x_ends), np.ptp(grid.y_ends)])
    at = images[rows, columns]
    places = _places(labels, labels[rows, columns], grid.met(at - margin, at + margin))
    leaves = (places == OUTSIDE) & np.isfinite(at).all(axis=1)
    return rows[leaves], columns[leaves]


def _proven(
    net: BoundedNetwork, grid: Grid, labels: Indices, refuted: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which regions are proven to be mapped into themselves; those proven not to be are added to `refuted`."""
    rows, columns = np.nonzero((labels > 0) & ~refuted[labels])
    regions = labels[rows, columns]
    lower, upper = grid.corners(rows, columns)
    given_up = refuted.copy()
    given_up[0] = True
    for level in range(SPLITS + 1):
        kept = _kept(regions, given_up)
        lower, upper, regions = lower[kept], upper[kept], regions[kept]
        places = _places(labels, regions, grid.met(*image_boxes(net, lower, upper)))
        refuted[regions[places == OUTSIDE]] = True
        given_up |= refuted
        left = places == BETWEEN
        lower, upper, regions = lower[left], upper[left], regions[left]
        if level < SPLITS:
            lower, upper, regions = *_quarters(lower, upper), np.tile(regions, 4)
    given_up[regions] = True
    return ~given_up


def _kept(regions: Indices, given_up: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Boxes of regions that are not given up; those with the most boxes are, until few enough are left."""
    sizes = np.bincount(regions, minlength=given_up.size)
    sizes[given_up] = 0
    for region in np.argsort(-sizes):
        if sizes.sum() <= MOST_BOXES:
            break
        given_up[region] = True
        sizes[region] = 0
    return ~given_up[regions]


def _quarters(lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """The four parts of each box (k, 2), in four runs."""
    middle = 0.5 * (lower + upper)
    low, high = [], []
    for right, top in ((0, 0), (1, 0), (0, 1), (1, 1)):
        upper_half = np.array([right, top], dtype=bool)
        low.append(np.where(upper_half, middle, lower))
        high.append(np.where(upper_half, upper, middle))
    return np.concatenate(low), np.concatenate(high)


@kernel
def _places(labels: Indices, regions: Indices, met: Indices) -> Indices:
    """Of sets of cells (first and last row, first and last column): whether all, none or some are of a region."""
    places = np.empty(regions.size, dtype=np.int64)
    rows, columns = labels.shape
    for k in range(regions.size):
        top, bottom, left, right = met[k]
        within = top >= 0 and left >= 0 and bottom < rows and right < columns
        all_in, none_in = within, True
        for i in range(max(top, 0), min(bottom, rows - 1) + 1):
            for j in range(max(left, 0), min(right, columns - 1) + 1):
                same = labels[i, j] == regions[k]
                all_in, none_in = all_in and same, none_in and not same
            if not all_in and not none_in:
                break
        places[k] = INSIDE if all_in else OUTSIDE if none_in else BETWEEN
    return places
