"""Jacobians J of f: by finite differences, whether a given one contradicts them, and how near I - J is to singular."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from scipy.linalg import lapack

from rmtjac.linkage.solvers.method import Floats, Slope, Value

__all__ = [
    "SINGULAR",
    "SINGULAR_TO_DIFFERENCES",
    "checked_slope",
    "difference_quotients",
    "reciprocal_condition",
]

SINGULAR = 1e-14  # distance to singular matrices, in units of 1 + |J|, of which a solution would be rounding
FORWARD_STEP = float(np.sqrt(np.finfo(float).eps))  # where cutting off and rounding are the same
SINGULAR_TO_DIFFERENCES = 4.0 * FORWARD_STEP  # the same for a Jacobian of forward differences
CENTRAL_STEPS = (1e-4, 1e-6)
CONTRADICTION = 1e-3  # relative gap in every step that no smooth function explains
SEED = 0


def difference_quotients(x: Floats, fx: Floats) -> Generator[Value, Floats, Floats]:
    """The Jacobian (n, n) at x by n forward differences."""
    columns = np.empty((x.size, x.size))
    for j in range(x.size):
        shifted = x.copy()
        shifted[j] += FORWARD_STEP * max(1.0, abs(x[j]))
        # the step that was made, not the one that was meant
        columns[:, j] = ((yield Value(shifted)) - fx) / (shifted[j] - x[j])
    return columns


def checked_slope(x: Floats) -> Generator[Value | Slope, Floats, None]:
    """Compare the user's Jacobian at x with central differences in one random direction (4 evaluations).

    Raises
    ------
    ValueError
        If it contradicts them; the message names the component that differs most.
    """
    direction = np.random.default_rng(SEED).standard_normal(x.size)
    given = (yield Slope(x)) @ direction
    gaps: list[Floats] = []
    for step in CENTRAL_STEPS:
        h = step * max(1.0, float(np.abs(x).max()))
        above, below = (yield Value(x + h * direction)), (yield Value(x - h * direction))
        quotient = (above - below) / (2.0 * h)
        gaps.append(np.abs(given - quotient))
    scale = max(float(np.abs(given).max()), float(np.abs(quotient).max()), np.finfo(float).tiny)
    if any(not (gap > CONTRADICTION * scale).any() for gap in gaps):
        return
    worst = int(np.argmax(gaps[-1]))
    raise ValueError(
        f"jac: its product with a random direction v is {given[worst]:.6g} in component {worst}, but "
        f"(f(x + h v) - f(x - h v))/(2 h) is {quotient[worst]:.6g}: allowed is the Jacobian df_i/dx_j of f"
    )


def reciprocal_condition(jacobian: Floats) -> tuple[Floats, Floats, float]:
    """LU factors and pivots of I - J, and its estimated distance to singular matrices in units of 1 + |J|, 1-norm."""
    matrix = np.eye(len(jacobian)) - jacobian
    size = float(np.linalg.norm(matrix, 1))
    factors, pivots, singular = lapack.dgetrf(matrix)
    rcond = 0.0 if singular else float(lapack.dgecon(factors, size)[0])
    return factors, pivots, rcond * size / (1.0 + float(np.linalg.norm(jacobian, 1)))
