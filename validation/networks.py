"""Random networks for the targets, and the root that the package finds, as a start for the referees.

A network is its layers (activation, q, sigma_w), its widths and its kind of weights. `package_root` is the only place
of `validation` that looks inside a law: a root is judged by its residual and its signs, whoever proposed it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import mpmath as mp
import numpy as np
import numpy.typing as npt

import rmtjac as rj
from rmtjac.theory.curve import solve

__all__ = [
    "HARD",
    "SMOOTH",
    "Layer",
    "Network",
    "log_uniform",
    "mixed_network",
    "package_root",
    "package_roots",
]

Layer = dict[str, Any]
Start = tuple[mp.mpc, tuple[mp.mpc, ...]]

SMOOTH = ("erf", "tanh", "sigmoid", "gelu", "silu", "softplus")
HARD = ("linear", "relu", "leaky_relu", "hard_tanh")
DIGITS = 60
BESIDE = 1e-12
SQUARE = 100  # the law of square layers knows no width


@dataclass(frozen=True)
class Network:
    """Layers 1..L as dicts of activation, q and sigma_w; widths n_0..n_L; Haar or independent weights."""

    layers: Sequence[Layer]
    widths: Sequence[int]
    haar: bool = False

    @classmethod
    def identical(cls, layer: Layer, depth: int, haar: bool) -> Network:
        """`depth` equal square layers."""
        return cls([layer] * depth, [SQUARE] * (depth + 1), haar)

    @property
    def q(self) -> list[float]:
        """q_1..q_L."""
        return [layer["q"] for layer in self.layers]

    @property
    def scale(self) -> float:
        """n_0/n_L: a density of J^T J times this is that of J J^T."""
        return self.widths[0] / self.widths[-1]

    @cached_property
    def ensemble(self) -> rj.Ensemble:
        """The same network for the package."""
        return rj.Ensemble(
            widths=self.widths,
            activation=[layer["activation"] for layer in self.layers],
            sigma_w=[layer["sigma_w"] for layer in self.layers],
            weights="orthogonal" if self.haar else "gaussian",
        )

    def law(self, side: str = "output") -> rj.SpectralLaw:
        """The package's law of J J^T, or of J^T J."""
        return rj.spectral_law(self.ensemble, q=self.q, side=side)

    def __str__(self) -> str:
        names = [layer["activation"] for layer in self.layers]
        named = f"{names[0]} x {len(names)}" if len(set(names)) == 1 else ", ".join(names)
        return f"{named}, {'haar' if self.haar else 'gaussian'}"


def log_uniform(rng: random.Random, low: float, high: float) -> float:
    """A number whose logarithm is uniform."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def random_name(rng: random.Random, names: Sequence[str]) -> str:
    """One of these activations; leaky_relu gets a slope."""
    name = rng.choice(names)
    return f"leaky_relu({rng.uniform(0.02, 0.9):.3f})" if name == "leaky_relu" else name


def random_layer(rng: random.Random, names: Sequence[str], q: tuple[float, float]) -> Layer:
    """A layer of one of these activations."""
    name = random_name(rng, names)
    return {"activation": name, "q": log_uniform(rng, *q), "sigma_w": round(rng.uniform(0.5, 2.5), 3)}


def mixed_network(
    rng: random.Random,
    names: Sequence[str],
    depth: tuple[int, int] = (2, 8),
    widths: tuple[int, int] = (50, 400),
    q: tuple[float, float] = (0.1, 5.0),
    haar: bool = False,
) -> Network:
    """Layers that differ; rectangular with independent weights, square with Haar ones."""
    count = rng.randint(*depth)
    layers = [random_layer(rng, names, q) for _ in range(count)]
    sizes = [SQUARE] * (count + 1) if haar else [rng.randint(*widths) for _ in range(count + 1)]
    return Network(layers, sizes, haar)


def package_root(network: Network, law: rj.SpectralLaw, lam: float) -> Start:
    """(w_0, (zeta_1, ..., zeta_L)) of the law at lam in its support, in the terms of validation/reference.py."""
    return package_roots(network, law, np.array([lam]))[0]


def package_roots(network: Network, law: rj.SpectralLaw, lams: npt.NDArray[np.float64]) -> list[Start]:
    """The same at every lam; just outside the support those of a point just inside."""
    spectrum = law._spectrum
    if not hasattr(spectrum, "equation"):
        raise ValueError(f"{network}: the law is not that of an equation")
    eq, curve = spectrum.equation, spectrum._curve
    t = np.log(lams) - eq.log_scale
    ends = np.concatenate([curve.low + BESIDE, curve.high - BESIDE])
    outside = ~((t[:, None] > curve.low) & (t[:, None] < curve.high)).any(axis=1)
    t[outside] = ends[np.abs(t[outside, None] - ends).argmin(axis=1)]
    found = solve(eq, curve, t)
    starts = []
    with mp.workdps(DIGITS):
        for total, log_scale, eta in zip(found.total, found.log_scale, found.eta, strict=True):
            # u + rho keeps its digits near a hard edge, where u itself does not tell itself from -rho
            u = mp.mpc(complex(total)) * mp.exp(float(log_scale)) - 1 - float(eq.excess[0])
            w = u / (1 + mp.mpf(eq.input_excess))
            starts.append((w, _zetas(network, w, -np.exp(eta))))
    return starts


def _zetas(network: Network, w: mp.mpc, scaled: npt.NDArray[np.complex128]) -> tuple[mp.mpc, ...]:
    """zeta_l of every layer: a closed form for one gate value, else what fits best of the unknowns zeta max k."""
    zetas = []
    gates = zip(network.ensemble.activations, network.q, strict=True)
    for (activation, q), width in zip(gates, network.widths[1:], strict=True):
        own = w * network.widths[0] / width
        law = activation.gate_law(q)
        if law.panels is None and law.values.size == 1:
            zetas.append(own / (float(law.values[0]) * (float(law.masses[0]) + own)))
            continue
        candidates = scaled * math.exp(-law.log_largest)
        misfit = np.abs(rj.generating_function(activation, q, candidates) - complex(own))
        zetas.append(mp.mpc(complex(candidates[np.nanargmin(misfit)])))
    return tuple(zetas)
