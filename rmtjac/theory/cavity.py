"""Population dynamics for networks of stable weights whose gates depend on these (HEAVY_TAILS.md sections 1 and 3).

Around one neuron an infinitely wide network looks like a tree. The resolvent at x = -i zeta obeys on it, for a neuron
of layer l with pre-activation h, slope d = phi'(h) and value phi(h),

    s_b = d^2 S,  (h, S) = sum over points w of (w x_j, w^2 g^ff_j),    g^ff = 1/(s_f + 1/s_b), of layer 0 1/(x + s_f)
    s_f(x) = sum over points w of w^2 d(h)^2 g^bb_k,  h = h'_k + w x,   g^bb = 1/(s_b + 1/s_f), of layer L 1/(x + s_b)

where the weights w are Poisson points of density ~ |w|^(-1-alpha), j and k are random neurons of the layers before and
behind, and s_f,k belongs to the value phi(h) that the weight w itself has a part in. A population holds so many random
members of each law, and replaces them again and again by what the equations make of them. Layer L has 1/s_f = x.

Nothing that is drawn depends on zeta, so that one population serves several angles of zeta at once. Their noise is then
almost the same, and an extrapolation in the angle hardly increases it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rmtjac.model.stable import draw_stable, stable_nodes
from rmtjac.theory.population_kernels import (
    backward_sums,
    bethe_terms,
    forward_messages,
    forward_sums,
    places,
)

__all__ = ["CavityLayer", "DrawInput", "Population", "Readings", "tail_constant"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]
DrawInput = Callable[[np.random.Generator, int], Floats]

CELLS = 4096
ROWS = 1024  # members at a time: their points fit into the cache, and an interrupt waits for no more
GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class CavityLayer:
    """One layer as the equations see it.

    Attributes
    ----------
    value, derivative : callable
        phi and phi' on arrays.
    largest : float
        Bound on |phi|; inf is allowed in the last layer.
    scale : float
        Scale of the pre-activations.
    sigma_w, sigma_b : float
        Scales of weights and biases.
    growth, share : float
        n_l/n_{l-1} and n_l/n_0.
    """

    value: Callable[[Any], Any]
    derivative: Callable[[Any], Any]
    largest: float
    scale: float
    sigma_w: float
    sigma_b: float
    growth: float
    share: float


@dataclass(frozen=True, eq=False)
class Readings:
    """What one sweep tells.

    Attributes
    ----------
    traces : ndarray of complex, shape (L + 1, angles)
        1 - x E g of layers 0..L, per neuron of layer 0: the same number but for noise.
    phases : ndarray, shape (angles,)
        Im F/n_0, F = log det(x - iH) by the Bethe functional; H = [[0, J'], [J, 0]] has the eigenvalues +-s.
    """

    traces: Complexes
    phases: Floats


class Population:
    """Members of the laws of all layers at the resolvent arguments x = -i zeta, Re x > 0.

    Parameters
    ----------
    layers : sequence of L CavityLayer
    alpha : float
        Stable index, < 2.
    draw_input : callable
        draw_input(rng, n) gives n random |x^0_j|.
    members : int
        Of each law.
    points : int
        The largest so many weights of a neuron are drawn one by one; of all others the means count, and their
        Gaussian sum in h.
    x : ndarray of complex, shape (angles,)
    rng : Generator
    """

    def __init__(
        self,
        layers: Sequence[CavityLayer],
        alpha: float,
        draw_input: DrawInput,
        members: int,
        points: int,
        x: Complexes,
        rng: np.random.Generator,
    ) -> None:
        self._layers, self._alpha, self._draw_input = layers, alpha, draw_input
        self._x, self._points, self._rng = x, points, rng
        self._inputs = draw_input(rng, members)
        self._input_sums = np.ones((members, x.size), np.complex128)
        self._inner = [_InnerNeurons(layer, alpha, members, x.size) for layer in layers[:-1]]
        self._neurons = [*self._inner, _Neurons(layers[-1], members, x[None, :].copy())]

    def sweep(self) -> Readings:
        """Replace every member once, (h, S) from the input to the output and s_f on the way back."""
        messages = 1.0 / (self._x + self._input_sums)
        traces = [(self._input_sums * messages).mean(axis=0)]
        phases = np.angle(self._x + self._input_sums).mean(axis=0)
        sizes = self._inputs
        for layer, neurons in zip(self._layers, self._neurons, strict=True):
            phases = phases + layer.share * self._forward(layer, neurons, sizes, messages)
            messages, trace = neurons.messages()
            traces.append(layer.share * trace)
            sizes = neurons.sizes
        phases = phases + self._layers[-1].share * np.angle(self._x)
        for i in reversed(range(1, len(self._layers))):
            before = self._inner[i - 1]
            before.reciprocals = 1.0 / self._backward(self._layers[i], self._neurons[i], before.grid)
        self._inputs = self._draw_input(self._rng, self._inputs.size)
        self._input_sums = self._backward(self._layers[0], self._neurons[0], self._inputs)
        return Readings(np.array(traces), phases)

    def _forward(self, layer: CavityLayer, neurons: _Neurons, sizes: Floats, messages: Complexes) -> Floats:
        """Replace (h, S) of a layer; the mean Bethe term of a neuron and its incoming weights."""
        members, rng = sizes.size, self._rng
        mean, spread = messages.mean(axis=0), float(np.mean(sizes**2))
        values, first = np.concatenate([sizes, -sizes]), _first_arrivals(rng, members)
        total = np.zeros(self._x.size)
        for rows in _chunks(members):
            weights, partners, rest = self._draw_points(layer.sigma_w**self._alpha, first[rows], members)
            h = (weights * values[partners % values.size]).sum(axis=1)
            h += np.sqrt(rest * spread) * rng.standard_normal(rest.size)
            if layer.sigma_b:
                h += layer.sigma_b * draw_stable(rng, (rest.size,), self._alpha)
            sums = neurons.sums[rows]
            forward_sums(weights, partners, messages, rest, mean, sums)
            slopes, place = neurons.replace(rows, h)
            total += bethe_terms(
                weights, partners, messages, rest, mean, slopes, place, sums, neurons.reciprocals
            )
        return total / members

    def _backward(self, layer: CavityLayer, neurons: _Neurons, sizes: Floats) -> Complexes:
        """s_f of neurons of the layer before, of values `sizes`."""
        members, mean = sizes.size, neurons.mean_answer()
        heights, first = np.concatenate([neurons.h, -neurons.h]), _first_arrivals(self._rng, members)
        result = np.empty((members, self._x.size), np.complex128)
        for rows in _chunks(members):
            strength = layer.growth * layer.sigma_w**self._alpha
            weights, partners, rest = self._draw_points(strength, first[rows], members)
            # of four signs; phi need not be odd, so that a large weight of either sign has its own gate
            h = heights[partners % heights.size] + weights * sizes[rows, None]
            h = np.where(partners < heights.size, h, -h)
            _, slopes, place = neurons.gates(h.ravel())
            backward_sums(
                weights, partners, slopes, place, neurons.sums, neurons.reciprocals, rest, mean, result[rows]
            )
        return result

    def _draw_points(self, strength: float, first: Floats, members: int) -> tuple[Floats, Integers, Floats]:
        """The largest |w| in descending order, their partners, and sum w^2 of the others, for each member.

        P(number of |w| > r is 0) = exp(-C r^-alpha), so that |w|_k = (C/t_k)^(1/alpha) with t_k the arrivals of a
        Poisson process of unit rate. Partners run to four times the members, for the signs of the weight and of h'.
        """
        alpha, constant = self._alpha, tail_constant(self._alpha) * strength
        waiting = self._rng.standard_exponential((first.size, self._points))
        waiting[:, 0] = first
        weights = (constant / np.cumsum(waiting, axis=1)) ** (1.0 / alpha)
        partners = self._rng.integers(0, 4 * members, weights.shape)
        rest = alpha * constant / (2.0 - alpha) * weights[:, -1] ** (2.0 - alpha)
        return weights, partners, rest


class _Neurons:
    """Members of the output layer: pairs (h, S) with their gates; 1/s_f = x is one for all."""

    def __init__(self, layer: CavityLayer, members: int, reciprocals: Complexes) -> None:
        self._layer = layer
        self.h, self.sizes, self._slopes = np.zeros(members), np.zeros(members), np.zeros(members)
        self._place = np.zeros(members, np.int64)
        self.sums = np.ones((members, reciprocals.shape[1]), np.complex128)
        self.reciprocals = reciprocals

    def gates(self, h: Floats) -> tuple[Floats, Floats, Integers]:
        """|phi(h)|, 0 where nobody asks for it, phi'(h), and the places of 1/s_f."""
        return np.zeros(h.size), self._slopes_at(h), np.zeros(h.size, np.int64)

    def _slopes_at(self, h: Floats) -> Floats:
        """phi'(h); kernels take doubles, whatever a user's function returns."""
        return np.asarray(self._layer.derivative(h), dtype=np.float64)

    def replace(self, rows: slice, h: Floats) -> tuple[Floats, Integers]:
        """Keep new h; their slopes and the places of 1/s_f."""
        self.h[rows] = h
        self.sizes[rows], self._slopes[rows], self._place[rows] = self.gates(h)
        return self._slopes[rows], self._place[rows]

    def messages(self) -> tuple[Complexes, Complexes]:
        """g^ff of all members, and the mean of s_f s_b/(1 + s_f s_b)."""
        messages = np.empty_like(self.sums)
        trace = forward_messages(self._slopes, self._place, self.sums, self.reciprocals, messages)
        return messages, trace

    def mean_answer(self) -> Complexes:
        """Mean of d^2 g^bb at the neurons' own h: what a weight of no size meets."""
        squares = np.square(self._slopes)[:, None]
        return np.asarray((squares / (squares * self.sums + self.reciprocals[self._place])).mean(axis=0))


class _InnerNeurons(_Neurons):
    """Members of an inner layer, with s_f at |x| of a grid: members of one |x| after another are its law given |x|."""

    def __init__(self, layer: CavityLayer, alpha: float, members: int, angles: int) -> None:
        super().__init__(layer, members, np.ones((members, angles), np.complex128))
        self._ranks = _ranks(layer, alpha)
        middle = (np.arange(members) + 0.5) / members
        self.grid = layer.largest * np.interp(middle, self._ranks, np.linspace(0.0, 1.0, CELLS + 1))

    def gates(self, h: Floats) -> tuple[Floats, Floats, Integers]:
        """|phi(h)|, phi'(h), and the members that hold 1/s_f there."""
        sizes = np.abs(np.asarray(self._layer.value(h), dtype=np.float64))
        relative = np.minimum(sizes / self._layer.largest, 1.0)
        return sizes, self._slopes_at(h), places(relative, self._ranks, self.grid.size)


def tail_constant(alpha: float) -> float:
    """C of P(|Z| > z) ~ C z^-alpha for standard stable Z; 2/pi for Cauchy."""
    return 2.0 * math.gamma(1.0 + alpha) * math.sin(0.5 * math.pi * alpha) / (math.pi * alpha)


def _ranks(layer: CavityLayer, alpha: float) -> Floats:
    """Fractions of the grid below |x| = 0, ..., |phi|max at equidistant places.

    Half of the grid follows the values of the neurons, each as far as its gate lets through; half is uniform, for
    those behind a large weight.
    """
    h, masses = stable_nodes(alpha, layer.scale)
    h, masses = np.concatenate([-h, h]), np.concatenate([masses, masses])
    relative = np.minimum(np.abs(layer.value(h)) / layer.largest, 1.0)
    counts, _ = np.histogram(relative, CELLS, (0.0, 1.0), weights=masses * np.abs(layer.derivative(h)))
    shares = counts / counts.sum() + 1.0 / CELLS
    return np.concatenate([[0.0], np.cumsum(shares) / shares.sum()])


def _first_arrivals(rng: np.random.Generator, members: int) -> Floats:
    """First arrivals of Poisson processes, spread evenly over the members: the largest weights make the tail."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log((rng.random() + GOLDEN * np.arange(members)) % 1.0))


def _chunks(members: int) -> list[slice]:
    return [slice(start, min(start + ROWS, members)) for start in range(0, members, ROWS)]
