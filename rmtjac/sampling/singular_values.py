"""Singular values of a Jacobian, the structural zeros apart."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from rmtjac.sampling.jacobians import ActiveJacobian

__all__ = ["singular_values"]

Floats = NDArray[np.float64]


def singular_values(jacobian: ActiveJacobian, n_out: int) -> Floats:
    """All n_out singular values of J (square roots of the eigenvalues of J J^T), ascending.

    The n_out - rank structural zeros are exact 0.0 and come first. Absolute accuracy: the error of each value
    is a small multiple of eps times the largest one.

    Raises
    ------
    ValueError
        If an entry of J is not finite, as with stable:ALPHA of very small ALPHA.
    """
    values = np.zeros(n_out)
    if jacobian.rank == 0:
        return values
    if not np.isfinite(jacobian.rows).all():
        raise ValueError("the Jacobian leaves the range of doubles: larger ALPHA or smaller depth is needed")
    # consumes jacobian.rows; what exceeds the rank is zero in exact arithmetic
    descending = scipy.linalg.svdvals(jacobian.rows, overwrite_a=True, check_finite=False)
    with np.errstate(over="ignore", under="ignore"):
        values[n_out - jacobian.rank :] = np.ldexp(descending[: jacobian.rank][::-1], jacobian.exponent)
    return values
