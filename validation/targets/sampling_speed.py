"""The sampler against the loop that a user would write, in turn, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

import rmtjac as rj
from validation.targets.table import Figure, at_least

Floats = npt.NDArray[np.float64]
Function = Callable[[Floats], Floats]

ROUNDS = 3
FUNCTIONS: dict[str, tuple[Function, Function]] = {
    "linear": (lambda h: h, np.ones_like),
    "relu": (lambda h: np.maximum(h, 0.0), lambda h: (h > 0.0).astype(float)),
    "hard_tanh": (lambda h: np.clip(h, -1.0, 1.0), lambda h: (np.abs(h) < 1.0).astype(float)),
}
# activation, width, depth, replicates, accuracy, times faster
CASES = (
    ("hard_tanh", 100, 10, 500, "absolute", 2.5),
    ("relu", 1000, 10, 20, "absolute", 5.0),
    ("linear", 1000, 2, 20, "absolute", 1.7),
    ("linear", 1000, 2, 20, "eigenvalues", 2.2),
)


def speed() -> list[Figure]:
    """Times faster than a NumPy loop with NumPy's own threads, medians of three rounds in turn."""
    return [
        at_least(f"{name}, N = {n}, depth {depth}, {count} networks, {accuracy}", _ratio(*case), target)
        for *case, target in CASES
        for name, n, depth, count, accuracy in [case]
    ]


def _ratio(activation: str, n: int, depth: int, count: int, accuracy: str) -> float:
    ens = rj.Ensemble(depth=depth, width=n, activation=activation)
    rj.sample_spectrum(ens, 2, 0, accuracy=accuracy)
    loop, ours = [], []
    for seed in range(ROUNDS):
        loop.append(_seconds(lambda seed=seed: written_by_a_user(activation, n, depth, count, seed)))
        ours.append(
            _seconds(lambda seed=seed: rj.sample_spectrum(ens, count, seed, accuracy=accuracy).eigenvalues)
        )
    return float(np.median(loop) / np.median(ours))


def written_by_a_user(activation: str, n: int, depth: int, count: int, seed: int) -> Floats:
    """Eigenvalues of J J^T of `count` networks, one after the other."""
    phi, slope = FUNCTIONS[activation]
    rng = np.random.default_rng(seed)
    spectra = []
    for _ in range(count):
        x, jacobian = rng.standard_normal(n), np.eye(n)
        for _ in range(depth):
            w = rng.standard_normal((n, n)) / np.sqrt(n)
            h = w @ x
            x, d = phi(h), np.diag(slope(h))
            jacobian = d @ w @ jacobian
        spectra.append(np.linalg.svd(jacobian, compute_uv=False) ** 2)
    return np.array(spectra)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
