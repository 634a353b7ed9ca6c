"""The attracting points of a superattracting layer, all k^d of them, each in a box that is proven to hold it alone.

For W near the unit matrix f(x) = phi(W x + b) has a fixed point next to every s whose coordinates are superattracting
points of phi (THEORY.md section 4; own construction, the second source lost its formulas). On a box about s that f maps
into itself with a Lipschitz constant K < 1 it is the only one, and every start there tends to it (Theorem 4.1).
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.linkage.certificates.files import function_content, write_certificate
from rmtjac.linkage.certificates.program import network_program
from rmtjac.linkage.looped import checked_layer
from rmtjac.linkage.looped_boxes import CONSTANT, boxes, checked_constant, checked_radius, largest_scales
from rmtjac.linkage.region_bounds import bounds_on_boxes, scalar_reach, superattracting
from rmtjac.model.activations import Activation
from rmtjac.model.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LoopedRegions", "certify_looped_regions"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MOST_REGIONS = 100_000
MAX_STEPS = 200  # until an iteration rests
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, kw_only=True, eq=False)
class LoopedRegions:
    """Boxes about the k^d candidates of a superattracting layer. Arrays have a row a candidate.

    Attributes
    ----------
    network : Network
        The layer f, of depth 1.
    anchors : ndarray (N, d)
        The candidates s, in the order of their first coordinates.
    lower, upper : ndarray (N, d)
        The boxes; they are disjoint.
    constants : ndarray (N,)
        sup ||Df||_inf over the box, rounded upward: K.
    margins : ndarray (N,)
        How far inside of the box its image stays in every coordinate, rounded downward; negative if it may leave.
    certified : ndarray of bool (N,)
        Whether K < 1 and the image stays inside: the box has exactly one fixed point, which attracts it all.
    points : ndarray (N, d)
        The fixed points; nan for boxes that are not certified.
    errors : ndarray (N,)
        How far a coordinate of the point may be off at most; nan likewise.
    """

    network: Network
    anchors: Floats
    lower: Floats
    upper: Floats
    constants: Floats
    margins: Floats
    certified: Flags
    points: Floats
    errors: Floats

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @property
    def count(self) -> int:
        """How many attracting fixed points are proven."""
        return int(self.certified.sum())

    @property
    def message(self) -> str:
        """What is known, in one line."""
        if self.count == len(self.certified):
            return f"{self.count} attracting fixed points, one in each of as many disjoint boxes, all proven"
        worst = int(np.argmin(np.where(self.certified, np.inf, self.margins)))
        place = ", ".join(f"{x:.3g}" for x in self.anchors[worst][:4])
        place += ", ..." if self.anchors.shape[1] > 4 else ""
        reason = (
            f"K may be {self.constants[worst]:.4g}"
            if not self.constants[worst] < 1.0
            else f"its image may leave it by {-self.margins[worst]:.2g}"
        )
        return (
            f"{self.count} of {len(self.certified)} candidates proven; about ({place}) no box was found: on the last "
            f"one tried {reason}"
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the certified regions as one certificate, which `rmtjac check` re-checks; returns the path.

        Raises
        ------
        ValueError
            If no region is certified, or the folder cannot be written.
        """
        if not self.count:
            raise ValueError(f"what does not hold cannot be saved: {self.message}")
        rows = np.flatnonzero(self.certified)
        regions = [
            {
                "low": self.lower[k].tolist(),
                "high": self.upper[k].tolist(),
                "norm": "inf",
                "constant": float(self.constants[k]),
                "tree": [-1],
            }
            for k in rows
        ]
        function = function_content(network_program(self.network))
        shape = list(self.anchors.shape[1:])
        content = {"kind": "contraction", "function": function, "shape": shape, "regions": regions}
        return write_certificate(path, content)

    def plot(self, ax: Axes | None = None) -> list[Any]:
        """Boxes and points in the first two coordinates."""
        from rmtjac.looped_plots import plot_regions

        return plot_regions(self, ax)


