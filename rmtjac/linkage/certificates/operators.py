"""The operators and NumPy functions that an interval, or a variable that is recorded, understands.

Everything is reduced to a few operations of flat arrays: two operands are first brought to one shape, and indexing,
transposing and broadcasting are all one choice of entries.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NoReturn, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Operators"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

ALLOWED = "+ - * / ** @, abs, exp, log, sqrt, tanh, erf, sum, maximum, minimum, indexing, reshape, stack, concatenate"
LARGEST_POWER = 1000
UFUNCS = {
    "exp": "exp",
    "log": "log",
    "tanh": "tanh",
    "sqrt": "sqrt",
    "erf": "plain_erf",
    "absolute": "absolute",
    "fabs": "absolute",
    "reciprocal": "reciprocal",
}
BINARY = {
    "add": "__add__",
    "subtract": "__sub__",
    "multiply": "__mul__",
    "divide": "__truediv__",
    "power": "__pow__",
    "float_power": "__pow__",
    "maximum": "_maximum",
    "minimum": "_minimum",
}


Operator = TypeVar("Operator", bound=Callable[..., Any])


def _deferring(operate: Operator) -> Operator:
    """An operator that leaves it to a recorded variable to combine itself with an Interval."""

    @wraps(operate)
    def deferring(self: Any, other: Any) -> Any:
        if isinstance(other, Operators) and not isinstance(other, type(self)) and other.is_recorded:
            return NotImplemented
        return operate(self, other)

    return deferring  # type: ignore[return-value]


class Operators(ABC):
    """An array of real quantities of some shape; subclasses do the arithmetic of its entries."""

    is_recorded = False
    __hash__ = None  # type: ignore[assignment]

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Its shape."""

    @abstractmethod
    def _lifted(self, value: Any) -> Self:
        """A number, an array or an Interval as an object of this class."""

    @abstractmethod
    def _combined(self, name: str, other: Self) -> Self:
        """ "add" or "multiply" with an operand of the same shape."""

    @abstractmethod
    def _applied(self, name: str) -> Self:
        """A function of one variable, entry by entry."""

    @abstractmethod
    def _to_integer_power(self, exponent: int) -> Self:
        """The power of every entry, exponent >= 2."""

    @abstractmethod
    def _chosen(self, entries: Indices) -> Self:
        """The entries with these flat indices, in the shape of `entries`."""

    @abstractmethod
    def _joined(self, others: Sequence[Self]) -> Self:
        """Itself and the others as one flat array."""

    @abstractmethod
    def _group_sums(self) -> Self:
        """Sums over the last axis."""

    @abstractmethod
    def _dot_from_left(self, matrix: Floats) -> Self:
        """matrix @ itself, of two axes."""

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def T(self) -> Self:
        """Transposed."""
        return self._chosen(self._indices().T)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError(
                "x is one number here: it has no length, and no x[0] (give a region of several numbers)"
            )
        return self.shape[0]

    def __getitem__(self, key: Any) -> Self:
        if not self.shape and key not in ((), Ellipsis):
            len(self)
        return self._chosen(np.asarray(self._indices()[key]))

    def __neg__(self) -> Self:
        return self * -1.0

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Self:
        return self._applied("absolute")

    @_deferring
    def __add__(self, other: Any) -> Self:
        return self._with("add", other)

    __radd__ = __add__

    @_deferring
    def __sub__(self, other: Any) -> Self:
        return self + -self._operand(other)

    def __rsub__(self, other: Any) -> Self:
        return (-self)._with("add", other)

    @_deferring
    def __mul__(self, other: Any) -> Self:
        return self._with("multiply", other)

    __rmul__ = __mul__

    @_deferring
    def __truediv__(self, other: Any) -> Self:
        return self * self._operand(other)._applied("reciprocal")

    def __rtruediv__(self, other: Any) -> Self:
        return self._applied("reciprocal")._with("multiply", other)

    @_deferring
    def __pow__(self, exponent: Any) -> Self:
        if isinstance(exponent, Operators) or np.ndim(exponent):
            return (self._operand(exponent) * self._applied("log"))._applied("exp")
        number = float(exponent)
        if number == 0.5:
            return self._applied("sqrt")
        if number < 0.0:
            return (self**-number)._applied("reciprocal")
        if number != int(number) or number > LARGEST_POWER:
            return (self._applied("log") * number)._applied("exp")
        if number == 0.0:
            return self._lifted(np.ones(self.shape))
        return self if number == 1.0 else self._to_integer_power(int(number))

    def __rpow__(self, base: Any) -> Self:
        return (self._operand(base)._applied("log") * self)._applied("exp")

    @_deferring
    def __matmul__(self, other: Any) -> Self:
        return self._product(self, other)

    def __rmatmul__(self, other: Any) -> Self:
        return self._product(other, self)

    def exp(self) -> Self:
        """e to the power of every entry."""
        return self._applied("exp")

    def log(self) -> Self:
        """Natural logarithm."""
        return self._applied("log")

    def tanh(self) -> Self:
        """Hyperbolic tangent."""
        return self._applied("tanh")

    def sqrt(self) -> Self:
        """Square root."""
        return self._applied("sqrt")

    def sum(self, axis: int | None = None, dtype: None = None, out: None = None) -> Self:
        """The sum of all entries, or over one axis."""
        if dtype is not None or out is not None:
            raise TypeError(f"sum of a {type(self).__name__}: allowed is axis alone")
        entries = self._indices()
        entries = entries.ravel() if axis is None else np.moveaxis(entries, axis, -1)
        return self._chosen(entries)._group_sums()

    def reshape(self, *shape: Any) -> Self:
        """The same entries in another shape."""
        return self._chosen(self._indices().reshape(*shape))

    def ravel(self) -> Self:
        """The entries along one axis."""
        return self.reshape(-1)

    flatten = ravel

    def transpose(self, *axes: Any) -> Self:
        """With the axes in another order, reversed if none is named."""
        return self._chosen(self._indices().transpose(*axes))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        name = ufunc.__name__
        if method != "__call__" or options:
            self._refuse(
                f"np.{name}.{method}" if method != "__call__" else f"options {sorted(options)} of np.{name}"
            )
        if name in UFUNCS:
            return self._applied(UFUNCS[name])
        if name == "negative":
            return -self
        if name == "positive":
            return self
        if name == "square":
            return self**2
        if name == "matmul":
            return self._product(*inputs)
        if name in BINARY:
            return getattr(self._operand(inputs[0]), BINARY[name])(self._operand(inputs[1]))
        return self._refuse(f"np.{name}")

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        if function in (np.stack, np.concatenate):
            return self._assembled(function, *arguments, **options)
        if function is np.dot:
            return self._product(*arguments)
        if function in (np.sum, np.reshape, np.transpose, np.ravel):
            return getattr(arguments[0], function.__name__)(*arguments[1:], **options)
        return self._refuse(f"np.{function.__name__}")

    def __float__(self) -> NoReturn:
        self._refuse("conversion to a number (functions of the math module do it: take those of NumPy)")

    def __bool__(self) -> NoReturn:
        self._refuse("a decision (if, and, or, while): f must be one expression on the whole region")

    def _compare(self, other: Any) -> NoReturn:
        self._refuse("a comparison: f must be one expression on the whole region")

    __lt__ = __le__ = __gt__ = __ge__ = _compare
    __eq__ = __ne__ = _compare

    def _refuse(self, what: str) -> NoReturn:
        raise TypeError(f"an Interval does not know {what}; it knows {ALLOWED}")

    def _operand(self, value: Any) -> Self:
        if isinstance(value, type(self)):
            return value
        if isinstance(value, np.ndarray) and value.dtype == object:
            return self._assembled(np.stack, list(value)) if value.ndim else self._operand(value.item())
        return self._lifted(value)

    def _indices(self) -> Indices:
        return np.arange(self.size).reshape(self.shape)

    def _with(self, name: str, other: Any) -> Self:
        operand = self._operand(other)
        shape = np.broadcast_shapes(self.shape, operand.shape)
        return self._spread(shape)._combined(name, operand._spread(shape))

    def _spread(self, shape: tuple[int, ...]) -> Self:
        return self if shape == self.shape else self._chosen(np.broadcast_to(self._indices(), shape))

    def _maximum(self, other: Any) -> Self:
        operand = self._operand(other)
        return operand + (self - operand)._applied("relu")

    def _minimum(self, other: Any) -> Self:
        operand = self._operand(other)
        return operand - (operand - self)._applied("relu")

    def _assembled(self, function: Any, parts: Sequence[Any], axis: int = 0) -> Self:
        """np.stack or np.concatenate of the parts."""
        operands = [self._operand(part) for part in parts]
        starts = np.cumsum([0, *(operand.size for operand in operands)])
        places = [operand._indices() + start for operand, start in zip(operands, starts[:-1], strict=True)]
        return operands[0]._joined(operands[1:])._chosen(function(places, axis=axis))

    def _product(self, left: Any, right: Any) -> Self:
        """left @ right, of one or two axes each, one of which is of this class."""
        if isinstance(left, np.ndarray) and left.dtype != object and isinstance(right, type(self)):
            return self._constant_product(np.asarray(left, dtype=np.float64), right)
        if isinstance(right, np.ndarray) and right.dtype != object and isinstance(left, type(self)):
            product = self._constant_product(np.asarray(right, dtype=np.float64).T, left.T)
            return product.T
        a, b = self._operand(left), self._operand(right)
        _check_product(a.shape, b.shape)
        rows, columns = a._indices().reshape(-1, a.shape[-1]), b._indices().reshape(b.shape[0], -1)
        shape = (len(rows), columns.shape[1], a.shape[-1])
        left_entries = np.broadcast_to(rows[:, None, :], shape)
        right_entries = np.broadcast_to(columns.T[None, :, :], shape)
        product = (a._chosen(left_entries) * b._chosen(right_entries))._group_sums()
        return product.reshape((*a.shape[:-1], *b.shape[1:]))

    def _constant_product(self, matrix: Floats, right: Self) -> Self:
        _check_product(matrix.shape, right.shape)
        product = right.reshape((right.shape[0], -1))._dot_from_left(matrix.reshape(-1, matrix.shape[-1]))
        return product.reshape((*matrix.shape[:-1], *right.shape[1:]))


def _check_product(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    if not (len(left) in (1, 2) and len(right) in (1, 2) and left[-1] == right[0]):
        raise ValueError(f"product of shapes {left} and {right}: allowed are (m, k) and (k, n), or vectors")
