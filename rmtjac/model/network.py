"""One deep network: its value, its pre-activations and its Jacobian."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.model.activations import USER_CODE, Activation, activations_per_layer
from rmtjac.model.checks import checked_array
from rmtjac.model.differentiable_map import DifferentiableMap, Map, checked_points
from rmtjac.storage import save_arrays

__all__ = ["KIND", "Network", "check_layers", "check_self_map"]

Floats = NDArray[np.float64]
KIND = "rmtjac network"


class Network:
    """The map x -> Phi(x) of h^l = W^l x^{l-1} + b^l, x^l = phi_l(h^l), x^0 = x, Phi(x) = x^L.

    Parameters
    ----------
    weights : sequence of L arrays
        W^l of shape (n_l, n_{l-1}).
    biases : sequence of L arrays, or None
        b^l of shape (n_l,); None for no biases.
    activation : str, Activation, or a sequence of L of them

    Attributes
    ----------
    weights, biases : tuple of L read-only arrays
    activations : tuple of L Activation
    widths : tuple of L + 1 int

    Raises
    ------
    ValueError, TypeError
        If the shapes do not chain, an entry is not finite, or an activation is unknown.
    """

    def __init__(
        self,
        weights: Sequence[ArrayLike],
        biases: Sequence[ArrayLike] | None,
        activation: str | Activation | Sequence[str | Activation],
    ) -> None:
        self.weights = tuple(_checked_array(f"weights[{i}]", w, 2) for i, w in enumerate(weights))
        self.widths: tuple[int, ...] = _chained_widths(self.weights)
        if biases is None:
            biases = [np.zeros(n) for n in self.widths[1:]]
        self.biases = tuple(_checked_array(f"biases[{i}]", b, 1) for i, b in enumerate(biases))
        if tuple(b.size for b in self.biases) != self.widths[1:]:
            sizes = [b.size for b in self.biases]
            raise ValueError(f"biases of sizes {sizes}: allowed are {list(self.widths[1:])}")
        self.activations = activations_per_layer(activation, len(self.weights))

    def __call__(self, x: ArrayLike) -> Floats:
        """Phi(x), shape (..., n_L), for x of shape (..., n_0)."""
        return np.asarray(self.activations[-1].value(self.pre_activations(x)[-1]), dtype=np.float64)

    def pre_activations(self, x: ArrayLike) -> list[Floats]:
        """h^1, ..., h^L, each of shape (..., n_l), for x of shape (..., n_0)."""
        values = self.checked_input(x)
        layers: list[Floats] = []
        for weights, bias, phi in zip(self.weights, self.biases, self.activations, strict=True):
            layers.append(values @ weights.T + bias)
            values = phi.value(layers[-1])
        return layers

    def jacobian(self, x: ArrayLike) -> Floats:
        """J = DPhi(x) = D^L W^L ... D^1 W^1, shape (..., n_L, n_0), for x of shape (..., n_0)."""
        jacobian: Floats | None = None
        for weights, phi, h in zip(self.weights, self.activations, self.pre_activations(x), strict=True):
            product = weights if jacobian is None else weights @ jacobian
            jacobian = np.asarray(phi.derivative(h), dtype=np.float64)[..., None] * product
        assert jacobian is not None  # a network has at least one layer
        return jacobian

    def checked_input(self, x: ArrayLike) -> Floats:
        """x as an array (..., n_0) of finite numbers; ValueError if it is none."""
        return checked_points(x, self.widths[0])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the network to one .npz file, read again by `load_network`; returns the path.

        Raises
        ------
        ValueError
            If the folder cannot be written, or an activation is not built in (functions are not stored).
        """
        for phi in self.activations:
            if phi.code == USER_CODE:
                raise ValueError(
                    f"activation={phi.name!r}: only networks of built-in activations can be saved"
                )
        arrays = {f"weights_{i}": w for i, w in enumerate(self.weights)}
        arrays |= {f"biases_{i}": b for i, b in enumerate(self.biases)}
        names = [phi.name for phi in self.activations]
        return save_arrays(path, arrays, {"kind": KIND, "activations": names})

    def __repr__(self) -> str:
        names = sorted({phi.name for phi in self.activations})
        return f"Network(depth={len(self.weights)}, widths={list(self.widths)}, activations={names})"


def check_layers(net: object) -> None:
    """Raise TypeError unless `net` is a Network: bounds are made from layers."""
    if not isinstance(net, Network):
        raise TypeError(
            f"net={net!r}: allowed is a Network, as nothing is known of other maps between points"
        )


def check_self_map(net: Map) -> None:
    """Raise TypeError unless `net` is a map known here, and ValueError unless it has as many outputs as inputs."""
    if not isinstance(net, Network | DifferentiableMap):
        raise TypeError(f"net={net!r}: allowed is a Network or a DifferentiableMap")
    n_in, n_out = net.widths[0], net.widths[-1]
    if n_in != n_out:
        raise ValueError(f"net of {n_in} inputs and {n_out} outputs: allowed are as many outputs as inputs")


def _checked_array(argument: str, given: ArrayLike, ndim: int) -> Floats:
    array = checked_array(argument, given).copy()
    if array.ndim != ndim or array.size == 0:
        raise ValueError(f"{argument} of shape {array.shape}: allowed are non-empty arrays of {ndim} axes")
    array.flags.writeable = False
    return array


def _chained_widths(weights: tuple[Floats, ...]) -> tuple[int, ...]:
    if not weights:
        raise ValueError("weights=[]: allowed is a sequence of at least one matrix")
    widths = [weights[0].shape[1]]
    for i, matrix in enumerate(weights):
        if matrix.shape[1] != widths[-1]:
            raise ValueError(f"weights[{i}] of shape {matrix.shape}: allowed are {widths[-1]} columns")
        widths.append(matrix.shape[0])
    return tuple(widths)
