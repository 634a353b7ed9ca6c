"""How a fixed point moves with its parameters: dz/da = (I - df/dz)^{-1} df/da, no inverse formed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import lapack
from scipy.sparse.linalg import LinearOperator, aslinearoperator, gmres

from rmtjac.linkage.solvers.jacobian import SINGULAR, reciprocal_condition
from rmtjac.linkage.solvers.method import Floats
from rmtjac.linkage.solvers.status import Status
from rmtjac.model.checks import checked_array, checked_integer, checked_number

__all__ = ["FixedPointSensitivity", "fixed_point_sensitivity"]

Operator: TypeAlias = ArrayLike | LinearOperator
RESTART = 50
SOLVED = 10.0  # multiple of tol that a residual may have, by rounding


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedPointSensitivity:
    """Derivatives of z(a) = f(a, z(a)).

    Attributes
    ----------
    derivative : ndarray
        dz/da (n, p); or its products with a tangent, (n,) or (n, k); or of cotangents with it, (p,) or (k, p).
    status : Status
        "converged", "I - J is singular", or "iteration limit reached" of GMRES.
    message : str
    residual : float
        Largest relative 2-norm residual of the equations.
    rcond : float
        Distance of I - df/dz to singular matrices in units of 1 + |df/dz|, 1-norm, estimated; nan without a matrix.
    """

    derivative: Floats
    status: Status
    message: str
    residual: float
    rcond: float

    def __post_init__(self) -> None:
        self.derivative.flags.writeable = False

    @property
    def success(self) -> bool:
        return self.status is Status.CONVERGED


def fixed_point_sensitivity(
    df_dz: Operator,
    df_da: Operator | None = None,
    *,
    tangent: ArrayLike | None = None,
    cotangent: ArrayLike | None = None,
    tol: float = 1e-12,
    max_iter: int = 1_000,
) -> FixedPointSensitivity:
    """dz/da at a fixed point z = f(a, z), by the implicit function theorem (paper 003; CLAIMS.md C4).

    Parameters
    ----------
    df_dz : array (n, n) or scipy.sparse.linalg.LinearOperator
        At the fixed point. A matrix takes one LU factorisation; an operator, LinearOperator((n, n), matvec=jvp,
        rmatvec=vjp), takes GMRES, and needs vjp for cotangents only.
    df_da : array (n, p) or LinearOperator, optional
        At the fixed point; the identity by default (f(z) + a).
    tangent : array (p,) or (p, k), optional
        Forward: (I - df/dz)^{-1} df/da @ tangent, k right-hand sides. Default: all of dz/da.
    cotangent : array (n,) or (k, n), optional
        Adjoint: cotangent @ (I - df/dz)^{-1} df/da, from k equations, whatever p is.
    tol, max_iter : float, int
        Of GMRES: relative residual, products with df_dz per right-hand side.

    Raises
    ------
    ValueError, TypeError
        If shapes do not match, a number is not finite, or both a tangent and a cotangent are given.
    """
    slope = _operator("df_dz", df_dz)
    n = slope.shape[0]
    if slope.shape != (n, n):
        raise ValueError(f"df_dz of shape {slope.shape}: allowed is a square one")
    source = aslinearoperator(np.eye(n)) if df_da is None else _operator("df_da", df_da)
    if source.shape[0] != n:
        raise ValueError(f"df_da of shape {source.shape}: allowed is ({n}, p)")
    if tangent is not None and cotangent is not None:
        raise ValueError("tangent and cotangent: allowed is one of them")
    tol, max_iter = checked_number("tol", tol), checked_integer("max_iter", max_iter, 1)
    adjoint = cotangent is not None
    if cotangent is not None:
        vectors = _vectors("cotangent", cotangent, n, axis=-1).T
        right = vectors.reshape(n, -1)
    else:
        p = source.shape[1]
        vectors = np.eye(p) if tangent is None else _vectors("tangent", tangent, p, axis=0)
        right = source.matmat(vectors.reshape(p, -1))
    if isinstance(df_dz, LinearOperator):
        solved = _by_gmres(slope.H if adjoint else slope, right, tol, max_iter)
    else:
        solved = _by_lu(slope.A, right, adjoint)
    if adjoint:
        derivative = source.rmatmat(solved.solution).T.reshape(*vectors.shape[:0:-1], source.shape[1])
    else:
        derivative = solved.solution.reshape(n, *vectors.shape[1:])
    return FixedPointSensitivity(derivative=np.array(derivative), **solved.evidence)


class _Solved(NamedTuple):
    solution: Floats
    evidence: dict[str, Any]


def _by_lu(matrix: Floats, right: Floats, transposed: bool) -> _Solved:
    """Solutions (n, k) of (I - A) x = b, or of (I - A^T) x = b, by one factorisation."""
    factors, pivots, rcond = reciprocal_condition(matrix)
    evidence = {"rcond": rcond}
    if rcond < SINGULAR:
        message = f"{Status.SINGULAR}: 1/|(I - J)^-1| = {rcond:.3g} (1 + |J|) in the 1-norm"
        failed = {"status": Status.SINGULAR, "message": message, "residual": np.nan}
        return _Solved(np.full(right.shape, np.nan), evidence | failed)
    solution, _ = lapack.dgetrs(factors, pivots, right, trans=int(transposed))
    product = (matrix.T if transposed else matrix) @ solution
    residual = _residual(solution - product, right)
    return _Solved(solution, evidence | _judged(residual, np.inf, f"one LU factorisation, rcond {rcond:.3g}"))


def _by_gmres(operator: LinearOperator, right: Floats, tol: float, max_iter: int) -> _Solved:
    """Solutions (n, k) of (I - A) x = b, b by b."""
    n = len(right)
    shifted = LinearOperator((n, n), matvec=lambda v: v - operator.matvec(v), dtype=np.float64)
    restart = min(n, RESTART)
    settings = {"rtol": tol, "atol": 0.0, "restart": restart, "maxiter": -(-max_iter // restart)}
    solution = np.stack([gmres(shifted, b, **settings)[0] for b in right.T], axis=1)
    residual = _residual(np.stack([shifted.matvec(x) for x in solution.T], axis=1), right)
    return _Solved(solution, {"rcond": np.nan, **_judged(residual, SOLVED * tol, "GMRES")})


def _judged(residual: float, limit: float, how: str) -> dict[str, Any]:
    status = Status.CONVERGED if residual <= limit else Status.ITERATION_LIMIT
    return {
        "status": status,
        "message": f"{status}: {how}, relative residual {residual:.3g}",
        "residual": residual,
    }


def _residual(left: Floats, right: Floats) -> float:
    """Largest 2-norm of a column of the difference, in units of that of the right side."""
    sizes = np.linalg.norm(right, axis=0)
    return float((np.linalg.norm(left - right, axis=0) / np.where(sizes > 0.0, sizes, 1.0)).max(initial=0.0))


def _operator(argument: str, given: Operator) -> LinearOperator:
    """A LinearOperator; of a matrix, after a look at it."""
    if isinstance(given, LinearOperator):
        return given
    matrix = checked_array(argument, given)
    if matrix.ndim != 2 or matrix.size == 0:
        raise ValueError(
            f"{argument} of shape {matrix.shape}: allowed are non-empty matrices and LinearOperators"
        )
    return aslinearoperator(matrix)


def _vectors(argument: str, given: ArrayLike, size: int, axis: int) -> Floats:
    """A vector, or several with their components on one axis."""
    vectors = checked_array(argument, given)
    if vectors.ndim not in (1, 2) or vectors.shape[axis] != size:
        several = f"({size}, k)" if axis == 0 else f"(k, {size})"
        raise ValueError(f"{argument} of shape {vectors.shape}: allowed are ({size},) and {several}")
    return vectors
