"""The product of a network's layers as one matrix: singular values to a rounding of the largest."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rmtjac import lapack
from rmtjac.sampling.scaling import check_range, rescaled

__all__ = ["ExplicitProduct", "Product"]

Floats = NDArray[np.float64]

WIDE = 1.25  # columns over rows


class Product(Protocol):
    """What a Jacobian is multiplied up in, from the first layer on."""

    def times(self, layer: Floats) -> None:
        """Multiply by `layer`, shape (m, rows so far), from the left."""


class ExplicitProduct:
    """The matrix itself, kept in range by powers of two.

    Parameters
    ----------
    gram : bool
        Singular values from the eigenvalues of the smaller Gram matrix: twice as fast, and eigenvalues are known to a
        small multiple of eps times the largest one, singular values to sqrt(eps) times the largest.
    """

    def __init__(self, gram: bool = False) -> None:
        self._gram = gram
        self._matrix: Floats | None = None
        self._exponent = 0

    def times(self, layer: Floats, exponent: int = 0) -> None:
        """Multiply by layer 2^exponent, shape (m, rows so far), from the left."""
        with np.errstate(over="ignore", invalid="ignore"):  # judged once, before the singular values
            product = layer if self._matrix is None else layer @ _narrowed(self._matrix)
        self._matrix, shift = rescaled(product)
        self._exponent += exponent + shift

    def singular_values(self) -> Floats:
        """Ascending, min(rows, columns) of them; beyond the range of doubles inf or 0. Uses the product up.

        Raises
        ------
        ValueError
            If an entry of J is not finite, as with stable:ALPHA of very small ALPHA.
        """
        matrix, self._matrix = self._matrix, None
        assert matrix is not None  # an ensemble has at least one layer
        check_range(matrix)
        if self._gram:
            gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
            values = np.sqrt(np.maximum(lapack.eigenvalues(gram), 0.0))
        else:
            values = lapack.singular_values(matrix)[::-1]
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(np.ldexp(values, self._exponent))


def _narrowed(matrix: Floats) -> Floats:
    """L of a wide matrix L Q, which has its singular values and costs the products to come less; else the matrix."""
    rows, columns = matrix.shape
    if rows == 0 or columns < WIDE * rows:
        return matrix
    return lapack.triangular_factor(matrix.T).T
