"""Where a map of the plane contracts: ||J|| over a grid, and the regions where it is below 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import label

from rmtjac.linkage.fixed_points import FixedPoints, find_fixed_points
from rmtjac.linkage.grid import Grid
from rmtjac.linkage.jacobian_blocks import jacobian_blocks
from rmtjac.linkage.norms import largest_singular_values, spectral_radius
from rmtjac.linkage.self_maps import self_maps
from rmtjac.model.checks import checked_array, checked_box
from rmtjac.model.differentiable_map import Map

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ContractionMap", "ContractionRegion", "check_plane_map", "contraction_map"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

MAX_BOXES = 3_000  # of the search for fixed points


@dataclass(frozen=True, kw_only=True, eq=False)
class ContractionRegion:
    """Cells of a grid that hang together by their sides, with ||J|| < 1 at the grid point of each.

    Attributes
    ----------
    label : int
        Its number in `ContractionMap.labels`.
    cells : int
    area : float
        Of its cells, clipped to the box.
    largest_norm : float
        The largest ||J|| at its grid points, < 1; no bound for the points between.
    fixed_points : ndarray (q, 2)
        Those in its cells.
    maps_into_itself : {"yes", "no", "undecided"}
        "yes" is proven, rounding included: enclosures of the images of all its cells (or of parts of them) lie in its
        cells. "no" is proven as well: the image of a grid point, or of a part of a cell, lies outside. Activations of
        the user have no enclosures: "no" is the image of a grid point then, and there is no "yes".
    """

    label: int
    cells: int
    area: float
    largest_norm: float
    fixed_points: Floats
    maps_into_itself: str

    def __post_init__(self) -> None:
        self.fixed_points.flags.writeable = False


@dataclass(frozen=True, kw_only=True, eq=False)
class ContractionMap:
    """||J(x)||_2 of a map of the plane over a grid. Arrays over the grid are [iy, ix].

    Attributes
    ----------
    x, y : ndarray (nx,), (ny,)
        First and second coordinates of the grid's points.
    x_ends, y_ends : ndarray (nx + 1,), (ny + 1,)
        Where the cells of the points begin and end.
    norms : ndarray (ny, nx)
        ||J||_2 at the points; nan where J is beyond the range of doubles.
    labels : int ndarray (ny, nx)
        The region of each cell, from 1 on; 0 where ||J|| >= 1 or is unknown.
    regions : tuple of ContractionRegion
        In the order of their labels.
    fixed_points : ndarray (Q, 2)
        All that were found or given, in regions or not.
    stability : tuple of {"stable", "unstable", "undecided"}
        Of each of them.
    complete : bool
        Whether it is proven that the box has no other; False for points that were given as an array.
    """

    x: Floats
    y: Floats
    x_ends: Floats
    y_ends: Floats
    norms: Floats
    labels: Indices
    regions: tuple[ContractionRegion, ...]
    fixed_points: Floats
    stability: tuple[str, ...]
    complete: bool

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @property
    def contracting_share(self) -> float:
        """The share of the box's area in regions."""
        whole = np.ptp(self.x_ends) * np.ptp(self.y_ends)
        return float(sum(region.area for region in self.regions) / whole)

    def plot(self, ax: Axes | None = None) -> list[Any]:
        """Colours for ||J||, a line where it is 1, and the fixed points."""
        from rmtjac.map_plots import plot_contraction

        return plot_contraction(self, ax)


