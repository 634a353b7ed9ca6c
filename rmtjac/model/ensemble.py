"""A random deep network as a law: widths, activations, weight law and scales."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtjac.model.activations import Activation, activations_per_layer
from rmtjac.model.checks import checked_integer, checked_number
from rmtjac.model.layers import (
    AS_WEIGHTS,
    MAX_DEPTH,
    MAX_WIDTH,
    checked_bias_scales,
    checked_scales,
    checked_widths,
    patterned_widths,
)
from rmtjac.model.network import Network
from rmtjac.model.streams import RandomSource, Streams, entropy_of
from rmtjac.model.weights import WeightLaw, row_blocks, weight_law

__all__ = ["Ensemble"]

Scale = float | Sequence[float] | Callable[[int], float]
ActivationLike = str | Activation | Sequence[str | Activation]


@dataclass(frozen=True, init=False)
class Ensemble:
    """Random networks h^l = W^l x^{l-1} + b^l, x^l = phi_l(h^l), l = 1..L (THEORY.md section 0).

    Parameters
    ----------
    depth : int
        Number of layers L >= 1. May be left out where `widths` is given.
    width : int, optional
        Width of every layer and of the input; 1000 if neither it nor `widths` is given.
    activation : str, Activation, or a sequence of L of them
        linear, relu, leaky_relu(SLOPE), hard_tanh, erf, tanh, sigmoid, gelu, silu, softplus, or an Activation; to
        sample from, and for the mean field of polynomials, also cubic, quintic, hermite(POINTS), exp_cubic.
    weights : str or WeightLaw
        gaussian, orthogonal, uniform, rademacher, student_t:DF (DF > 2), cauchy,
        stable:ALPHA (0 < ALPHA < 2).
    sigma_w, sigma_b : float, sequence of L floats, or callable of fan_in
        Scales of weights (1e-100 to 1e100) and biases (the same, or 0). Finite variance: W^l_ij has variance
        sigma_w^2/n_{l-1}, and the biases are Gaussian of variance sigma_b^2; stable: the scales are
        sigma_w n_{l-1}^(-1/alpha) and sigma_b. With sigma_b="as_weights" the bias is one more column of W.
    q0 : float
        Mean square of the input, |x^0|^2/n_0.
    widths : sequence of L + 1 ints, keyword only
        n_0, n_1, ..., n_L, instead of `width`.

    Attributes
    ----------
    depth : int
    widths : tuple of L + 1 int
    activations : tuple of L Activation
    weights : WeightLaw
    sigma_w : tuple of L float
    sigma_b : tuple of L float, or "as_weights"
    q0 : float

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range; the message names argument, value and what is allowed.
    """

    depth: int
    widths: tuple[int, ...]
    activations: tuple[Activation, ...]
    weights: WeightLaw
    sigma_w: tuple[float, ...]
    sigma_b: tuple[float, ...] | str
    q0: float
    # (outer, inner) width if the widths are outer, inner, ..., inner, outer at every depth
    _pattern: tuple[int, int] | None = field(compare=False, repr=False)

    def __init__(
        self,
        depth: int | None = None,
        width: int | None = None,
        activation: ActivationLike = "linear",
        weights: str | WeightLaw = "gaussian",
        sigma_w: Scale = 1.0,
        sigma_b: Scale | str = 0.0,
        q0: float = 1.0,
        *,
        widths: Sequence[int] | None = None,
    ) -> None:
        layers = checked_widths(depth, width, widths)
        constant = len(set(layers)) == 1
        fields = {
            "depth": len(layers) - 1,
            "widths": layers,
            "activations": activations_per_layer(activation, len(layers) - 1),
            "weights": weight_law(weights),
            "sigma_w": checked_scales("sigma_w", sigma_w, layers[:-1]),
            "sigma_b": checked_bias_scales(sigma_b, layers[:-1]),
            "q0": checked_number("q0", q0),
            "_pattern": (layers[0], layers[0]) if constant else None,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @classmethod
    def self_map(cls, n: int = 2, width: int = 100, depth: int = 10, **parameters: Any) -> Ensemble:
        """Networks that map R^n into itself: widths n, width, ..., width, n.

        `parameters` are the remaining arguments of `Ensemble`: activation, weights, sigma_w, sigma_b, q0.
        """
        n = checked_integer("n", n, 1, MAX_WIDTH)
        width = checked_integer("width", width, 1, MAX_WIDTH)
        depth = checked_integer("depth", depth, 1, MAX_DEPTH)
        ensemble = cls(widths=patterned_widths(n, width, depth), **parameters)
        object.__setattr__(ensemble, "_pattern", (n, width))
        return ensemble

    @property
    def is_square(self) -> bool:
        """Whether all widths, the input's included, are equal."""
        return len(set(self.widths)) == 1

    @property
    def bias_scales(self) -> tuple[float, ...]:
        """Scale of the bias of each layer: sigma_b, or sigma_w n_{l-1}^(-1/alpha) for "as_weights"."""
        if isinstance(self.sigma_b, tuple):
            return self.sigma_b
        fan_ins = self.widths[:-1]
        return tuple(scale * self.weights.scale(n) for scale, n in zip(self.sigma_w, fan_ins, strict=True))

    def with_depth(self, depth: int) -> Ensemble:
        """The same ensemble at another depth.

        Raises
        ------
        ValueError
            Unless it is a `self_map` or has one constant width, and all layers have the same parameters.
        """
        depth = checked_integer("depth", depth, 1, MAX_DEPTH)
        per_layer = (self.activations, self.sigma_w, self.sigma_b if isinstance(self.sigma_b, tuple) else ())
        if self._pattern is None or any(len(set(values)) > 1 for values in per_layer):
            raise ValueError(
                f"with_depth({depth}): allowed for self_map and constant-width ensembles of scalar parameters"
            )
        return Ensemble.self_map(
            *self._pattern,
            depth,
            activation=self.activations[0],
            weights=self.weights,
            sigma_w=self.sigma_w[0],
            sigma_b=self.sigma_b[0] if isinstance(self.sigma_b, tuple) else self.sigma_b,
            q0=self.q0,
        )

    def with_q0(self, q0: float) -> Ensemble:
        """The same ensemble with inputs of another mean square."""
        other = copy.copy(self)
        object.__setattr__(other, "q0", checked_number("q0", q0))
        return other

    def draw_layer(self, layer: int, streams: Streams) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """W^l of shape (n_l, n_{l-1}) and b^l of shape (n_l,), l = 1..L, drawn from `streams`."""
        n_in, n_out = self.widths[layer - 1], self.widths[layer]
        factor = self.sigma_w[layer - 1]
        weights = self.weights.draw_blocks(lambda block: streams(layer, block), (n_out, n_in), factor)
        return weights, self.draw_bias(layer, streams)

    def draw_rows(self, layer: int, block: int, streams: Streams) -> NDArray[np.float64]:
        """The rows `row_blocks(n_l)[block - 1]` of W^l alone, the same bits as `draw_layer` has there.

        Raises
        ------
        UnsupportedError
            For orthogonal weights.
        """
        n_in, rows = self.widths[layer - 1], row_blocks(self.widths[layer])[block - 1]
        size = (rows.stop - rows.start, n_in)
        return self.weights.draw_rows(streams(layer, block), size, self.sigma_w[layer - 1])

    def draw_bias(self, layer: int, streams: Streams) -> NDArray[np.float64]:
        """b^l of shape (n_l,), l = 1..L, drawn from `streams`."""
        n_in, n_out = self.widths[layer - 1], self.widths[layer]
        if self.sigma_b == AS_WEIGHTS:
            column = self.weights.draw_bias_as_weights(streams(layer, 0), n_out, n_in)
            return self.sigma_w[layer - 1] * column
        scale = self.bias_scales[layer - 1]
        if scale == 0:
            return np.zeros(n_out)
        return scale * self.weights.draw_bias(streams(layer, 0), n_out)

    def sample(self, rng: RandomSource = None) -> Network:
        """One random network; with the same `rng` it is replicate 0 of `sample_spectrum`.

        Orthogonal weights are so to rounding, unless BLAS runs on one thread here as it does there.

        Parameters
        ----------
        rng : int, SeedSequence, Generator or None
            None takes fresh entropy.
        """
        return self.network(Streams(entropy_of(rng)))

    def network(self, streams: Streams) -> Network:
        """The random network of these streams."""
        layers = [self.draw_layer(layer, streams) for layer in range(1, self.depth + 1)]
        return Network([weights for weights, _ in layers], [bias for _, bias in layers], self.activations)

    def describe(self) -> dict[str, Any]:
        """The ensemble as JSON-able plain values, complete for built-in activations and laws."""
        return {
            "widths": list(self.widths),
            "activations": [phi.name for phi in self.activations],
            "weights": self.weights.name,
            "sigma_w": list(self.sigma_w),
            "sigma_b": list(self.sigma_b) if isinstance(self.sigma_b, tuple) else self.sigma_b,
            "q0": self.q0,
        }

    def __repr__(self) -> str:
        kind, shape = "Ensemble", f"widths={_in_short(self.widths)}"
        if self._pattern is not None:
            outer, inner = self._pattern
            shape = f"depth={self.depth}, width={inner}"
            if outer != inner:
                kind, shape = "Ensemble.self_map", f"n={outer}, {shape}"
        names = _in_short(tuple(phi.name for phi in self.activations))
        return (
            f"{kind}({shape}, activation={names}, weights={self.weights.name!r}, "
            f"sigma_w={_in_short(self.sigma_w)}, sigma_b={_in_short(self.sigma_b)}, q0={self.q0:g})"
        )


def _in_short(values: Any) -> str:
    """One value if all are equal, else the sequence, its middle left out where it is long."""
    if not isinstance(values, tuple):
        return repr(values)
    if len(set(values)) == 1:
        return repr(values[0])
    if len(values) <= 8:
        return repr(list(values))
    return f"[{', '.join(map(repr, values[:3]))}, ..., {values[-1]!r}]"
