"""Looped networks: the same layer over and over (Definition 3.5 of the second source)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.model.activations import Activation
from rmtjac.model.checks import checked_array, checked_integer, checked_number
from rmtjac.model.layers import MAX_DEPTH
from rmtjac.model.network import Network
from rmtjac.model.streams import RandomSource, entropy_of

__all__ = ["LoopedNetwork", "checked_layer", "looped", "sample_looped_layer"]

Floats = NDArray[np.float64]

MAX_DIMENSION = 5_000


class LoopedNetwork(Network):
    """x -> f(f(...f(x))), `depth` times the layer f(x) = phi(W x + b): a Network whose layers share one W and b.

    What is fixed by the layer is fixed at every depth, and a region that the layer maps into itself and contracts by K
    is contracted by K^depth. The converse fails for cycles of the layer: their points are fixed at depths that are
    multiples of their period.

    Attributes
    ----------
    layer : Network
        f itself, of depth 1. Its fixed points are those to look for; `rmtjac.find_fixed_points(net.layer)` does.
    depth : int
    """

    def __init__(self, W: ArrayLike, b: ArrayLike | None, activation: str | Activation, depth: int) -> None:
        self.layer = checked_layer(W, b, activation)
        self.depth = checked_integer("depth", depth, 1, MAX_DEPTH)
        self.weights = self.layer.weights * self.depth
        self.biases = self.layer.biases * self.depth
        self.activations = self.layer.activations * self.depth
        self.widths = (self.layer.widths[0],) * (self.depth + 1)

    def __repr__(self) -> str:
        return f"LoopedNetwork(depth={self.depth}, width={self.widths[0]}, activation={self.activations[0].name!r})"


def looped(W: ArrayLike, b: ArrayLike | None, activation: str | Activation, depth: int) -> LoopedNetwork:
    """The network of `depth` equal layers phi(W x + b).

    Parameters
    ----------
    W : array (n, n)
    b : array (n,), or None for no bias
    activation : str or Activation
        One for all layers.
    depth : int
        From 1 to 10^6; W and b are held once.

    Raises
    ------
    ValueError, TypeError
        If W is not square, b does not fit, an entry is not finite, or the depth is out of range.
    """
    return LoopedNetwork(W, b, activation, depth)


def sample_looped_layer(dimension: int, m: float, rng: RandomSource = None) -> tuple[Floats, Floats]:
    """W = I + E/m and b with E_ij and m b_i uniform in [-1, 1]: a layer near the unit map (THEORY.md section 4).

    Parameters
    ----------
    dimension : int
        d, from 1 to 5,000.
    m : float
        > 0; 100 (1.13 d + 1) and more leave all 2^d points of cubic attracting, whatever E and b.
    rng : int, SeedSequence, Generator or None

    Returns
    -------
    W, b : ndarrays (d, d) and (d,)

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range.
    """
    d, m = checked_integer("dimension", dimension, 1, MAX_DIMENSION), checked_number("m", m)
    generator = np.random.default_rng(entropy_of(rng))
    return np.eye(d) + generator.uniform(-1.0, 1.0, (d, d)) / m, generator.uniform(-1.0, 1.0, d) / m


def checked_layer(W: ArrayLike, b: ArrayLike | None, activation: str | Activation) -> Network:
    """The network of one layer phi(W x + b) of as many units as inputs; raises as `looped`."""
    if not isinstance(activation, (str, Activation)):
        raise TypeError(f"activation={activation!r}: allowed is one name or Activation for all layers")
    weights = checked_array("W", W)
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or not weights.size:
        raise ValueError(f"W of shape {weights.shape}: allowed is a square matrix of at least one row")
    bias = np.zeros(len(weights)) if b is None else checked_array("b", b)
    if bias.shape != weights.shape[:1]:
        raise ValueError(f"b of shape {bias.shape}: allowed is {weights.shape[:1]}")
    return Network([weights], [bias], activation)