def contraction_map(
    net: Map,
    lower: ArrayLike = -1.0,
    upper: ArrayLike = 1.0,
    step: float = 0.05,
    *,
    fixed_points: FixedPoints | ArrayLike | None = None,
) -> ContractionMap:
    """||J||_2 over a grid, and the regions where it is below 1, with their fixed points and whether Phi keeps them.

    What it shows and what it does not. ||J|| < 1 at a grid point says nothing about the points between: for piecewise
    linear activations J is constant on linear pieces, and a grid point speaks for its piece only, which may be
    smaller than a cell; for smooth ones ||J|| varies with the cell. `certified_norm_bound` bounds ||J|| between. A
    region is no proof of a fixed point, and of one at most only if it is convex and ||J|| < 1 everywhere in it: with
    "yes" on top (Banach, THEORY.md section 4) there is exactly one.

    Parameters
    ----------
    net : Network or DifferentiableMap
        Of two inputs and two outputs.
    lower, upper : float or array (2,)
        Corners of the box.
    step : float
        Of the grid: points lower + step k, k = 0..floor((upper - lower)/step) in each coordinate (the source's (7)).
    fixed_points : FixedPoints or array (Q, 2), optional
        As from `find_fixed_points`, which otherwise looks for them with few boxes, and from many starts if these do
        not suffice.

    Raises
    ------
    ValueError, TypeError
        If the network has not two inputs and two outputs, the box is empty, the step is larger than the box or gives
        more than 10^7 points, or fixed points have another shape or are not finite.
    """
    check_plane_map(net)
    low, high = checked_box(lower, upper, 2)
    grid = Grid.in_box(low, high, step)
    if fixed_points is None:
        fixed_points = _found(net, low, high)
    points, stability, complete = _points(net, fixed_points)
    norms, images = _over_grid(net, grid)
    labels = np.asarray(label(norms < 1.0)[0], dtype=np.int64)
    return ContractionMap(
        x=grid.x,
        y=grid.y,
        x_ends=grid.x_ends,
        y_ends=grid.y_ends,
        norms=norms,
        labels=labels,
        regions=_regions(grid, norms, labels, points, self_maps(net, grid, labels, images)),
        fixed_points=points,
        stability=stability,
        complete=complete,
    )


def check_plane_map(net: Map) -> None:
    """Raise ValueError unless the map has two inputs and two outputs."""
    if (net.widths[0], net.widths[-1]) != (2, 2):
        raise ValueError(
            f"net of {net.widths[0]} inputs and {net.widths[-1]} outputs: allowed are two of each (for others "
            "spectral_norm gives ||J|| at any points)"
        )


def _found(net: Map, low: Floats, high: Floats) -> FixedPoints:
    """The fixed points of a short search; those from many starts if it was too short and they are more."""
    found = find_fixed_points(net, low, high, max_boxes=MAX_BOXES)
    if found.complete or found.method == "newton":
        return found
    others = find_fixed_points(net, low, high, "newton")
    return others if len(others.points) > len(found.points) else found


def _points(net: Map, given: FixedPoints | ArrayLike) -> tuple[Floats, tuple[str, ...], bool]:
    """Fixed points, what is known of their stability, and whether there are no others."""
    if isinstance(given, FixedPoints):
        return given.points.copy(), given.stability, given.complete
    points = checked_array("fixed_points", given)
    points = points.reshape(-1, 2) if points.size == 0 else points
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"fixed_points of shape {points.shape}: allowed is (Q, 2)")
    radii = spectral_radius(net, points)
    return points.copy(), tuple("stable" if radius < 1.0 else "unstable" for radius in radii), False


def _over_grid(net: Map, grid: Grid) -> tuple[Floats, Floats]:
    """||J|| (ny, nx) and Phi (ny, nx, 2) at the points of a grid."""
    points = grid.points.reshape(-1, 2)
    norms, images = np.empty(len(points)), np.empty((len(points), 2))
    for block, values, jacobians in jacobian_blocks(net, points):
        norms[block] = largest_singular_values(jacobians)
        images[block] = values
    return norms.reshape(grid.shape), images.reshape(*grid.shape, 2)


def _regions(
    grid: Grid, norms: Floats, labels: Indices, points: Floats, kinds: list[str]
) -> tuple[ContractionRegion, ...]:
    count = len(kinds)
    flat = labels.ravel()
    cells = np.bincount(flat, minlength=count + 1)
    areas = np.bincount(flat, weights=grid.areas.ravel(), minlength=count + 1)
    largest = np.zeros(count + 1)
    np.maximum.at(largest, flat, norms.ravel())
    home = grid.labels_of(labels, points)
    return tuple(
        ContractionRegion(
            label=k,
            cells=int(cells[k]),
            area=float(areas[k]),
            largest_norm=float(largest[k]),
            fixed_points=points[home == k],
            maps_into_itself=kinds[k - 1],
        )
        for k in range(1, count + 1)
    )
