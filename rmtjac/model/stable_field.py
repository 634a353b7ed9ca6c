"""Mean field for stable weights: how the scale of the pre-activations moves, and the gates there (THEORY.md section 3).

Pre-activations are s_l Z with Z standard alpha-stable and s_{l+1}^alpha = sigma_w^alpha E|phi(s_l Z)|^alpha +
sigma_b^alpha. The mean exists for bounded phi only: |Z|^alpha itself has a mean that diverges like a logarithm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from rmtjac.errors import HeavyTailError, check_choice
from rmtjac.model.activations import Activation
from rmtjac.model.checks import checked_array
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.slope_nodes import slope_nodes
from rmtjac.model.stable import stable_nodes

__all__ = ["StableGates", "StableMeanField", "stable_gates", "stable_mean_field"]

Floats = NDArray[np.float64]

LOG_SCALES = 80.0  # how far below the largest possible scale a fixed point is looked for, in logs
LOG_STEP = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class StableMeanField:
    """Scales of the pre-activations at infinite width.

    Attributes
    ----------
    scale : ndarray, shape (L,)
        s_1, ..., s_L, layer by layer from the input; nan behind an unbounded activation.
    scale_star : float
        The fixed point that s_l approaches; 0 if it is below e^-80 of the largest possible scale, nan if there is none.
    scale_star_reason : str
        One sentence: where `scale_star` comes from, or why it is nan.
    gate_open : ndarray, shape (L,)
        P(phi'(h^l) != 0); nan where it needs a scale that does not exist.
    """

    scale: Floats
    scale_star: float
    scale_star_reason: str
    gate_open: Floats


@dataclass(frozen=True, eq=False)
class StableGates:
    """Law of d = |phi'(h)|: its values, or the nodes of a quadrature rule.

    Attributes
    ----------
    logs, masses : ndarray, shape (n,)
        log d where d > 0, and the masses there; the rest is closed.
    """

    logs: Floats
    masses: Floats

    @property
    def open(self) -> float:
        """P(phi'(h) != 0)."""
        return min(1.0, float(self.masses.sum()))


def stable_mean_field(ens: Ensemble, inputs: ArrayLike | str | None = None) -> StableMeanField:
    """Scales of every layer for stable weights, and their fixed point.

    Parameters
    ----------
    ens : Ensemble
        Of stable weights.
    inputs : None, "stationary" or array (n_0,)
        x^0, as in `sample_spectrum`: Gaussian of mean square q0; phi(s* Z), so that every s_l is s*; or this one.

    Raises
    ------
    HeavyTailError
        For inputs="stationary" without a fixed point.
    ValueError
        For other words, and arrays that do not fit.
    """
    star, reason = _fixed_point(ens)
    if isinstance(inputs, str):
        check_choice("inputs", inputs, ("stationary",))
        if not star > 0.0:
            raise HeavyTailError(f"inputs='stationary': the scale has no fixed point > 0. {reason}")
        scale = np.full(ens.depth, star)
    else:
        scale = _layer_by_layer(ens, _input_moment(ens, inputs))
    opened = [_open(phi, s, ens.weights.alpha) for phi, s in zip(ens.activations, scale, strict=True)]
    return StableMeanField(scale=scale, scale_star=star, scale_star_reason=reason, gate_open=np.array(opened))


def stable_gates(phi: Activation, scale: float, alpha: float) -> StableGates:
    """Law of |phi'(h)| for h = scale Z.

    Raises
    ------
    HeavyTailError
        If it needs a scale, and that is nan.
    UnsupportedError
        If phi' is not smooth between finitely many points.
    ValueError
        If phi' is not finite.

    Notes
    -----
    Gates below the smallest double, 5e-324, are closed, as they are in sampled networks.
    """
    if not phi.gates_depend_on_q:
        law = phi.gate_law(1.0)  # signs of h alone decide
        return StableGates(0.5 * np.log(law.values), law.masses)
    if math.isnan(scale):
        raise HeavyTailError(
            f"activation={phi.name!r} behind an unbounded activation: E|phi|^alpha is infinite (it diverges like a "
            "logarithm), and the gates have no limit law; allowed are bounded activations, and linear, relu, leaky_relu"
        )
    values, masses = slope_nodes(phi, scale, alpha)
    is_open = np.isfinite(values)
    logs, place = np.unique(values[is_open], return_inverse=True)
    return StableGates(logs, np.bincount(place, masses[is_open], logs.size).astype(np.float64))


def _open(phi: Activation, scale: float, alpha: float) -> float:
    if not phi.gates_depend_on_q:
        return float(phi.gate_law(1.0).open)
    if math.isnan(scale):
        return math.nan
    h, masses = stable_nodes(alpha, scale)
    signs = [phi.log_derivative(side)[1] for side in (h, -h)]
    return min(1.0, 0.5 * float(sum(masses @ (sign != 0.0) for sign in signs)))


def _input_moment(ens: Ensemble, inputs: ArrayLike | None) -> float:
    """(1/n_0) sum |x^0_j|^alpha; of a Gaussian input its mean."""
    alpha = ens.weights.alpha
    if inputs is None:
        return math.pow(2.0 * ens.q0, alpha / 2.0) * math.gamma((1.0 + alpha) / 2.0) / math.sqrt(math.pi)
    x = checked_array("inputs", inputs)
    if x.shape != ens.widths[:1] or not x.any():
        raise ValueError(
            f"inputs of shape {x.shape}: allowed are arrays ({ens.widths[0]},) that are not all zero"
        )
    sizes: Floats = np.abs(x) ** alpha
    return float(sizes.mean())


def _layer_by_layer(ens: Ensemble, moment: float) -> Floats:
    scale, alpha = np.empty(ens.depth), ens.weights.alpha
    for i, (phi, sigma_w, sigma_b) in enumerate(
        zip(ens.activations, ens.sigma_w, _bias_scales(ens), strict=True)
    ):
        scale[i] = (sigma_w**alpha * moment + sigma_b**alpha) ** (1.0 / alpha)
        moment = _moment(phi, float(scale[i]), alpha)
    scale.flags.writeable = False
    return scale


def _bias_scales(ens: Ensemble) -> tuple[float, ...]:
    """At infinite width one more column of W has no weight."""
    return ens.sigma_b if isinstance(ens.sigma_b, tuple) else (0.0,) * ens.depth


def _moment(phi: Activation, scale: float, alpha: float) -> float:
    """E|phi(scale Z)|^alpha; nan unless phi is bounded."""
    bounded = phi.range is not None and all(map(math.isfinite, phi.range))
    if not bounded or math.isnan(scale):
        return math.nan
    if scale == 0.0:
        return math.pow(abs(float(np.asarray(phi.value(np.zeros(1)))[0])), alpha)
    h, masses = stable_nodes(alpha, scale)
    both: Floats = np.abs(phi.value(h)) ** alpha + np.abs(phi.value(-h)) ** alpha
    return float(0.5 * both @ masses)


def _fixed_point(ens: Ensemble) -> tuple[float, str]:
    """The largest s with s^alpha = sigma_w^alpha E|phi(s Z)|^alpha + sigma_b^alpha: bounded phi come down to it."""
    biases = _bias_scales(ens)
    if any(len(set(values)) > 1 for values in (ens.activations, ens.sigma_w, biases)):
        return math.nan, "The layers differ, so that the scale has no fixed point in depth."
    phi, alpha = ens.activations[0], ens.weights.alpha
    if math.isnan(_moment(phi, 1.0, alpha)):
        return math.nan, "E|phi|^alpha diverges like a logarithm: phi is not known to be bounded."

    def excess(log_s: float) -> float:
        s = math.exp(log_s)
        own, bias = math.pow(ens.sigma_w[0] / s, alpha), math.pow(biases[0] / s, alpha)
        return own * _moment(phi, s, alpha) + bias - 1.0

    assert phi.range is not None  # else there was no moment
    highest = max(abs(phi.range[0]), abs(phi.range[1]))
    top = math.log(max(ens.sigma_w[0] * highest, 1e-300) + biases[0]) + 2.0 / alpha
    for low in np.arange(top - LOG_STEP, top - LOG_SCALES, -LOG_STEP):
        if excess(low) > 0.0:
            return math.exp(
                float(brentq(excess, low, low + LOG_STEP, xtol=1e-14))
            ), "The largest fixed point."
    return (
        0.0,
        f"The scale decays below e^-{LOG_SCALES:g} of its first bound: a layer decreases it at every size above.",
    )
