"""Checks of one argument each: the value as a plain Python number, or one line that says what is allowed."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["checked_array", "checked_box", "checked_integer", "checked_number"]

# squares and products of a few scales stay within the doubles
SMALLEST, LARGEST = 1e-100, 1e100


def checked_integer(argument: str, value: Any, low: int, high: int | None = None) -> int:
    """`value` as an int within low..high.

    Raises
    ------
    TypeError, ValueError
        If it is not an integer (a bool is not), or outside the range.
    """
    allowed = f"integers >= {low}" if high is None else f"integers {low} to {high}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{argument}={value!r}: allowed are {allowed}")
    number = operator.index(value)
    if number < low or (high is not None and number > high):
        raise ValueError(f"{argument}={number}: allowed are {allowed}")
    return number


def checked_number(argument: str, value: Any, *, zero: bool = False) -> float:
    """`value` as a float from 1e-100 to 1e100, or 0 if `zero` is allowed.

    Raises
    ------
    TypeError, ValueError
        If it is not a real number (a bool is not), or outside the range.
    """
    allowed = f"{'0 and ' if zero else ''}numbers from {SMALLEST:g} to {LARGEST:g}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{argument}={value!r}: allowed are {allowed}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (SMALLEST <= number <= LARGEST or (zero and number == 0)):
        raise ValueError(f"{argument}={value}: allowed are {allowed}")
    return number + 0.0  # -0.0 becomes 0.0


def checked_array(argument: str, value: ArrayLike) -> NDArray[np.float64]:
    """`value` as an array of finite float64.

    Raises
    ------
    ValueError
        If it is not an array of real numbers, or one of them is not finite.
    """
    try:
        given = np.asarray(value)
        # NumPy would drop imaginary parts with a warning
        array = given.astype(np.float64, casting="same_kind" if given.dtype.kind == "c" else "unsafe")
    except (TypeError, ValueError):
        raise ValueError(f"{argument}: allowed are arrays of finite real numbers") from None
    if not np.isfinite(array).all():
        raise ValueError(f"{argument} has an entry that is not finite: allowed are finite numbers")
    return array


def checked_box(
    lower: ArrayLike, upper: ArrayLike, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The corners of a box in n dimensions as arrays of shape (n,), each given as one number or as n.

    Raises
    ------
    ValueError
        If a corner has another shape or an entry beyond +-1e100, or lower < upper does not hold.
    """
    corners = []
    for argument, corner in (("lower", lower), ("upper", upper)):
        array = checked_array(argument, corner)
        if array.shape not in ((), (1,), (n,)):
            raise ValueError(f"{argument} of shape {array.shape}: allowed are one number, or {n}")
        if np.abs(array).max() > LARGEST:
            raise ValueError(
                f"{argument}={np.abs(array).max():g} in size: allowed are numbers up to {LARGEST:g}"
            )
        corners.append(np.broadcast_to(array, (n,)).copy())
    low, high = corners
    if not (low < high).all():
        j = int(np.argmin(low < high))
        raise ValueError(f"the box is empty: lower={low[j]:g}, upper={high[j]:g}: allowed is lower < upper")
    return low, high
