"""Narrow networks in one compiled sweep, so that threads meet at the interpreter a few times a network.

In `active_jacobian` every step on a layer takes the interpreter once or more; at width 100 two threads then wait for
each other most of the time. Here the draws, the forward pass and the product of up to GROUP layers are one kernel:
the same networks, for Gaussian weights and piecewise linear built-in activations.
"""

from __future__ import annotations

import math
import threading

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel
from rmtjac.model.activations import HalfLinear, HardTanh
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.streams import Streams
from rmtjac.model.weights import BLOCK_ROWS
from rmtjac.sampling.jacobians import JacobianFacts, gathered, is_scale_free, out_of_range
from rmtjac.sampling.products import ExplicitProduct
from rmtjac.sampling.scaling import rescale

__all__ = ["NarrowNetworks", "is_narrow"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
# x and its exponent of two, the open units, the product of their layers so far and its exponent of two
State = tuple[Floats, int, Indices, Floats, int]

GROUP = 5  # layers a call: a kernel is compiled for one number of generators


class _Generators(threading.local):
    """One set a thread, seeded anew for every call: a kernel takes known generators in a third of the time."""

    def __init__(self) -> None:
        self.values = tuple(np.random.Generator(np.random.PCG64(0)) for _ in range(GROUP))


GENERATORS = _Generators()


def is_narrow(ens: Ensemble) -> bool:
    """Whether `NarrowNetworks` takes the ensemble: each weight matrix then is one block of rows."""
    return (
        ens.weights.is_gaussian
        and max(ens.widths) <= BLOCK_ROWS
        and all(type(phi) in (HalfLinear, HardTanh) for phi in ens.activations)
    )


class NarrowNetworks:
    """An ensemble as the kernel takes it, layer by layer."""

    def __init__(self, ens: Ensemble) -> None:
        self._ens = ens
        self._widths = np.array(ens.widths)
        self._scales = np.array([ens.weights.scale(n) for n in ens.widths[:-1]])
        self._sigmas = np.array(ens.sigma_w)
        self._slopes = np.array([phi.parameter for phi in ens.activations])
        self._is_cut = np.array([isinstance(phi, HardTanh) for phi in ens.activations])
        self._scale_free = is_scale_free(ens)
        self._no_biases = None if any(ens.bias_scales) else np.zeros(sum(ens.widths[1:]))

    def jacobian(self, streams: Streams, x: Floats, product: ExplicitProduct) -> JacobianFacts:
        """What `active_jacobian` does from the input x on, with the gates of the network itself.

        Raises
        ------
        ValueError
            If a pre-activation left the range of doubles.
        """
        depth, generators, biases = self._ens.depth, GENERATORS.values, self._biases(streams)
        q, counts = np.empty(depth), np.empty(depth, dtype=np.int64)
        state: State = x, 0, np.arange(x.size), np.empty((0, x.size)), 0
        for start in range(0, depth, GROUP):
            part = slice(start, min(start + GROUP, depth))
            for layer, generator in zip(range(part.start + 1, part.stop + 1), generators, strict=False):
                streams.reseed(generator, layer, 1)
            biases, state = _sweep(
                start == 0,
                generators,
                self._widths[part.start : part.stop + 1],
                self._scales[part],
                self._sigmas[part],
                self._slopes[part],
                self._is_cut[part],
                self._scale_free,
                biases,
                state,
                q[part],
                counts[part],
            )
            if math.isnan(q[part.stop - 1]):
                raise out_of_range(int(np.argmax(np.isnan(q[: part.stop]))) + 1)
        product.times(*state[3:])
        rank = min(x.size, int(counts.min()))
        return JacobianFacts(rank=rank, q=q, gate_fractions=counts / self._widths[1:])

    def _biases(self, streams: Streams) -> Floats:
        """b^1, ..., b^L, one behind the other."""
        if self._no_biases is not None:
            return self._no_biases
        layers = range(1, self._ens.depth + 1)
        return np.concatenate([self._ens.draw_bias(layer, streams) for layer in layers])


@kernel
def _sweep(
    first: bool,
    generators: tuple[np.random.Generator, ...],
    widths: Indices,
    scales: Floats,
    sigmas: Floats,
    slopes: Floats,
    is_cut: NDArray[np.bool_],
    scale_free: bool,
    biases: Floats,
    state: State,
    q: Floats,
    counts: Indices,
) -> tuple[Floats, State]:
    """The biases left, and the state, behind layers that begin in `state`, with no product yet if `first`.

    Fills `counts`, the numbers of open units, and `q`: with nan from a layer on whose pre-activations are not finite.
    """
    x, exponent, opened, product, shift = state
    for i in range(widths.size - 1):
        n = widths[i + 1]
        weights = _drawn(generators[i], n, widths[i], scales[i], sigmas[i])
        h = np.dot(weights, x) + biases[:n]
        biases = biases[n:]
        if not np.isfinite(h).all():
            q[i:] = np.nan
            break
        small = h.copy()
        lifted = rescale(small)
        q[i] = math.ldexp(np.dot(small, small) / n, 2 * (exponent + lifted))
        x, gates = _activated(h, slopes[i], is_cut[i])
        if scale_free:
            exponent += rescale(x)
        rows = np.flatnonzero(gates)
        counts[i] = rows.size
        layer = gathered(weights, rows, opened, gates[rows])
        opened = rows
        if first and i == 0:
            product = layer
        elif layer.size > 0 and product.size > 0:
            product = np.dot(layer, product)
        else:
            product = np.zeros((rows.size, product.shape[1]))
        shift += rescale(product.reshape(-1))
    return biases, (x, exponent, opened, product, shift)


@kernel
def _drawn(generator: np.random.Generator, rows: int, columns: int, scale: float, sigma: float) -> Floats:
    """W^l with the roundings of `WeightLaw.draw_rows`."""
    weights = np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            weights[i, j] = generator.standard_normal() * scale * sigma
    return weights


@kernel
def _activated(h: Floats, slope: float, is_cut: bool) -> tuple[Floats, Floats]:
    """phi(h) and phi'(h)."""
    x, gates = np.empty(h.size), np.empty(h.size)
    for i in range(h.size):
        if is_cut:
            x[i] = min(max(h[i], -1.0), 1.0)
            gates[i] = 1.0 if abs(h[i]) < 1.0 else 0.0
        else:
            gates[i] = 1.0 if h[i] > 0.0 else slope
            x[i] = gates[i] * h[i]
    return x, gates
