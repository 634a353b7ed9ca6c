"""Gradient training by scikit-learn from Gaussian weights, looked at stage by stage."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BATCH = 50


def stages(
    model: Any, inputs: Floats, targets: NDArray[Any], sigma_w: float, epochs: tuple[int, ...], seed: int
) -> Iterator[int]:
    """Train a perceptron of scikit-learn from Gaussian weights of variance sigma_w^2/fan_in; stop at some epochs.

    Parameters
    ----------
    model : MLPRegressor or MLPClassifier
        Not fitted; yielded epochs find it in its state then.
    epochs : ascending, 0 is before training
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # steps that overflow say so in the loss
        start = {"classes": np.unique(targets)} if hasattr(model, "predict_proba") else {}
        model.partial_fit(inputs[:BATCH], targets[:BATCH], **start)  # makes the arrays
        rng = np.random.default_rng(seed)
        for weights, biases in zip(model.coefs_, model.intercepts_, strict=True):
            weights[...] = sigma_w * rng.standard_normal(weights.shape) / np.sqrt(len(weights))
            biases[...] = 0.0
        done = 0
        for stop in epochs:
            for _ in range(done, stop):
                model.partial_fit(inputs, targets)
            done = stop
            yield stop
