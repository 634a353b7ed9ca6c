"""Anderson's method of type II as its formula says: least squares over the last differences, anew at every step."""

import numpy as np


def anderson(f, x, memory, tol, max_evaluations=1000):
    """Number of evaluations until |f(x) - x| <= tol, and the point."""
    points, residuals = [], []
    for evaluation in range(1, max_evaluations + 1):
        g = f(x) - x
        if np.linalg.norm(g) <= tol:
            return evaluation, x
        points, residuals = [*points, x][-memory - 1 :], [*residuals, g][-memory - 1 :]
        step = g
        if len(points) > 1:
            dx, dg = np.diff(points, axis=0).T, np.diff(residuals, axis=0).T
            sizes = np.linalg.norm(dg, axis=0)
            weights = np.linalg.lstsq(dg / sizes, g, rcond=1e-14)[0] / sizes
            step = g - (dx + dg) @ weights
        x = x + step
    return np.inf, x
