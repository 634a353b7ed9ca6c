"""A product of layers in graded form: singular values with high relative accuracy, whatever the condition number.

J = Q D Y, where Q has orthonormal columns, D = diag(e^(log_scales)) is descending and of any range, and Y, of rows of
moderate size, is well conditioned. Multiplied by the next layer A, the columns of (A Q) D are sorted by their length
and decomposed, A Q P = Q' R, so that

    A J = Q' D' (T P^T Y),   D' = |diag R| P^T D P,   T = D'^-1 R (P^T D P),

and T, unit triangular, tends to the identity as D becomes graded. A QR decomposition errs by a rounding of each column,
and D scales columns; with its rows in descending order it errs by little more than a rounding of each row too (Cox and
Higham, "Stability of Householder QR factorization for weighted least squares problems", 1998), and gates scale rows.
The relative error of every singular value is then a rounding times the condition of W, once a layer (Demmel, Gu,
Eisenstat, Slapnicar, Veselic, Drmac, "Computing the singular value decomposition with high relative accuracy", 1999;
Stewart, "On graded QR decompositions of products of matrices", 1995). The explicit product would keep only what is
above 1e-16 of the largest.

The singular values of D Y are found by one-sided Jacobi rotations of the columns of a triangular form of it, each
carried as a unit vector and the logarithm of its length.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rmtjac import lapack
from rmtjac.errors import ConvergenceError
from rmtjac.jit import kernel
from rmtjac.sampling.scaling import check_range, rescaled

__all__ = ["GradedProduct"]

Floats = NDArray[np.float64]

EPS = float(np.finfo(np.float64).eps)
LOG_2 = math.log(2.0)
MAX_SWEEPS = 60
NO_OVERFLOW = 700.0


class GradedProduct:
    """The product of the layers multiplied so far, beginning with the identity of n inputs."""

    def __init__(self, n: int) -> None:
        self._basis: Floats | None = None
        self._log_scales = np.zeros(n)
        self._rows = np.eye(n)

    def times(self, layer: Floats) -> None:
        """Multiply by `layer`, shape (m, rows so far), from the left.

        Raises
        ------
        ValueError
            If an entry is not finite.
        """
        check_range(layer)
        layer, exponent = rescaled(layer)
        columns = layer if self._basis is None else layer @ self._basis
        if columns.size == 0:
            self._basis, self._log_scales = np.empty((len(layer), 0)), np.empty(0)
            self._rows = self._rows[:0]
            return
        with np.errstate(divide="ignore"):
            lengths = np.log(np.linalg.norm(columns, axis=0)) + self._log_scales
        order = np.argsort(-lengths, kind="stable")
        before = self._log_scales[order]
        rows = np.argsort(-np.abs(columns).max(axis=1), kind="stable")
        basis, triangle = lapack.qr(columns[np.ix_(rows, order)])
        self._basis = np.empty_like(basis)
        self._basis[rows] = basis
        unit, lengths = _unit_rows(triangle, before)
        self._log_scales = lengths + exponent * LOG_2
        self._rows = unit @ self._rows[order]

    def log_singular_values(self) -> Floats:
        """Ascending, as many as the smallest width so far; -inf for a matrix that is singular to the last bit.

        Raises
        ------
        ConvergenceError
            If the rotations do not end.
        """
        if self._log_scales.size == 0:
            return self._log_scales
        vectors, logs = self._triangular_form()
        for _ in range(MAX_SWEEPS):
            order = np.argsort(-logs, kind="stable")
            vectors, logs = vectors[order], logs[order]
            if _sweep(vectors, logs) == 0:
                return np.asarray(np.sort(logs))
        raise ConvergenceError(f"one-sided Jacobi rotations: not orthogonal after {MAX_SWEEPS} sweeps")

    def _triangular_form(self) -> tuple[Floats, Floats]:
        """Unit vectors (as rows) and log lengths of columns with the singular values of D Y, nearly orthogonal.

        Y^T = Q R with its columns sorted; R D has them, and the columns of its transpose are nearly orthogonal where
        D is graded.
        """
        with np.errstate(divide="ignore"):
            lengths = self._log_scales + np.log(np.linalg.norm(self._rows, axis=1))
        order = np.argsort(-lengths, kind="stable")
        scales = self._log_scales[order]
        unit, logs = _unit_rows(lapack.triangular_factor(self._rows[order].T), scales)
        sizes = np.linalg.norm(unit, axis=1)
        return np.ascontiguousarray(unit / sizes[:, None]), logs + np.log(sizes)


def _unit_rows(triangle: Floats, log_scales: Floats) -> tuple[Floats, Floats]:
    """Rows of R D over their diagonals, and the logs of these: T and D'."""
    diagonal = np.abs(np.diagonal(triangle))
    # singular to rounding: the diagonal is at least what a rounding of its row makes of it
    diagonal = np.maximum(diagonal, EPS * np.abs(triangle).max(axis=1, initial=0.0))
    own = log_scales[: diagonal.size]
    empty = (diagonal == 0.0) | np.isneginf(own)
    size, length = np.where(empty, 1.0, diagonal)[:, None], np.where(empty, 0.0, own)[:, None]
    unit = np.triu(triangle / size * np.exp(np.minimum(log_scales - length, NO_OVERFLOW)))
    unit[empty] = np.eye(len(unit), unit.shape[1])[empty]
    with np.errstate(divide="ignore"):
        return unit, own + np.log(diagonal)


@kernel
def _sweep(vectors: Floats, logs: Floats) -> int:
    """Rotate every pair of columns that is not orthogonal; how many were not. Rows of `vectors` are the columns."""
    count, size = vectors.shape
    small = 4.0 * EPS * math.sqrt(size)
    rotated = 0
    for i in range(count - 1):
        for j in range(i + 1, count):
            cosine = np.dot(vectors[i], vectors[j])
            if abs(cosine) <= small or logs[i] == -math.inf or logs[j] == -math.inf:
                continue
            rotated += 1
            if logs[i] >= logs[j]:
                _rotate(vectors, logs, i, j, cosine)
            else:
                _rotate(vectors, logs, j, i, cosine)
    return rotated


@kernel
def _rotate(vectors: Floats, logs: Floats, long: int, short: int, cosine: float) -> None:
    """Make two columns orthogonal; that of the shorter one stays exact however short it is.

    With ratio = the lengths' ratio <= 1, tan(angle) = ratio * turn.
    """
    ratio = math.exp(max(logs[short] - logs[long], -NO_OVERFLOW))
    difference = (1.0 - ratio * ratio) / (2.0 * cosine)
    turn = math.copysign(1.0, difference) / (abs(difference) + math.hypot(difference, ratio))
    back = ratio * ratio * turn
    first, second = vectors[long], vectors[short]
    first_size = second_size = 0.0
    for k in range(first.size):
        x, y = first[k], second[k]
        first[k] = x + back * y
        second[k] = y - turn * x
        first_size += first[k] * first[k]
        second_size += second[k] * second[k]
    cos = 1.0 / math.hypot(1.0, ratio * turn)
    _normalise(vectors, logs, long, first_size, cos)
    _normalise(vectors, logs, short, second_size, cos)


@kernel
def _normalise(vectors: Floats, logs: Floats, row: int, square: float, cos: float) -> None:
    size = math.sqrt(square)
    if size == 0.0:
        logs[row] = -math.inf
        return
    vectors[row] /= size
    logs[row] += math.log(size * cos)
