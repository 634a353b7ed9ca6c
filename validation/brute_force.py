"""Fixed points of the plane by brute force: Newton's method from every point of a dense grid, with NumPy alone."""

import numpy as np
from numpy.typing import NDArray

import rmtjac as rj

BATCH = 20_000
DIGITS = 13


def fixed_points(
    net: rj.Network, lower: float = -1.0, upper: float = 1.0, count: int = 300, steps: int = 40
) -> NDArray[np.float64]:
    """The different fixed points in a square that some of count^2 starts lead to, shape (Q, 2)."""
    axis = np.linspace(lower, upper, count)
    x = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    for _ in range(steps):
        batches = [_newton_step(net, x[k : k + BATCH], upper) for k in range(0, len(x), BATCH)]
        # all starts on one linear piece go to one point
        x = np.unique(np.concatenate(batches).round(DIGITS), axis=0)
    x = x[(np.abs(net(x) - x).max(axis=1) < 1e-9) & (np.abs(x).max(axis=1) <= upper + 1e-9)]
    found: list[NDArray[np.float64]] = []
    for point in x:
        if not any(np.abs(point - other).max() < 1e-7 for other in found):
            found.append(point)
    return np.array(found).reshape(len(found), 2)


def _newton_step(net: rj.Network, x: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    """x + (1 - J)^-1 (Phi(x) - x) where that is finite, cut off at twice the square."""
    with np.errstate(all="ignore"):
        gap, matrix = net(x) - x, np.eye(2) - net.jacobian(x)
        (a, b), (c, d) = matrix.transpose(1, 2, 0)
        step = np.stack([d * gap[:, 0] - b * gap[:, 1], a * gap[:, 1] - c * gap[:, 0]], axis=-1)
        moved = np.clip(x + step / (a * d - b * c)[:, None], -2 * size, 2 * size)
    return moved[np.isfinite(moved).all(axis=1)]
