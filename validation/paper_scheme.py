"""The paper's scheme (20)-(23) as it stands, in vectorised NumPy: the yardstick of the speed target.

Fixed-point iteration of w = m_K(z^{-1/L} Psi_L(w)) at lambda + i b^(N-k), k = 0..2N, each warm-started from the
last; the start is m_1/z instead of the paper's 0, which is stuck at the trivial root for L >= 2.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def paper_density(
    lam: Floats, depth: int, opened: float, b: float = 1.5, n: int = 40, tol: float = 1e-5, max_iter: int = 50
) -> Floats:
    """Density at lam for gates 0 and 1 with P(1) = opened, sigma_w = 1, independent entries."""
    z = lam + 1j * b**n
    w = opened**depth / z
    for k in range(2 * n + 1):
        z = lam + 1j * b ** (n - k)
        root = z ** (-1.0 / depth)
        active = np.arange(lam.size)
        for _ in range(max_iter):
            here = w[active]
            zeta = root[active] * (1.0 + here) ** (1.0 / depth) * here ** (1.0 - 1.0 / depth)
            new = opened * zeta / (1.0 - zeta)
            w[active] = new
            active = active[np.abs(new - here) >= tol]
            if not active.size:
                break
    return -((1.0 + w) / z).imag / np.pi
