"""A scalar function applied entry by entry, its derivative, and their Gaussian moments by quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtjac.errors import UnsupportedError
from rmtjac.model.derivative_check import contradiction
from rmtjac.model.gates import GateLaw
from rmtjac.model.quadrature import gaussian_mean

__all__ = ["USER_CODE", "USER_NOISE", "Activation", "checked_variance"]

Floats = NDArray[np.float64]
Function = Callable[[Any], Any]
Interval = tuple[float, float]

USER_CODE = -1
LARGEST_GROWTH = 4.0  # log of the largest phi'^2 over its mean, if it still grows at the end of the axis
USER_NOISE = 4e-15  # rounding of a user's phi', in units of its largest value


class Activation:
    """A scalar function phi and its derivative, applied entry by entry.

    Parameters
    ----------
    name : str
        The name by which it is shown and compared.
    value, derivative : callable
        phi and phi' as functions of a NumPy array. For process pools they must be importable functions, not
        lambdas. At a kink the derivative may be anything in between.
    range, derivative_range : (float, float), optional
        Intervals that contain every value of phi and of phi', where they are known.

    Attributes
    ----------
    code : int
        The number by which kernels know it; -1 for an activation of the user.
    parameter : float
        The parameter of a built-in family (the slope of leaky_relu), else 0.
    gates_depend_on_q : bool
        False if phi(c h) = c phi(h) for every c > 0, so that the law of phi'(h) does not know the scale of h.

    Raises
    ------
    TypeError
        If the name is no string, or a function does not take arrays.
    ValueError
        If finite differences of `value` in [-5, 5] contradict `derivative`, or an interval is reversed.
    """

    code: int = USER_CODE
    parameter: float = 0.0
    gates_depend_on_q: bool = True

    def __init__(
        self,
        name: str,
        value: Function,
        derivative: Function,
        *,
        range: Interval | None = None,
        derivative_range: Interval | None = None,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError(f"name={name!r}: allowed is a non-empty string")
        for argument, function in (("value", value), ("derivative", derivative)):
            if not callable(function):
                raise TypeError(f"{argument}={function!r}: allowed is a function of a NumPy array")
        self.name = name
        self.value = value
        self.derivative = derivative
        self.range = _checked_interval("range", range)
        self.derivative_range = _checked_interval("derivative_range", derivative_range)
        _check_derivative(name, value, derivative)

    def log_derivative(self, h: Any) -> tuple[Floats, Floats]:
        """log|phi'(h)|, -inf where phi'(h) = 0, and the sign of phi'(h): two arrays of the shape of h.

        The smooth built-in activations keep all digits of the logarithm where phi' is below the smallest double.
        """
        slope = np.asarray(self.derivative(np.asarray(h, dtype=np.float64)), dtype=np.float64)
        with np.errstate(divide="ignore"):
            return np.log(np.abs(slope)), np.sign(slope)

    def gate_law(self, q: float) -> GateLaw:
        """Law of phi'(h)^2 for Gaussian h of variance q, from real values of phi' alone.

        Raises
        ------
        ValueError
            If q is not a finite number >= 0, or phi' is not finite, or not smooth between finitely many points, or
            phi'^2 is too often below e^-3000.
        UnsupportedError
            If phi' grows for ever.
        """
        if checked_variance(q) == math.inf:
            raise ValueError(f"activation={self.name!r}: the law of phi'(h)^2 at q=inf: allowed are finite q")
        if q == 0:
            return GateLaw.of_values(np.square(self.derivative(np.zeros(1))))
        noise = USER_NOISE if self.code == USER_CODE else 0.0
        try:
            law = GateLaw.of_derivative(self.log_derivative, q, noise)
        except ValueError as error:
            raise ValueError(f"activation={self.name!r}: {error}") from None
        self._check_range(law, q)
        return law

    def _check_range(self, law: GateLaw, q: float) -> None:
        """Raise UnsupportedError if phi' grows for ever."""
        if law.panels is None:
            return
        if law.panels.grows() and law.log_largest > math.log(law.moment(1)) + LARGEST_GROWTH:
            raise UnsupportedError(
                f"activation={self.name!r}, q={q:g}: phi'(h)^2 has no largest value, and the law no top edge; allowed "
                "are activations of bounded slope"
            )

    def second_moment(self, q: float) -> float:
        """E phi(h)^2 for Gaussian h of variance q, by quadrature.

        Raises
        ------
        ValueError
            If q is not a number >= 0, or no finite moment was found (exp(h^2) has none for q >= 1/4).
        """
        what = f"activation={self.name!r}: E phi(h)^2"
        return gaussian_mean(lambda h: np.square(self.value(h)), checked_variance(q), what)

    def derivative_moment(self, q: float) -> float:
        """mu_1 = E phi'(h)^2 for Gaussian h of variance q, by quadrature; raises as `second_moment`."""
        what = f"activation={self.name!r}: E phi'(h)^2"
        return gaussian_mean(lambda h: np.square(self.derivative(h)), checked_variance(q), what)

    def deficit(self, q: float) -> float:
        """1 - E phi(h)^2/q for Gaussian h of variance q > 0."""
        return 1.0 - self.second_moment(q) / q

    def growth(self, q: float, sigma_w: float) -> float:
        """sigma_w^2 E phi(h)^2/q - 1 for q > 0, without the cancellation where `deficit` has none."""
        deficit = self.deficit(q)
        if deficit > 0.5:
            return sigma_w**2 * self.second_moment(q) / q - 1.0
        return (sigma_w - 1.0) * (sigma_w + 1.0) - sigma_w**2 * deficit

    def _key(self) -> Hashable:
        own = (self.value, self.derivative) if self.code == USER_CODE else ()
        return (self.code, self.name, own)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Activation) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.code, self.name))

    def __repr__(self) -> str:
        return f"Activation({self.name!r})"


def _checked_interval(argument: str, interval: Interval | None) -> Interval | None:
    if interval is None:
        return None
    try:
        low, high = (float(end) for end in interval)
    except (TypeError, ValueError):
        raise TypeError(f"{argument}={interval!r}: allowed is a pair (low, high) of numbers") from None
    if not low <= high:
        raise ValueError(f"{argument}={interval!r}: allowed is a pair (low, high) with low <= high")
    return (low, high)


def _check_derivative(name: str, value: Function, derivative: Function) -> None:
    found = contradiction(value, derivative)
    if found is not None:
        h, given, difference = found
        raise ValueError(
            f"derivative of activation={name!r}: allowed is the derivative of its value; at h={h:.6g} it is "
            f"{given:.6g}, where finite differences of the value give {difference:.6g}"
        )


def checked_variance(q: float) -> float:
    """`q` as a float; ValueError unless it is >= 0 (inf is)."""
    if not q >= 0:
        raise ValueError(f"q={q}: allowed are numbers >= 0")
    return float(q)
