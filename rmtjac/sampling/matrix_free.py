"""The Jacobian of a network whose weights are never held: each block of rows is drawn anew when it is needed.

The draws are those of the dense path (`Ensemble.draw_rows`), so that both have the same network. A product with J costs
one drawing of all weights, whatever the number of vectors; memory holds a block for each worker, and the gates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmtjac.model.ensemble import Ensemble
from rmtjac.model.streams import Streams
from rmtjac.model.weights import row_blocks
from rmtjac.runs.runner import run_in_order
from rmtjac.sampling.inputs import InputLaw, draw_input
from rmtjac.sampling.jacobians import ForwardPass
from rmtjac.sampling.scaling import check_range, rescaled

__all__ = ["DrawnMatrix", "MatrixFreeJacobian", "forward_gates"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class DrawnMatrix:
    """W^l of the network of `streams`, drawn whenever it is multiplied by; the same bits for any `workers`."""

    ensemble: Ensemble
    layer: int
    streams: Streams
    workers: int = 1

    def __matmul__(self, x: Floats) -> Floats:
        """W x, shape (n_l, ...), for x of shape (n_{l-1}, ...)."""
        product = np.empty((self.ensemble.widths[self.layer], *x.shape[1:]))
        for rows, part in self._parts(lambda weights, _: weights @ x):
            product[rows] = part
        return product

    def transposed_times(self, u: Floats) -> Floats:
        """W^T u, shape (n_{l-1}, ...), for u of shape (n_l, ...)."""
        total = np.zeros((self.ensemble.widths[self.layer - 1], *u.shape[1:]))
        with np.errstate(over="ignore", invalid="ignore"):
            for _, part in self._parts(lambda weights, rows: weights.T @ u[rows]):
                total += part  # in the order of the blocks, so that no rounding depends on the workers
        return total

    def _parts(self, multiply: Callable[[Floats, slice], Floats]) -> Iterator[tuple[slice, Floats]]:
        """Each block's place, and `multiply` of its rows and their place."""
        blocks = row_blocks(self.ensemble.widths[self.layer])

        def part(k: int) -> Floats:
            weights = self.ensemble.draw_rows(self.layer, k + 1, self.streams)
            with np.errstate(over="ignore", invalid="ignore"):  # judged once, when all layers are multiplied
                return multiply(weights, blocks[k])

        return zip(blocks, run_in_order(part, len(blocks), self.workers), strict=True)


class MatrixFreeJacobian:
    """J = D^L W^L ... D^1 W^1 as something to multiply by.

    Parameters
    ----------
    ensemble : Ensemble
        Of independent entries: orthogonal weights cannot be drawn by blocks.
    streams : Streams
        Those of the network's weights.
    gates : list of L arrays of shape (n_l,)
        phi'(h^l), as `forward_gates` has them.
    workers : int
        Number of threads.

    Attributes
    ----------
    shape : (int, int)
        n_L and n_0.
    open_rows : ndarray of bool, shape (n_L,)
        The rows of J that are not empty.
    """

    def __init__(self, ensemble: Ensemble, streams: Streams, gates: list[Floats], workers: int = 1) -> None:
        self.shape = (ensemble.widths[-1], ensemble.widths[0])
        self.open_rows = gates[-1] != 0.0
        self._layers = [
            (DrawnMatrix(ensemble=ensemble, layer=layer, streams=streams, workers=workers), gate[:, None])
            for layer, gate in enumerate(gates, start=1)
        ]

    def times(self, x: Floats) -> tuple[Floats, int]:
        """(y, e) with J x = y 2^e, shape (n_L, p), for x of shape (n_0, p).

        Raises
        ------
        ValueError
            If an entry is not finite.
        """
        exponent = 0
        for weights, gates in self._layers:
            with np.errstate(over="ignore", invalid="ignore"):
                x, shift = rescaled(gates * (weights @ x))
            exponent += shift
        check_range(x)
        return x, exponent

    def transposed_times(self, u: Floats) -> tuple[Floats, int]:
        """(v, e) with J^T u = v 2^e, shape (n_0, p), for u of shape (n_L, p).

        Raises
        ------
        ValueError
            If an entry is not finite.
        """
        exponent = 0
        for weights, gates in reversed(self._layers):
            with np.errstate(over="ignore", invalid="ignore"):
                u, shift = rescaled(weights.transposed_times(gates * u))
            exponent += shift
        check_range(u)
        return u, exponent


def forward_gates(
    ensemble: Ensemble, law: InputLaw, streams: Streams, workers: int = 1
) -> tuple[list[Floats], Floats]:
    """phi'(h^l), L arrays of shape (n_l,), and the mean squares of h^l, shape (L,), at the network's own input.

    Parameters
    ----------
    law : None, float or array
        What `checked_inputs` returned.

    Raises
    ------
    ValueError
        If a pre-activation left the range of doubles.
    UnsupportedError
        For orthogonal weights.
    """
    forward = ForwardPass(ensemble, draw_input(ensemble, law, streams))
    gates, q = [], np.empty(ensemble.depth)
    for layer in range(1, ensemble.depth + 1):
        weights = DrawnMatrix(ensemble=ensemble, layer=layer, streams=streams, workers=workers)
        opened, q[layer - 1] = forward.advance(layer, weights, ensemble.draw_bias(layer, streams))
        gates.append(opened)
    return gates, q
