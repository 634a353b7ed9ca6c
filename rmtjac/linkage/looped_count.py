"""How many attracting fixed points a superattracting layer has, proven without a list: k^d for any d.

One interval a coordinate and point. In the box that a choice of points makes, h_i = W_ii x_i + (the other coordinates,
wherever they are) + b_i; bounds that hold for the intervals of all points hold for every choice.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.linkage.certificates.files import function_content, write_certificate
from rmtjac.linkage.certificates.program import network_program
from rmtjac.linkage.looped import checked_layer
from rmtjac.linkage.looped_boxes import CONSTANT, HALVINGS, SCALES, checked_constant, checked_radius
from rmtjac.linkage.region_bounds import (
    EPS,
    TINY,
    Bounds,
    bounds_on_pre_activations,
    row_sums,
    scalar_reach,
    superattracting,
)
from rmtjac.model.activations import Activation
from rmtjac.model.network import Network

__all__ = ["LoopedCount", "certify_looped_count"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class LoopedCount:
    """k intervals a coordinate whose k^d boxes are all mapped into themselves and contracted, or are not.

    Attributes
    ----------
    network : Network
        The layer f, of depth 1.
    lower, upper : ndarray (d, k)
        The intervals of each coordinate, ascending and disjoint.
    constants : ndarray (d, k)
        Bounds on sum_j |df_i/dx_j| over all boxes with this interval of coordinate i, rounded upward.
    margins : ndarray (d, k)
        How far inside of the interval the image stays, over all those boxes; negative if it may leave.
    """

    network: Network
    lower: Floats
    upper: Floats
    constants: Floats
    margins: Floats

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @property
    def constant(self) -> float:
        """K for all boxes."""
        return float(self.constants.max())

    @property
    def holds(self) -> bool:
        """Whether every box is proven to have exactly one fixed point, which attracts it all."""
        return bool(self.constant < 1.0 and self.margins.min() >= 0.0)

    @property
    def count(self) -> int:
        """The number of attracting fixed points that are proven: k^d or 0."""
        d, k = self.lower.shape
        return int(k) ** int(d) if self.holds else 0

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the intervals as a certificate of their boxes, which `rmtjac check` re-checks; returns the path.

        Raises
        ------
        ValueError
            If it does not hold, or the folder cannot be written.
        """
        if not self.holds:
            raise ValueError(f"what does not hold cannot be saved: {self.message}")
        content = {
            "kind": "count",
            "function": function_content(network_program(self.network)),
            "low": self.lower.tolist(),
            "high": self.upper.tolist(),
            "constant": self.constant,
        }
        return write_certificate(path, content)

    @property
    def message(self) -> str:
        """What is known, in one line."""
        d, k = self.lower.shape
        if self.holds:
            return (
                f"{k}^{d} attracting fixed points, one in each of as many disjoint boxes, all proven: K <= "
                f"{self.constant:.4g}"
            )
        if not self.constant < 1.0:
            return f"nothing proven: K may be {self.constant:.4g}"
        i = int(np.argmin(self.margins.min(axis=1)))
        return f"nothing proven: coordinate {i} of an image may leave its interval by {-self.margins[i].min():.2g}"


def certify_looped_count(
    W: ArrayLike,
    b: ArrayLike | None,
    activation: str | Activation,
    *,
    radius: float | None = None,
    constant: float = CONSTANT,
) -> LoopedCount:
    """Proof that x -> phi(W x + b) has k^d attracting fixed points, by bounds that hold for every choice at once.

    Parameters and errors as in `certify_looped_regions`, without its limit on k^d. The bounds allow for the worst of
    all choices, so that W must be nearer to the unit matrix than for most boxes of a list.
    """
    net = checked_layer(W, b, activation)
    phi = superattracting(net)
    limit = checked_constant(constant)
    if radius is not None:
        reach = checked_radius(phi, radius)
        return _described(net, phi.points - reach[:, 0], phi.points + reach[:, 1])
    reach = scalar_reach(phi, limit)

    def tried(scale: float) -> LoopedCount:
        return _described(net, phi.points - scale * reach[:, 0], phi.points + scale * reach[:, 1])

    def is_good(found: LoopedCount) -> bool:
        return found.holds and found.constant <= limit

    step = 1.0 / SCALES
    with np.errstate(over="ignore", invalid="ignore"):
        scale = next((s for s in np.linspace(1.0, step, SCALES) if is_good(tried(s))), step)
        outside = scale + step
        for _ in range(HALVINGS if scale < 1.0 else 0):
            middle = 0.5 * (scale + outside)
            scale, outside = (middle, outside) if is_good(tried(middle)) else (scale, middle)
        return tried(scale)


def _described(net: Network, below: Floats, above: Floats) -> LoopedCount:
    """The bounds for the intervals below..above (k,) in every coordinate."""
    d = net.widths[0]
    lower, upper = np.tile(below, (d, 1)), np.tile(above, (d, 1))
    bounds = _bounds(net, lower, upper)
    gaps = np.minimum(bounds.low - lower, upper - bounds.high)
    return LoopedCount(
        network=net,
        lower=lower,
        upper=upper,
        constants=bounds.constant,
        margins=gaps - EPS * np.abs(gaps),
    )


def _bounds(net: Network, lower: Floats, upper: Floats) -> Bounds:
    """Bounds (d, k) over all boxes with one interval of coordinate i, and any of the other coordinates."""
    weights, bias = net.weights[0], net.biases[0]
    own = np.diag(weights)[:, None]
    rest = weights - np.diag(np.diag(weights))
    positive, negative = np.maximum(rest, 0.0), np.minimum(rest, 0.0)
    least, largest = lower.min(axis=1), upper.max(axis=1)
    low = (positive @ least + negative @ largest + bias)[:, None] + np.minimum(own * lower, own * upper)
    high = (positive @ largest + negative @ least + bias)[:, None] + np.maximum(own * lower, own * upper)
    sizes = np.abs(weights) @ np.maximum(np.abs(least), np.abs(largest)) + np.abs(bias)
    slack = ((weights.shape[1] + 8) * EPS * sizes)[:, None] + TINY
    return bounds_on_pre_activations(net, low - slack, high + slack, row_sums(weights)[:, None])
