"""Random maps and random boxes about where they lead, for the targets of certificates.

Half of the maps are networks of one to three layers, W = g normal/sqrt(fan-in) with g from 0.2 to 2 and biases of
standard deviation 0.3, of one random activation; the others are functions for rj.Interval. The centre of a box is where
20 iterations from a random start lead, moved by up to a fifth of its half sides; those are 10^u, u uniform in [-3, 0],
times factors from 0.5 to 1.5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import erf

import rmtjac as rj

Floats = npt.NDArray[np.float64]
Generator = np.random.Generator

ACTIVATIONS = (
    "relu",
    "leaky_relu(0.1)",
    "hard_tanh",
    "erf",
    "tanh",
    "sigmoid",
    "gelu",
    "silu",
    "softplus",
)
ITERATIONS = 20
SAMPLES = {1: 50, 2: 100, 10: 100, 100: 50}
STEP = 1e-6


class RandomBox(NamedTuple):
    """A map, whose derivative is `jacobian`, and a box of it."""

    f: Any
    jacobian: Callable[[Floats], Floats]
    low: Floats
    high: Floats


def random_box(d: int, rng: Generator) -> RandomBox:
    """One of the boxes, in d dimensions."""
    while True:
        f, jacobian = _network(d, rng) if rng.random() < 0.5 else _function(d, rng)
        x = rng.standard_normal(d)
        with np.errstate(all="ignore"):
            for _ in range(ITERATIONS):
                x = np.asarray(f(x))
        if np.isfinite(x).all() and np.abs(x).max() < 1e3:
            break
    half = 10.0 ** rng.uniform(-3.0, 0.0) * rng.uniform(0.5, 1.5, d)
    centre = x + 0.2 * half * rng.uniform(-1.0, 1.0, d)
    return RandomBox(f, jacobian, centre - half, centre + half)


def sampled(box: RandomBox, rng: Generator) -> tuple[float, float]:
    """The largest infinity norm of the derivative, and how near the image comes to the sides, at sampled points.

    Uniform points, corners, and the corners to which each component of f rises and falls most. The second is the
    largest |f(x)_i - c_i| in half sides.
    """
    d = box.low.size
    shape = (SAMPLES[d], d)
    centre, half = 0.5 * (box.low + box.high), 0.5 * (box.high - box.low)
    steps = np.concatenate([rng.uniform(-1.0, 1.0, shape), rng.choice([-1.0, 1.0], shape)])
    rises = np.sign(box.jacobian(centre))
    points = np.concatenate([centre[None], centre + half * np.concatenate([steps, rises, -rises])])
    if isinstance(box.f, rj.Network):
        jacobians, images = box.f.jacobian(points), box.f(points)
    else:
        few = points[:: 1 if d < 100 else 5]
        jacobians, images = np.array([box.jacobian(x) for x in few]), np.array([box.f(x) for x in points])
    return float(np.abs(jacobians).sum(axis=2).max()), float((np.abs(images - centre) / half).max())


def _network(d: int, rng: Generator) -> tuple[Any, Callable[[Floats], Floats]]:
    depth = int(rng.integers(1, 4))
    widths = [d, *(int(rng.choice([d, max(d, 10)])) for _ in range(depth - 1)), d]
    gain = 10.0 ** rng.uniform(np.log10(0.2), np.log10(2.0))
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [gain * rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes]
    net = rj.Network(
        weights, [0.3 * rng.standard_normal(n) for n in widths[1:]], str(rng.choice(ACTIVATIONS))
    )
    return net, net.jacobian


def _function(d: int, rng: Generator) -> tuple[Any, Callable[[Floats], Floats]]:
    matrix = 10.0 ** rng.uniform(-1.0, 0.0) * rng.standard_normal((d, d)) / np.sqrt(d)
    b, c = rng.standard_normal((2, d))
    forms: list[Callable[[Any], Any]] = [
        lambda x: (x**2 - 1.0) / 3.0 + 0.1 * (matrix @ x),
        lambda x: 0.5 * 3.0**-x + matrix @ np.tanh(x + b),
        lambda x: c / (1.0 + (matrix @ x) ** 2),
        lambda x: np.exp(-((x - b) ** 2)) * 0.3 + matrix @ x,
        lambda x: erf(matrix @ x + b) - 0.1 * x**3,
        lambda x: np.log(2.0 + x**2) / 2.0 + matrix @ np.tanh(x) * 0.5,
        lambda x: np.sqrt(1.0 + (matrix @ x + b) ** 2) / 2.0,
        lambda x: np.tanh(matrix @ (x * np.tanh(x)) + b),
    ]
    f = forms[int(rng.integers(len(forms)))]
    return f, lambda x: _differences(f, x)


def _differences(f: Callable[[Any], Any], x: Floats) -> Floats:
    """The derivative by central differences."""
    d = x.size
    steps = STEP * np.eye(d)
    return np.array([(f(x + step) - f(x - step)) / (2.0 * STEP) for step in steps]).T
