"""The law of the sizes of the inputs of a Cauchy network, as nodes that resolve small ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from rmtjac.errors import UnsupportedError
from rmtjac.model.activations import Activation
from rmtjac.model.ensemble import Ensemble
from rmtjac.theory.cauchy_networks import InputSizes
from rmtjac.theory.spectrum import gauss_legendre_cells

__all__ = ["POINTS", "input_sizes", "stationary_sizes"]

Floats = npt.NDArray[np.float64]

OCTAVES, POINTS = 17, 10  # of sizes, and nodes in each
HALF_NORMAL_REACH = 8.0


def input_sizes(ens: Ensemble, inputs: Any, scale: float) -> InputSizes:
    """The law of |x^0|."""
    if inputs is None:
        sizes, weights = _octaves(HALF_NORMAL_REACH)
        return InputSizes(
            math.sqrt(ens.q0) * sizes, 2.0 * weights * np.exp(-0.5 * sizes**2) / math.sqrt(2.0 * math.pi)
        )
    if isinstance(inputs, str):
        return stationary_sizes(ens.activations[0], scale)
    raise UnsupportedError(
        f"inputs=array of shape {np.shape(inputs)} with gates='network' and weights={ens.weights.name!r}: the solver "
        "does not resolve single small numbers; allowed are inputs=None (Gaussian of mean square q0), 'stationary', "
        "gates='independent' (another law), and population_spectrum or sample_spectrum instead, which take arrays"
    )


def _octaves(reach: float) -> tuple[Floats, Floats]:
    """Nodes and weights on (0, reach) that resolve every size down to reach/2^OCTAVES."""
    ends = np.concatenate([[0.0], reach * 2.0 ** np.arange(-OCTAVES, 1.0)])
    return gauss_legendre_cells(np.column_stack([ends[:-1], ends[1:]]), POINTS)


def stationary_sizes(phi: Activation, scale: float) -> InputSizes:
    """Of |phi(h)|, h = scale Z: h < 1 by octaves of h, h > 1 by octaves of 1/h; equal sizes are one atom."""
    near, near_weights = _octaves(1.0)
    inverse, far_weights = _octaves(1.0)
    h = np.concatenate([near, 1.0 / inverse])
    weights = np.concatenate([near_weights, far_weights / inverse**2])
    masses = 2.0 * scale / math.pi * weights / (scale**2 + h * h)
    sizes, which = np.unique(np.abs(phi.value(h)), return_inverse=True)
    masses = np.asarray(np.bincount(which, weights=masses), dtype=np.float64)
    return InputSizes(sizes[sizes > 0.0], masses[sizes > 0.0])
