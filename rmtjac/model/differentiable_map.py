"""Any differentiable map, known by its values and its Jacobian alone, for what needs no layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.model.checks import checked_array, checked_integer

__all__ = ["DifferentiableMap", "Map", "checked_points"]

Floats = NDArray[np.float64]
Function = Callable[..., ArrayLike]

STEPS = (1e-4, 1e-6)
CONTRADICTION = 1e-3  # relative gap in every step that no smooth function explains


class Map(Protocol):
    """A map Phi of R^n_0 to R^n_L with its Jacobian: a Network, or a DifferentiableMap."""

    widths: tuple[int, ...]

    def __call__(self, x: ArrayLike) -> Floats:
        """Phi(x), shape (..., n_L)."""

    def jacobian(self, x: ArrayLike) -> Floats:
        """DPhi(x), shape (..., n_L, n_0)."""

    def checked_input(self, x: ArrayLike) -> Floats:
        """x as an array (..., n_0) of finite numbers."""


def checked_points(x: ArrayLike, n: int) -> Floats:
    """x as an array (..., n) of finite numbers.

    Raises
    ------
    ValueError
        If it is none.
    """
    values = checked_array("x", x)
    if values.ndim == 0 or values.shape[-1] != n:
        raise ValueError(f"x of shape {values.shape}: allowed is (..., {n})")
    return values


class DifferentiableMap:
    """A map that is known by a function and its derivative, for what needs no layers.

    `spectral_norm`, `spectral_radius`, `predict_norm`, `basins`, `contraction_map` and `find_fixed_points` (method
    "newton") take it where they take a Network, and `solve_fixed_point` as the functions that it is: (phi, x0,
    method="newton", jac=phi.jacobian). Nothing is proven about it, as no bounds are known: attractors have `is_proven`
    False, and points are not certified. `torch_map` makes one of a module of PyTorch.

    Parameters
    ----------
    value : callable
        x (n_0,) -> Phi(x) (n_L,).
    widths : (int, int)
        n_0 and n_L.
    jacobian, jvp, vjp : callable, one of the three
        x -> J (n_L, n_0); or products with it: (x, v) -> J v (n_L,), or (x, u) -> J^T u (n_0,). Of products n_0, or
        n_L, make a Jacobian.
    batched : bool
        Whether the functions take points (k, n_0), with one v or u for each, and return k results on axis 0.

    Attributes
    ----------
    widths : tuple of two int

    Raises
    ------
    ValueError, TypeError
        If not one derivative is given, `widths` are no two integers >= 1, or, when called, a function returns
        complex numbers or another shape.
    """

    def __init__(
        self,
        value: Function,
        widths: tuple[int, int],
        *,
        jacobian: Function | None = None,
        jvp: Function | None = None,
        vjp: Function | None = None,
        batched: bool = False,
    ) -> None:
        given = [name for name, f in (("jacobian", jacobian), ("jvp", jvp), ("vjp", vjp)) if f is not None]
        if len(given) != 1:
            raise ValueError(
                f"derivatives given: {', '.join(given) or 'none'}: allowed is one of jacobian, jvp, vjp"
            )
        for name, f in (("value", value), (given[0], jacobian or jvp or vjp)):
            if not callable(f):
                raise TypeError(f"{name}={f!r}: allowed is a function")
        if not isinstance(widths, (tuple, list)) or len(widths) != 2:
            raise TypeError(f"widths={widths!r}: allowed are two integers >= 1, n_0 and n_L")
        self.widths: tuple[int, ...] = tuple(
            checked_integer(f"widths[{i}]", n, 1) for i, n in enumerate(widths)
        )
        self._value, self._jacobian, self._jvp, self._vjp = value, jacobian, jvp, vjp
        self._batched = batched

    def __call__(self, x: ArrayLike) -> Floats:
        """Phi(x), shape (..., n_L), for x of shape (..., n_0)."""
        points = self.checked_input(x)
        n_in, n_out = self.widths
        images = self._at("value", self._value, (n_out,), points.reshape(-1, n_in))
        return images.reshape(*points.shape[:-1], n_out)

    def jacobian(self, x: ArrayLike) -> Floats:
        """DPhi(x), shape (..., n_L, n_0), for x of shape (..., n_0)."""
        points = self.checked_input(x)
        n_in, n_out = self.widths
        flat = points.reshape(-1, n_in)
        if self._jacobian is not None:
            found = self._at("jacobian", self._jacobian, (n_out, n_in), flat)
        elif self._jvp is not None:
            found = np.moveaxis(self._products("jvp", self._jvp, n_out, flat, n_in), 0, 2)
        else:
            assert self._vjp is not None  # one of the three is given
            found = np.moveaxis(self._products("vjp", self._vjp, n_in, flat, n_out), 0, 1)
        return found.reshape(*points.shape[:-1], n_out, n_in)

    def checked_input(self, x: ArrayLike) -> Floats:
        """x as an array (..., n_0) of finite numbers; ValueError if it is none."""
        return checked_points(x, self.widths[0])

    def check(self, x: ArrayLike) -> None:
        """Compare the Jacobian at one point x (n_0,) with central differences along a random direction.

        Raises
        ------
        ValueError
            If it contradicts them; the message names the component that differs most.
        """
        point = self.checked_input(x)
        if point.ndim != 1:
            raise ValueError(f"x of shape {point.shape}: allowed is ({self.widths[0]},)")
        direction = np.random.default_rng(0).standard_normal(point.size)
        given = self.jacobian(point) @ direction
        gaps = []
        for step in STEPS:
            h = step * max(1.0, float(np.abs(point).max()))
            quotient = (self(point + h * direction) - self(point - h * direction)) / (2.0 * h)
            gaps.append(np.abs(given - quotient))
        scale = max(float(np.abs(given).max()), float(np.abs(quotient).max()), np.finfo(float).tiny)
        if all((gap > CONTRADICTION * scale).any() for gap in gaps):
            worst = int(np.argmax(gaps[-1]))
            raise ValueError(
                f"the Jacobian times a random direction is {given[worst]:.6g} in component {worst}, but differences "
                f"of the values are {quotient[worst]:.6g}: allowed are derivatives of `value`"
            )

    def _products(self, name: str, product: Function, size: int, points: Floats, count: int) -> Floats:
        """The products with the unit vectors, shape (count, k, size)."""
        units = np.broadcast_to(np.eye(count)[:, None], (count, len(points), count))
        return np.stack([self._at(name, product, (size,), points, unit) for unit in units])

    def _at(self, name: str, function: Function, shape: tuple[int, ...], *arguments: Floats) -> Floats:
        """The function's results (k, *shape) at k points."""
        if not len(arguments[0]):
            return np.empty((0, *shape))
        if self._batched:
            return _checked(name, function(*(a.copy() for a in arguments)), (len(arguments[0]), *shape))
        rows = [
            _checked(name, function(*(a.copy() for a in row)), shape) for row in zip(*arguments, strict=True)
        ]
        return np.stack(rows)

    def __repr__(self) -> str:
        return f"DifferentiableMap(widths={list(self.widths)})"


def _checked(name: str, result: Any, shape: tuple[int, ...]) -> Floats:
    array = np.asarray(result)
    if array.dtype.kind not in "fiu" or array.shape != shape:
        raise ValueError(
            f"{name} returned {array.dtype} of shape {array.shape}: allowed are real numbers of {shape}"
        )
    return array.astype(np.float64)
