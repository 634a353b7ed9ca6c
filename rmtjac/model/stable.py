"""Standard symmetric alpha-stable random numbers, E exp(itZ) = exp(-|t|^alpha)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_stable"]


def draw_stable(rng: np.random.Generator, shape: tuple[int, ...], alpha: float = 1.0) -> NDArray[np.float64]:
    """Independent Z with E exp(itZ) = exp(-|t|^alpha), 0 < alpha <= 2, by Chambers, Mallows and Stuck (1976).

    Z = sin(alpha V) cos(V)^(-1/alpha) [cos((1 - alpha) V)/E]^((1 - alpha)/alpha), V uniform on
    (-pi/2, pi/2), E exponential. In this symmetric form nothing is singular at alpha = 1, where Z = tan V.

    Raises
    ------
    ValueError
        If a number left the range of doubles, as happens for alpha below about 0.05.
    """
    angle = np.pi * (rng.random(shape) - 0.5)
    waiting = rng.standard_exponential(shape)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        ratio = np.cos((1.0 - alpha) * angle) / waiting
        numbers = np.sin(alpha * angle) * np.cos(angle) ** (-1.0 / alpha) * ratio ** ((1.0 - alpha) / alpha)
    if not np.isfinite(numbers).all():
        raise ValueError(f"stable:{alpha:g}: a draw left the range of doubles; larger ALPHA is allowed")
    return numbers
