"""The law of a gate phi'(h)^2: finitely many positive values, a mass at zero, and a continuous part."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.model.gate_panels import ORDER, LogDerivative, Panels, gate_panels

__all__ = ["GateLaw"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GateLaw:
    """Law K of a squared gate k = phi'(h)^2.

    Attributes
    ----------
    values : ndarray, shape (n,)
        The values k > 0 of positive probability, strictly ascending.
    masses : ndarray, shape (n,)
        P(phi'(h)^2 = k), each positive.
    closed : float
        P(phi'(h) = 0) in [0, 1], with full relative accuracy however small it is.
    panels : Panels or None
        The continuous part, if there is one.
    """

    values: Floats
    masses: Floats
    closed: float
    panels: Panels | None = None

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

    @classmethod
    def of_derivative(cls, log_derivative: LogDerivative, q: float, noise: float = 0.0) -> GateLaw:
        """Law of phi'(h)^2 for Gaussian h of variance q; the arguments are those of `gate_panels`."""
        panels, values, masses, closed = gate_panels(log_derivative, q, noise)
        return cls(values, masses, closed, panels if panels.center.size else None)

    @property
    def open(self) -> float:
        """P(phi'(h) != 0)."""
        return float(self.masses.sum()) if self.panels is None else 1.0 - self.closed

    @property
    def log_largest(self) -> float:
        """log of the largest gate that the law resolves."""
        tops = [float(np.log(self.values[-1]))] if self.values.size else []
        if self.panels is not None:
            tops.append(self.panels.highest())
        return max(tops)

    def moment(self, k: float) -> float:
        """mu_k = E phi'(h)^(2k) for k > 0.

        Raises
        ------
        ValueError
            If k is not a finite number > 0.
        """
        if not (math.isfinite(k) and k > 0):
            raise ValueError(f"k={k}: allowed are finite numbers > 0")
        total = float(self.masses @ self.values**k)
        if self.panels is not None:
            gate, weight = self.panels.gate[:, :ORDER], self.panels.weight[:, :ORDER]
            total += float(np.exp(k * self.panels.log_top) @ (gate**k * weight).sum(axis=1))
        return total

    @property
    def shape(self) -> Hashable:
        """What two laws have in common that are equal up to a factor, as a key."""
        if self.panels is not None:
            return id(self.panels)
        return (*(self.values / self.values[-1]), *self.masses, self.closed)

    def complement(self, j: int) -> float:
        """1 - masses[j], without cancellation for a law of atoms."""
        if self.panels is not None:
            return 1.0 - float(self.masses[j])
        return self.closed + float(np.delete(self.masses, j).sum())

    @property
    def small_exponent(self) -> float:
        """a, where P(0 < phi'^2 < k) falls like k^a for small k; inf if it falls faster."""
        return math.inf if self.panels is None else self.panels.small_exponent()
