"""Noise of a step of an iteration, at most delta in every coordinate: uniform, Gaussian, or as harmful as it can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from rmtjac.model.network import Network

__all__ = ["NOISES", "Map", "noise_of"]

Floats = NDArray[np.float64]
Map = Callable[[Floats], Any]

NOISES = ("uniform", "gaussian", "adversarial")
DEVIATIONS = 2.0  # of Gaussian noise at which it is cut off


def noise_of(
    noise: str, f: Network | Map, step: Map, rest: Floats, delta: float, generator: np.random.Generator
) -> Callable[[Floats], Floats]:
    """The function from images (k, n) to noise (k, n)."""
    if noise == "uniform":
        return lambda image: generator.uniform(-delta, delta, image.shape)
    if noise == "gaussian":
        low, high = float(ndtr(-DEVIATIONS)), float(ndtr(DEVIATIONS))
        return lambda image: delta / DEVIATIONS * ndtri(generator.uniform(low, high, image.shape))

    def adversarial(image: Floats) -> Floats:
        away = delta * _signs(image - rest)
        if not isinstance(f, Network):
            return away
        along = delta * _stretching(f, image, image - rest)
        far = [np.abs(step(image + push) - rest).max(axis=1) for push in (away, along)]
        return np.where((far[1] > far[0])[:, None], along, away)

    return adversarial


def _stretching(net: Network, x: Floats, error: Floats) -> Floats:
    """Signs (k, n) of the row of DPhi(x) with the largest sum of sizes, such that they add to its image of `error`."""
    jacobians = net.jacobian(x)
    steepest = np.abs(jacobians).sum(axis=2).argmax(axis=1)
    rows = jacobians[np.arange(len(x)), steepest]
    return _signs(rows) * _signs((rows * error).sum(axis=1))[:, None]


def _signs(x: Floats) -> Floats:
    return np.where(x < 0.0, -1.0, 1.0)
