"""The input x^0 of a sampled network."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.model.checks import checked_array
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.meanfield import variance_field
from rmtjac.model.stable import draw_stable
from rmtjac.model.stable_field import stable_mean_field
from rmtjac.model.streams import Streams

__all__ = ["InputLaw", "Inputs", "checked_inputs", "draw_input"]

Floats = NDArray[np.float64]
Inputs = ArrayLike | Literal["stationary"] | None
# None: Gaussian, rescaled to q0;  float: the stationary variance or scale;  array: itself
InputLaw = Floats | float | None


def checked_inputs(ensemble: Ensemble, inputs: Inputs) -> InputLaw:
    """What `draw_input` needs to know: None for Gaussian inputs, q_star (scale_star) for stationary ones, or the array.

    Raises
    ------
    ValueError
        If the array does not fit, or "stationary" has no finite and only q_star (stable weights: scale_star > 0).
    """
    if inputs is None:
        return None
    if isinstance(inputs, str):
        if inputs != "stationary":
            raise ValueError(f"inputs={inputs!r}: allowed are None, 'stationary' or an array (n_0,)")
        return _stationary_size(ensemble)
    x = checked_array("inputs", inputs).copy()
    if x.shape != ensemble.widths[:1]:
        raise ValueError(f"inputs of shape {x.shape}: allowed is the shape {ensemble.widths[:1]}")
    x.flags.writeable = False
    return x


def _stationary_size(ensemble: Ensemble) -> float:
    """The stationary variance of pre-activations, or for stable weights their scale."""
    if not ensemble.weights.has_variance:
        stable = stable_mean_field(ensemble)
        if not stable.scale_star > 0.0:
            raise ValueError(
                f"inputs='stationary': scale_star is {stable.scale_star}. {stable.scale_star_reason}"
            )
        return stable.scale_star
    field = variance_field(ensemble)
    if not math.isfinite(field.q_star):
        raise ValueError(f"inputs='stationary': q_star is {field.q_star}. {field.q_star_reason}")
    phi = ensemble.activations[0]
    if field.q_star == 0 and not phi.gates_depend_on_q and phi.gate_law(1.0).masses.max() < 1:
        raise ValueError(f"inputs='stationary': q_star is 0, the kink of {phi.name}. {field.q_star_reason}")
    return field.q_star


def draw_input(ensemble: Ensemble, law: InputLaw, streams: Streams) -> Floats:
    """x^0, shape (n_0,), for what `checked_inputs` returned; random ones come from block 0 of layer 0."""
    if isinstance(law, np.ndarray):
        return law
    rng, n = streams(0, 0), ensemble.widths[:1]
    if law is not None:
        phi, weights = ensemble.activations[0], ensemble.weights
        if not weights.has_variance:
            return np.asarray(phi.value(law * draw_stable(rng, n, weights.alpha)), dtype=np.float64)
        return np.asarray(phi.value(math.sqrt(law) * rng.standard_normal(n)), dtype=np.float64)
    gaussian = rng.standard_normal(n)
    return gaussian * math.sqrt(ensemble.q0 / float(np.mean(gaussian**2)))
