"""The packages that solve z = f(z) now, and the problem z = tanh(W z + x) on which they are compared."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np
import numpy.typing as npt
import scipy.optimize

import rmtjac as rj

Floats = npt.NDArray[np.float64]
Map = Callable[[Floats], Floats]

TOL = 1e-10
AA_MEMORY = 10
AA_RIDGE = 1e-8  # the package's default
LIMIT = 3_000


class Counted:
    """A map that counts its evaluations, and notes at which the residual first was within the tolerance."""

    def __init__(self, f: Map) -> None:
        self.f = f
        self.calls = 0
        self.solved_at: float = np.inf

    def __call__(self, z: Floats) -> Floats:
        value = self.f(z)
        self.calls += 1
        if self.solved_at == np.inf and np.linalg.norm(value - z) <= TOL:
            self.solved_at = self.calls
        return value


def tanh_map(gain: float, n: int, seed: int) -> Map:
    """z -> tanh(W z + x), W = gain Gauss/sqrt(n), x Gaussian."""
    rng = np.random.default_rng(seed)
    weights, x = rng.standard_normal((n, n)), rng.standard_normal(n)
    weights *= gain / np.sqrt(n)
    return lambda z: np.tanh(weights @ z + x)


def by_rmtjac(f: Map, n: int) -> None:
    """Ours, with its defaults."""
    rj.solve_fixed_point(f, np.zeros(n), tol=TOL)


def by_aa(f: Map, n: int) -> None:
    """The package aa, type II, in the loop that its documentation gives."""
    import aa

    accelerator = aa.AndersonAccelerator(n, AA_MEMORY, type1=False, regularization=AA_RIDGE)
    z, before = np.zeros(n), np.zeros(n)
    for k in range(LIMIT):
        if k > 0:
            accelerator.apply(z, before)
        before = z.copy()
        z = f(before)
        if np.linalg.norm(z - before) <= TOL:
            return
        accelerator.safeguard(z, before)


def by_scipy(f: Map, n: int) -> None:
    """scipy.optimize.root(method="anderson") until the same tolerance."""
    options = {"fatol": TOL, "maxiter": LIMIT, "tol_norm": np.linalg.norm}
    scipy.optimize.root(lambda z: f(z) - z, np.zeros(n), method="anderson", options=options)


def race(f: Map, n: int, solve: Callable[[Map, int], None]) -> tuple[float, float]:
    """Evaluations until the tolerance is met (inf if never), and seconds of the solve."""
    counted = Counted(f)
    start = perf_counter()
    solve(counted, n)
    return counted.solved_at, perf_counter() - start
