"""Hill's estimate of a tail index, and a rule for where the tail begins; all in logarithms of descending values."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["FEWEST", "hill_estimates", "nearest_start", "tail_distance"]

Floats = npt.NDArray[np.float64]

FEWEST = 10  # values in a tail
CANDIDATES = 100
ROUNDING = 1e-13  # of sums of logarithms of equal values


def hill_estimates(logs: Floats) -> Floats:
    """Indices from the k largest of n values, k = 1..n - 1: 1/mean log(x_i/x_{k+1}); inf where these are all equal."""
    excess = np.cumsum(logs)[:-1] / np.arange(1, logs.size) - logs[1:]
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / np.where(excess > ROUNDING * (1.0 + np.abs(logs[1:])), excess, 0.0))


def tail_distance(logs: Floats, k: int, index: float) -> float:
    """Kolmogorov distance between the k largest values and the Pareto law of this index above the next one."""
    line, steps = np.exp(-index * (logs[:k] - logs[k])), np.arange(k + 1) / k
    return float(np.maximum(np.abs(line - steps[:-1]), np.abs(line - steps[1:])).max())


def nearest_start(logs: Floats) -> int:
    """The number k of values in the tail whose distance to its own Pareto law is smallest; 0 if all have ties only.

    The rule of Clauset, Shalizi and Newman (2009), section 3.3, over 100 numbers from 10 to n - 1.
    """
    estimates = hill_estimates(logs)
    best, smallest = 0, math.inf
    for k in np.unique(np.geomspace(FEWEST, logs.size - 1, CANDIDATES).astype(int)):
        if math.isfinite(index := float(estimates[k - 1])):
            distance = tail_distance(logs, int(k), index)
            if distance < smallest:
                best, smallest = int(k), distance
    return best
