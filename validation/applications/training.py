"""Maps x -> target trained by scikit-learn, as networks of this package."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rmtjac as rj

Floats = NDArray[np.float64]

PENALTY = 1e-6
MOST_EVALUATIONS = 10**6


def trained_network(
    inputs: Floats,
    targets: Floats,
    hidden: tuple[int, ...],
    steps: int,
    seed: int = 0,
    penalty: float = PENALTY,
) -> rj.Network:
    """A network of tanh layers and a linear last one, with sum |Phi(x) - target|^2 made small by L-BFGS.

    Parameters
    ----------
    inputs, targets : arrays (k, n)
    hidden : widths of the layers between
    steps : of L-BFGS at most; to stop early is meant and no fault
    penalty : of sum W^2, against that of |Phi(x) - target|^2
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    model = MLPRegressor(
        hidden_layer_sizes=hidden,
        activation="tanh",
        solver="lbfgs",
        alpha=penalty,
        max_iter=steps,
        max_fun=MOST_EVALUATIONS,
        tol=1e-9,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(inputs, targets)
    return network_of(model)


def network_of(model: Any) -> rj.Network:
    """The network of a fitted multilayer perceptron with tanh layers; its outputs are before any softmax."""
    activations = ["tanh"] * (len(model.coefs_) - 1) + ["linear"]
    return rj.Network([coefs.T for coefs in model.coefs_], model.intercepts_, activations)
