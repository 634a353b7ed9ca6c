"""`rj.Interval`: arrays of intervals with outward rounding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.linkage.certificates.elementary import power, values
from rmtjac.linkage.certificates.operators import Operators
from rmtjac.linkage.certificates.rounding import Pair, add, divide, dot, multiply

__all__ = ["Interval"]

Floats = NDArray[np.float64]


class Interval(Operators):
    """Sets of real numbers lower <= x <= upper; results of arithmetic hold every result of numbers from the operands.

    Knows + - * / ** @, abs, exp, log, sqrt, tanh, erf (those of NumPy and SciPy), sums, maximum, minimum, indexing,
    and np.stack and np.concatenate. Ends of sums, products and quotients are correctly rounded outward, those of the
    functions lie up to some 16 units in the last place outside. Where an operation is not defined (1/x at 0) the
    result has all real numbers.

    Parameters
    ----------
    lower, upper : float or array
        Of shapes that broadcast; `upper` is `lower` if it is not given. Infinite ends are allowed.

    Attributes
    ----------
    lower, upper : read-only ndarray

    Raises
    ------
    ValueError
        If an end is no real number or lower > upper.
    TypeError
        From operations that it does not know; comparisons and decisions are among them.
    """

    def __init__(self, lower: ArrayLike, upper: ArrayLike | None = None) -> None:
        low = _checked("lower", lower)
        low, high = np.broadcast_arrays(low, low if upper is None else _checked("upper", upper))
        if not (low <= high).all():
            k = int(np.argmin((low <= high).ravel()))
            raise ValueError(
                f"Interval from {low.ravel()[k]:g} to {high.ravel()[k]:g}: allowed is lower <= upper"
            )
        self.lower, self.upper = low.copy(), high.copy()
        self.lower.flags.writeable = self.upper.flags.writeable = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.lower.shape

    @property
    def middle(self) -> Floats:
        """Centres, rounded."""
        return np.asarray(0.5 * self.lower + 0.5 * self.upper)

    def contains(self, value: ArrayLike) -> NDArray[np.bool_]:
        """Whether numbers lie within, entry by entry."""
        number = np.asarray(value, dtype=np.float64)
        return np.asarray((self.lower <= number) & (number <= self.upper))

    def __truediv__(self, other: Any) -> Self:
        operand = self._operand(other)
        return self._of(divide(self._pair, operand._pair))

    def __rtruediv__(self, other: Any) -> Self:
        return self._operand(other) / self

    def _maximum(self, other: Any) -> Self:
        operand = self._operand(other)
        return self._of((np.maximum(self.lower, operand.lower), np.maximum(self.upper, operand.upper)))

    def _minimum(self, other: Any) -> Self:
        operand = self._operand(other)
        return self._of((np.minimum(self.lower, operand.lower), np.minimum(self.upper, operand.upper)))

    def __repr__(self) -> str:
        return f"Interval({self.lower.tolist()}, {self.upper.tolist()})"

    @property
    def _pair(self) -> Pair:
        return self.lower, self.upper

    def _of(self, pair: Pair) -> Self:
        return type(self)(*pair)

    def _lifted(self, value: Any) -> Self:
        return self._of((value, value))

    def _combined(self, name: str, other: Self) -> Self:
        return self._of((add if name == "add" else multiply)(self._pair, other._pair))

    def _applied(self, name: str) -> Self:
        return self._of(values(name, self._pair))

    def _to_integer_power(self, exponent: int) -> Self:
        return self._of(power(self._pair, exponent))

    def _chosen(self, entries: NDArray[np.intp]) -> Self:
        return self._of((self.lower.ravel()[entries], self.upper.ravel()[entries]))

    def _joined(self, others: Sequence[Self]) -> Self:
        parts = [self, *others]
        return self._of(
            (
                np.concatenate([p.lower.ravel() for p in parts]),
                np.concatenate([p.upper.ravel() for p in parts]),
            )
        )

    def _group_sums(self) -> Self:
        total = self[..., 0]
        for k in range(1, self.shape[-1]):
            total = total + self[..., k]
        return total

    def _dot_from_left(self, matrix: Floats) -> Self:
        low, high = dot(matrix, (self.lower[None], self.upper[None]))
        return self._of((low[0], high[0]))


def _checked(argument: str, value: ArrayLike) -> Floats:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{argument}={value!r}: allowed are real numbers and arrays of them") from None
    if np.isnan(array).any():
        raise ValueError(f"{argument} of an Interval is nan: allowed are real numbers")
    return array
