"""The paper's scheme (20)-(23) as it stands, in vectorised NumPy, with its work counted; sigma_w = 1.

Fixed-point iteration of w = m_K(z^{-1/L} Psi_L(w)) at lambda + i b^(N-k), k = 0..2N, each warm-started from the
last. The paper starts at w = 0, which is stuck at the trivial root for L >= 2; m_1/z is the start that (17) calls for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Flags = npt.NDArray[np.bool_]


class Iterated(NamedTuple):
    """w and z at the last step, whether that step met the tolerance, and the iterations of all points together."""

    w: Complexes
    z: Complexes
    met: Flags
    iterations: int

    @property
    def density(self) -> Floats:
        """(23)."""
        return np.asarray(-((1.0 + self.w) / self.z).imag / np.pi)


def iterate(
    lam: Floats,
    depth: int,
    transform: Callable[[Complexes], Complexes],
    first_moment: float,
    *,
    b: float = 1.5,
    n: int = 40,
    tol: float = 1e-5,
    max_iter: int = 50,
) -> Iterated:
    """The scheme from w = first_moment/z (0: the paper's start), m_K being `transform`."""
    w = np.asarray(first_moment / (lam + 1j * b**n), dtype=np.complex128)
    iterations = 0
    for k in range(2 * n + 1):
        z = np.asarray(lam + 1j * b ** (n - k), dtype=np.complex128)
        root = z ** (-1.0 / depth)
        active = np.arange(lam.size)
        for _ in range(max_iter):
            iterations += active.size
            here = w[active]
            zeta = root[active] * (1.0 + here) ** (1.0 / depth) * here ** (1.0 - 1.0 / depth)
            new = transform(zeta)
            w[active] = new
            active = active[~(np.abs(new - here) < tol)]
            if not active.size:
                break
    met = np.ones(lam.size, dtype=np.bool_)
    met[active] = False
    return Iterated(w=w, z=z, met=met, iterations=iterations)


def zero_one_gates(opened: float) -> Callable[[Complexes], Complexes]:
    """m_K of gates 0 and 1 with P(1) = opened."""
    return lambda zeta: opened * zeta / (1.0 - zeta)


def paper_density(
    lam: Floats, depth: int, opened: float, b: float = 1.5, n: int = 40, tol: float = 1e-5, max_iter: int = 50
) -> Floats:
    """Density at lam for gates 0 and 1 with P(1) = opened, independent entries, from the start m_1/z."""
    gates = zero_one_gates(opened)
    return iterate(lam, depth, gates, opened**depth, b=b, n=n, tol=tol, max_iter=max_iter).density
