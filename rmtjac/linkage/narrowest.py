"""The same fixed points in the narrowest layer: those of G o F and of F o G are one-to-one.

x -> F(x) carries the fixed points of Phi = G o F to those of F o G, with the same non-zero multipliers (THEORY.md
section 4), so that a search may run in the layer of the smallest width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.affine_bounds import affine_image, bounded
from rmtjac.linkage.enclosures import image_boxes
from rmtjac.model.differentiable_map import Map
from rmtjac.model.network import Network

__all__ = ["InnerMap", "image_box"]

Floats = NDArray[np.float64]
Inner = TypeVar("Inner", bound=Map)


@dataclass(frozen=True, kw_only=True)
class InnerMap(Generic[Inner]):
    """The self-map `net` of the narrowest layer; `before` leads from the input to it (None if it is the input's)."""

    net: Inner
    before: Network | None
    after: Network | None

    @staticmethod
    def of(net: Network) -> InnerMap[Network]:
        """The map of the first of the narrowest layers of a self-map."""
        layer = int(np.argmin(net.widths[:-1]))
        if layer == 0:
            return InnerMap(net=net, before=None, after=None)
        before, after = _part(net, 0, layer), _part(net, layer, len(net.weights))
        rotated = Network(
            after.weights + before.weights,
            after.biases + before.biases,
            after.activations + before.activations,
        )
        return InnerMap(net=rotated, before=before, after=after)

    def box(self, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
        """A box of the narrowest layer that holds the image of the box given."""
        if self.before is None:
            return lower, upper
        return image_box(self.before, lower, upper)

    def inside(self, x: Floats) -> Floats:
        """Points (k, n) carried to the narrowest layer, (k, m)."""
        return x if self.before is None else self.before(x)

    def outside(self, inner: Floats) -> Floats:
        """The fixed points (Q, n) of the network for those (Q, m) of the narrowest layer."""
        return inner if self.after is None else self.after(inner)

    def errors(self, inner: Floats, errors: Floats) -> Floats:
        """How far those may be off, shape (Q, n), where these are by `errors`, shape (Q, m)."""
        if self.after is None:
            return errors
        flat = bounded(self.after)
        images = [affine_image(flat, y, error) for y, error in zip(inner, errors, strict=True)]
        values = self.after(inner)
        bounds = [np.abs(z.rows[0] - v) + z.reach for z, v in zip(images, values, strict=True)]
        return np.array(bounds).reshape(values.shape)


def image_box(net: Network, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Corners of a box that holds the image of a box."""
    low, high = image_boxes(bounded(net), lower[None], upper[None])
    return low[0], high[0]


def _part(net: Network, start: int, stop: int) -> Network:
    return Network(net.weights[start:stop], net.biases[start:stop], net.activations[start:stop])
