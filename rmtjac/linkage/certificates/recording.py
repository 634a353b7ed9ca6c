"""A function of the user as a program: it is called once, with a variable that writes down what is done to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.certificates.interval import Interval
from rmtjac.linkage.certificates.operators import Operators
from rmtjac.linkage.certificates.program import Program, Step

__all__ = ["Recorded", "recorded_program"]

Floats = NDArray[np.float64]

MAX_STEPS = 10_000
MAX_ENTRIES = 10**7


class Recorded(Operators):
    """One step of a program that is being written, as f sees it."""

    is_recorded = True

    def __init__(self, steps: list[Step], number: int, shape: tuple[int, ...]) -> None:
        self._steps, self._number, self._shape = steps, number, shape

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self._shape

    def _step(self, shape: tuple[int, ...], *step: Any) -> Self:
        if len(self._steps) >= MAX_STEPS or math.prod(shape) > MAX_ENTRIES:
            raise ValueError(
                f"f takes more than {MAX_STEPS} steps or {MAX_ENTRIES} numbers in one: allowed are fewer"
            )
        self._steps.append(step)
        return type(self)(self._steps, len(self._steps) - 1, shape)

    def _lifted(self, value: Any) -> Self:
        interval = value if isinstance(value, Interval) else _constant(value)
        return self._step(interval.shape, "constant", interval.lower.ravel(), interval.upper.ravel())

    def _combined(self, name: str, other: Self) -> Self:
        if name == "multiply" and other._number == self._number:
            return self._to_integer_power(2)
        return self._step(self.shape, name, self._number, other._number)

    def _applied(self, name: str) -> Self:
        return self._step(self.shape, "apply", self._number, name)

    def _to_integer_power(self, exponent: int) -> Self:
        return self._step(self.shape, "power", self._number, exponent)

    def _chosen(self, entries: NDArray[np.intp]) -> Self:
        if entries.size == self.size and (entries.ravel() == np.arange(self.size)).all():
            return type(self)(self._steps, self._number, entries.shape)
        return self._step(entries.shape, "take", self._number, entries.ravel())

    def _joined(self, others: Sequence[Self]) -> Self:
        if not others:
            return self.ravel()
        parts = [self, *others]
        return self._step((sum(part.size for part in parts),), "join", tuple(part._number for part in parts))

    def _group_sums(self) -> Self:
        return self._step(self.shape[:-1], "sum", self._number, self.shape[-1])

    def _dot_from_left(self, matrix: Floats) -> Self:
        return self._step((len(matrix), self.shape[1]), "dot", self._number, matrix)


def recorded_program(f: Callable[[Any], Any], shape: tuple[int, ...]) -> Program:
    """What f does to a variable of this shape.

    Raises
    ------
    TypeError
        If f does what an Interval does not know, or returns something else.
    ValueError
        If f returns another shape, is not finite, or does another thing when it is called again.
    """
    program, again = _recorded(f, shape), _recorded(f, shape)
    if not all(_same(a, b) for a, b in zip(program.steps, again.steps, strict=True)):
        raise ValueError("f does another thing each time it is called: allowed is one and the same map")
    return program


def _recorded(f: Callable[[Any], Any], shape: tuple[int, ...]) -> Program:
    steps: list[Step] = [("input", math.prod(shape))]
    variable = Recorded(steps, 0, shape)
    try:
        value = variable._operand(_as_array(f(variable)))
    except RecursionError:
        raise TypeError("f calls itself without end on an Interval") from None
    if value.shape != shape:
        raise ValueError(f"f returns shape {value.shape} for x of shape {shape}: allowed is the same shape")
    if value._number != len(steps) - 1:
        value = value._step(shape, "take", value._number, np.arange(value.size))
    name = getattr(f, "__name__", type(f).__name__)
    return Program(tuple(steps), math.prod(shape), f"f = {name}" if name != "<lambda>" else "f")


def _as_array(value: Any) -> Any:
    """Lists of entries as arrays of objects; everything else as it is."""
    if isinstance(value, (list, tuple)):
        entries = np.empty(len(value), dtype=object)
        for k, entry in enumerate(value):
            entries[k] = _as_array(entry)
        return entries
    return value


def _constant(value: Any) -> Interval:
    try:
        constant = Interval(value)
    except ValueError:
        raise TypeError(
            f"f combines x with {value!r}: allowed are real numbers, arrays and Intervals"
        ) from None
    if not (np.isfinite(constant.lower) & np.isfinite(constant.upper)).all():
        raise ValueError("f takes a constant that is not finite: allowed are finite numbers")
    return constant


def _same(step: Step, other: Step) -> bool:
    return len(step) == len(other) and all(np.array_equal(a, b) for a, b in zip(step, other, strict=True))
