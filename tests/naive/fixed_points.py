"""Fixed points by brute force: Newton's method from every point of a dense grid, with NumPy alone."""

import numpy as np


def fixed_points(net, lower=-1.0, upper=1.0, count=300, steps=40):
    """The different fixed points in a square, shape (Q, 2)."""
    axis = np.linspace(lower, upper, count)
    x = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    with np.errstate(all="ignore"):
        for _ in range(steps):
            gap, matrix = net(x) - x, np.eye(2) - net.jacobian(x)
            determinant = matrix[:, 0, 0] * matrix[:, 1, 1] - matrix[:, 0, 1] * matrix[:, 1, 0]
            step = np.stack(
                [
                    matrix[:, 1, 1] * gap[:, 0] - matrix[:, 0, 1] * gap[:, 1],
                    matrix[:, 0, 0] * gap[:, 1] - matrix[:, 1, 0] * gap[:, 0],
                ],
                axis=-1,
            )
            step /= determinant[:, None]
            x = np.unique(np.clip(x + step, 2 * lower, 2 * upper).round(14), axis=0)
            x = x[np.isfinite(x).all(axis=1)]
    x = x[(np.abs(net(x) - x).max(axis=1) < 1e-9) & (np.abs(x).max(axis=1) <= upper + 1e-9)]
    found = []
    for point in x:
        if not any(np.abs(point - other).max() < 1e-7 for other in found):
            found.append(point)
    return np.array(found).reshape(len(found), 2)
