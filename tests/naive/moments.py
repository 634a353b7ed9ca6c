"""Exact finite-N moments of linear Gaussian networks (THEORY.md section 2), layer by layer."""

import numpy as np


def trace_moments(depth, width):
    """(E (Tr M)^2, E Tr M^2) of M = J J^T, real Gaussian linear layers of variance 1/width."""
    moments = np.array([width**2, width], dtype=float)
    step = np.array([[1.0, 2.0 / width], [1.0 / width, (width + 1.0) / width]])
    for _ in range(depth):
        moments = step @ moments
    return moments
