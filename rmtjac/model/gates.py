"""The law of a gate phi'(h)^2 that takes finitely many values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["GateLaw"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GateLaw:
    """Law K of a squared gate k = phi'(h)^2: finitely many positive values, and a mass at zero.

    Attributes
    ----------
    values : ndarray, shape (n,)
        The values k > 0, strictly ascending; n = 0 if every gate is closed.
    masses : ndarray, shape (n,)
        P(phi'(h)^2 = k), each positive.
    closed : float
        P(phi'(h) = 0) in [0, 1], with full relative accuracy however small it is.
    """

    values: Floats
    masses: Floats
    closed: float

    def __post_init__(self) -> None:
        for name in ("values", "masses"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def of_values(cls, squared_gates: ArrayLike) -> GateLaw:
        """Empirical law of realised values of phi'(h)^2, each of the same weight.

        Raises
        ------
        ValueError
            Unless `squared_gates` is a non-empty one-dimensional array of finite numbers >= 0.
        """
        try:
            squares = np.asarray(squared_gates, dtype=np.float64)
        except (TypeError, ValueError):
            raise TypeError(f"gates={squared_gates!r}: allowed are numbers phi'(h)^2 >= 0") from None
        if squares.ndim != 1 or squares.size == 0:
            raise ValueError(f"gates of shape {squares.shape}: allowed is a non-empty one-dimensional array")
        wrong = squares[~(np.isfinite(squares) & (squares >= 0))]
        if wrong.size:
            raise ValueError(f"gates contain {wrong[0]}: allowed are finite values of phi'(h)^2 >= 0")
        values, counts = np.unique(squares[squares > 0], return_counts=True)
        return cls(values, counts / squares.size, np.count_nonzero(squares == 0) / squares.size)

    @property
    def open(self) -> float:
        """P(phi'(h) != 0), the sum of the masses."""
        return float(self.masses.sum())

    def moment(self, k: float) -> float:
        """mu_k = E phi'(h)^(2k) for k > 0.

        Raises
        ------
        ValueError
            If k is not a finite number > 0.
        """
        if not (math.isfinite(k) and k > 0):
            raise ValueError(f"k={k}: allowed are finite numbers > 0")
        return float(self.masses @ self.values**k)
