"""The Jacobian of one random network, gates from a true forward pass, reduced to its active rows.

A closed gate (phi' = 0) empties a row of D^l W^l and makes a column of W^{l+1} meaningless. Products run over
the open units only; what they leave out is zero by structure and never has to be told from rounding.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.streams import Streams
from rmtjac.sampling.products import Product
from rmtjac.sampling.scaling import rescaled

__all__ = ["ForwardPass", "JacobianFacts", "active_jacobian", "gathered", "is_scale_free", "out_of_range"]

Floats = NDArray[np.float64]


class JacobianFacts(NamedTuple):
    """What is known of J besides its product, and what the forward pass saw.

    Attributes
    ----------
    rank : int
        min(n_0, min_l number of open units of layer l): the rank of J for weights with a density.
    q : ndarray, shape (L,)
        Realised mean squares of the pre-activations that set the gates.
    gate_fractions : ndarray, shape (L,)
        Realised fractions of units with phi' != 0.
    """

    rank: int
    q: Floats
    gate_fractions: Floats


class Multiplies(Protocol):
    """A weight matrix, held or drawn anew: all that a forward pass asks of it."""

    def __matmul__(self, x: Floats, /) -> Floats:
        """W x, shape (n_l,)."""


class ForwardPass:
    """x^{l-1} -> h^l, x^l, layer after layer; keeps the current x only.

    Without biases and for phi(c h) = c phi(h) the gates do not know the scale of x, which then is kept near 1
    by powers of two: a deep relu network would else lose all its gates to underflow.
    """

    def __init__(self, ensemble: Ensemble, x: Floats) -> None:
        self._activations = ensemble.activations
        self._scale_free = is_scale_free(ensemble)
        self._x = x
        self._exponent = 0

    def advance(self, layer: int, weights: Multiplies, bias: Floats) -> tuple[Floats, float]:
        """phi'(h^l), shape (n_l,), and the mean square of h^l.

        Raises
        ------
        ValueError
            If a pre-activation left the range of doubles.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            h = weights @ self._x + bias
        if not np.isfinite(h).all():
            raise out_of_range(layer)
        q = _mean_square(h, self._exponent)
        phi = self._activations[layer - 1]
        gates = np.asarray(phi.derivative(h), dtype=np.float64)
        self._x = np.asarray(phi.value(h), dtype=np.float64)
        if self._scale_free:
            self._x, shift = rescaled(self._x)
            self._exponent += shift
        return gates, q


def is_scale_free(ens: Ensemble) -> bool:
    """Whether no gate of the network knows the scale of x."""
    return not any(ens.bias_scales) and not any(phi.gates_depend_on_q for phi in ens.activations)


def out_of_range(layer: int) -> ValueError:
    """The error of a pre-activation that is not finite."""
    return ValueError(
        f"the pre-activations of layer {layer} leave the range of doubles: smaller sigma_w or inputs are needed"
    )


def active_jacobian(
    ensemble: Ensemble,
    streams: Streams,
    forward: ForwardPass,
    product: Product,
    gate_streams: Streams | None = None,
) -> JacobianFacts:
    """Multiply `product` by the layers of the network drawn from `streams`, one in memory at a time.

    The product then holds the non-empty rows of J.

    Parameters
    ----------
    forward : ForwardPass
        At the input of the network that sets the gates.
    product : Product
        An empty one.
    gate_streams : Streams, optional
        Of an independent copy of the network that sets the gates; by default the network itself does.
    """
    n_0 = ensemble.widths[0]
    opened = np.arange(n_0)
    rank = n_0
    q, fractions = np.empty(ensemble.depth), np.empty(ensemble.depth)
    for layer in range(1, ensemble.depth + 1):
        weights, bias = ensemble.draw_layer(layer, streams)
        setting = (weights, bias) if gate_streams is None else ensemble.draw_layer(layer, gate_streams)
        gates, q[layer - 1] = forward.advance(layer, *setting)
        del setting
        before, opened = opened, np.flatnonzero(gates)
        rank = min(rank, opened.size)
        fractions[layer - 1] = opened.size / gates.size
        product.times(_active_block(weights, opened, before, gates[opened]))
    return JacobianFacts(rank=rank, q=q, gate_fractions=fractions)


def _active_block(
    weights: Floats, rows: NDArray[np.intp], columns: NDArray[np.intp], gates: Floats
) -> Floats:
    """D W at the open units; `weights` themselves are used up where all are open, as in linear networks."""
    if (rows.size, columns.size) != weights.shape:
        return gathered(weights, rows, columns, gates)
    if not (gates == 1.0).all():
        weights *= gates[:, None]
    return weights


@kernel
def gathered(weights: Floats, rows: NDArray[np.intp], columns: NDArray[np.intp], gates: Floats) -> Floats:
    """gates[i] weights[rows[i], columns[j]]."""
    block = np.empty((rows.size, columns.size))
    for i in range(rows.size):
        row, gate = weights[rows[i]], gates[i]
        for j in range(columns.size):
            block[i, j] = gate * row[columns[j]]
    return block


def _mean_square(h: Floats, exponent: int) -> float:
    """Mean of (h 2^exponent)^2; inf or 0 where that is beyond the doubles."""
    with np.errstate(over="ignore"):
        square = float(h @ h)
    if exponent == 0 and 1e-200 < square < 1e200:
        return square / h.size
    small, shift = rescaled(h)
    with np.errstate(over="ignore", under="ignore"):
        return float(np.ldexp(np.mean(small**2), 2 * (exponent + shift)))
