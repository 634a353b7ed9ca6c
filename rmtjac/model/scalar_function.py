"""A scalar function applied entry by entry, its derivative, and their Gaussian moments by quadrature."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from rmtjac.errors import UnsupportedError
from rmtjac.model.gates import GateLaw
from rmtjac.model.quadrature import gaussian_mean

__all__ = ["USER_CODE", "Activation", "checked_variance"]

Function = Callable[[Any], Any]
Interval = tuple[float, float]

USER_CODE = -1


class Activation:
    """A scalar function phi and its derivative, applied entry by entry.

    Parameters
    ----------
    name : str
        The name by which it is shown and compared.
    value, derivative : callable
        phi and phi' as functions of a NumPy array. For process pools they must be importable functions, not
        lambdas.
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

    def gate_law(self, q: float) -> GateLaw:
        """Law of phi'(h)^2 for Gaussian h of variance q.

        Raises
        ------
        UnsupportedError
            For an activation of the user: its gates may take infinitely many values.
        """
        raise UnsupportedError(
            f"activation={self.name!r}: gates that take infinitely many values come in a later version; "
            "built-in gates are linear, relu, leaky_relu(SLOPE), hard_tanh"
        )

    def second_moment(self, q: float) -> float:
        """E phi(h)^2 for Gaussian h of variance q, by quadrature."""
        return gaussian_mean(lambda h: self.value(h) ** 2, checked_variance(q), f"E {self.name}(h)^2")

    def derivative_moment(self, q: float) -> float:
        """mu_1 = E phi'(h)^2 for Gaussian h of variance q, by quadrature."""
        return gaussian_mean(lambda h: self.derivative(h) ** 2, checked_variance(q), f"E {self.name}'(h)^2")

    def deficit(self, q: float) -> float:
        """1 - E phi(h)^2/q for Gaussian h of variance q > 0."""
        return 1.0 - self.second_moment(q) / q

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


def checked_variance(q: float) -> float:
    """`q` as a float; ValueError unless it is >= 0 (inf is)."""
    if not q >= 0:
        raise ValueError(f"q={q}: allowed are numbers >= 0")
    return float(q)
