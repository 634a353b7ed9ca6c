"""Numbers kept near 1 by exact powers of two, so that deep products neither overflow nor underflow."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rmtjac.jit import kernel

__all__ = ["check_range", "rescale", "rescaled"]

Floats = NDArray[np.float64]

# between these sizes an array is left alone: a product of two such arrays and its square stay within range
LARGEST_EXPONENT = 200


def rescaled(array: Floats) -> tuple[Floats, int]:
    """(a, e) with array = a * 2^e exactly; e = 0 unless the largest entry is beyond 2^+-200."""
    largest = max(
        float(np.max(array, initial=0.0)), -float(np.min(array, initial=0.0))
    )  # no copy for |array|
    exponent = math.frexp(largest)[1]
    if abs(exponent) <= LARGEST_EXPONENT or not math.isfinite(largest):
        return array, 0
    return np.ldexp(array, -exponent), exponent


@kernel
def rescale(numbers: Floats) -> int:
    """e of `rescaled`, for numbers (n,) that are replaced by a."""
    largest = 0.0
    for i in range(numbers.size):
        largest = max(largest, abs(numbers[i]))
    exponent = math.frexp(largest)[1]
    if abs(exponent) <= LARGEST_EXPONENT or not math.isfinite(largest):
        return 0
    for i in range(numbers.size):
        numbers[i] = math.ldexp(numbers[i], -exponent)
    return exponent


def check_range(matrix: Floats) -> None:
    """Raise ValueError if an entry is not finite, as with stable:ALPHA of very small ALPHA."""
    if not np.isfinite(matrix).all():
        raise ValueError("the Jacobian leaves the range of doubles: larger ALPHA or smaller depth is needed")
