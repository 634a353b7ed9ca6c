"""Whether a given derivative contradicts the finite differences of its function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["contradiction"]

Floats = NDArray[np.float64]
Function = Callable[[Any], Any]

# off the places where activations bend: 0, 1, -1, 1/2, ...
POINTS = np.linspace(-5.0, 5.0, 41) + 0.0371
# steps, and the relative errors of a value they allow: the large one outlasts rounding to single precision, the
# small ones fast oscillations
STEPS = ((1e-3, 5e-7), (1e-5, 1e-12), (1e-7, 1e-12))
RELATIVE = 1e-3


def contradiction(value: Function, derivative: Function) -> tuple[float, float, float] | None:
    """A point h, the derivative given there and the finite difference that contradicts it; None if there is none.

    The derivative must lie between the differences to the left and to the right, widened by what separates
    them: at a kink they differ and allow everything. It is contradicted where every step contradicts it.

    Raises
    ------
    TypeError
        If a function does not take a one-dimensional array, or does not return as many numbers.
    """
    with np.errstate(all="ignore"):
        given = _evaluated("derivative", derivative, POINTS)
        differences, outside = zip(*(_differences(value, given, *step) for step in STEPS), strict=True)
    wrong = np.flatnonzero(np.all(outside, axis=0))
    if wrong.size == 0:
        return None
    # the largest of them says most
    first = wrong[np.argmax(np.nan_to_num(np.abs(given - differences[0])[wrong], nan=np.inf))]
    return float(POINTS[first]), float(given[first]), float(differences[0][first])


def _differences(
    value: Function, given: Floats, step: float, value_error: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Central differences of one step, and where the derivative given is outside of what they allow."""
    here, above, below = (_evaluated("value", value, POINTS + shift) for shift in (0.0, step, -step))
    right, left = (above - here) / step, (here - below) / step
    size = np.maximum(np.maximum(np.abs(left), np.abs(right)), np.nan_to_num(np.abs(given)))
    margin = 2 * np.abs(right - left) + RELATIVE * size + value_error * np.abs(here) / step
    inside = (np.minimum(left, right) - margin <= given) & (given <= np.maximum(left, right) + margin)
    return (above - below) / (2 * step), ~inside & np.isfinite(margin)


def _evaluated(argument: str, function: Function, points: Floats) -> Floats:
    try:
        return np.broadcast_to(np.asarray(function(points.copy()), dtype=np.float64), points.shape)
    except Exception as error:
        reason = str(error).partition("\n")[0]
    raise TypeError(
        f"{argument}={function!r}: allowed is a function of a NumPy array; for one of shape {points.shape} it "
        f"failed ({reason})"
    )