def certify_looped_regions(
    W: ArrayLike,
    b: ArrayLike | None,
    activation: str | Activation,
    *,
    radius: float | None = None,
    constant: float = CONSTANT,
) -> LoopedRegions:
    """Every attracting fixed point of x -> phi(W x + b) next to superattracting points of phi, with its proven box.

    Parameters
    ----------
    W : array (d, d)
        Near the unit matrix: I + E/m with |E_ij| <= 1 and m >= 100 (1.13 d + 1) suffices for cubic.
    b : array (d,), or None
    activation : str or Activation
        cubic, exp_cubic, quintic or hermite(POINTS), k = 2, 2, 3 or POINTS points; k^d <= 100,000
        (`certify_looped_count` counts more).
    radius : float, optional
        Half of the side of every box. If not given, each is the largest found, of the shape of the scalar intervals
        where |phi'| <= `constant`, whose K is at most `constant`.
    constant : float
        Of boxes without a given radius, in (0, 1).

    Raises
    ------
    ValueError, TypeError
        If W is not square, b does not fit, k^d is too large, boxes of this radius would meet, or `constant` is out of
        range.
    UnsupportedError
        For other activations.
    """
    net = checked_layer(W, b, activation)
    phi = superattracting(net)
    d, k = net.widths[0], phi.points.size
    if k**d > MOST_REGIONS:
        raise ValueError(
            f"{k}^{d} boxes: allowed are up to {MOST_REGIONS:,} (certify_looped_count counts them without a list)"
        )
    limit = checked_constant(constant) if radius is None else np.nextafter(1.0, 0.0)
    reach = scalar_reach(phi, limit) if radius is None else checked_radius(phi, radius)
    places = np.array(list(itertools.product(range(k), repeat=d)))
    with np.errstate(over="ignore", invalid="ignore"):
        scales = np.ones(len(places)) if radius is not None else largest_scales(net, places, reach, limit)
        lower, upper = boxes(phi.points, places, reach, scales)
        return _described(net, phi.points[places], lower, upper)


def _described(net: Network, anchors: Floats, lower: Floats, upper: Floats) -> LoopedRegions:
    bounds = bounds_on_boxes(net, lower, upper)
    constants = bounds.constant.max(axis=1)
    gaps = np.minimum(bounds.low - lower, upper - bounds.high)
    margins = (gaps - EPS * np.abs(gaps)).min(axis=1)
    certified = (constants < 1.0) & (margins >= 0.0)
    points, errors = np.full(anchors.shape, np.nan), np.full(len(anchors), np.nan)
    if certified.any():
        points[certified], errors[certified] = _fixed_points(
            net, anchors[certified], lower[certified], upper[certified], constants[certified]
        )
    return LoopedRegions(
        network=net,
        anchors=anchors,
        lower=lower,
        upper=upper,
        constants=constants,
        margins=margins,
        certified=certified,
        points=points,
        errors=errors,
    )


def _fixed_points(
    net: Network, x: Floats, lower: Floats, upper: Floats, constants: Floats
) -> tuple[Floats, Floats]:
    """The fixed points of certified boxes by iteration, and |x - x*| <= |f(x) - x|/(1 - K), rounding included."""
    length = np.inf
    for _ in range(MAX_STEPS):
        image = np.clip(net(x), lower, upper)
        before, length = length, float(np.abs(image - x).max())
        x = image
        if length == 0.0 or length >= before:
            break
    bounds = bounds_on_boxes(net, x, x)
    residual = np.maximum(bounds.high - x, x - bounds.low).max(axis=1) * (1.0 + 2.0 * EPS)
    errors = residual / (1.0 - constants) * (1.0 + 4.0 * EPS)
    # next to the point f contracts more than on the whole box
    near = bounds_on_boxes(net, x - 2.0 * errors[:, None], x + 2.0 * errors[:, None]).constant.max(axis=1)
    return x, residual / (1.0 - np.minimum(near, constants)) * (1.0 + 4.0 * EPS)
