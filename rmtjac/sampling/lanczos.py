"""The spectrum of one large network without its matrices, by stochastic Lanczos quadrature.

For a vector v of independent random signs E v^T f(J J^T) v = Tr f(J J^T), and with v = U_1 r in a block Krylov basis

    v^T f(J J^T) v = sum_j f(s_j^2) (y_j . r)^2,

a block Gauss quadrature: s_j are the singular values of the bidiagonal H, and y_j the leading entries of its right
singular vectors (Golub and Meurant, "Matrices, Moments and Quadrature", 2010; Ubaru, Chen and Saad 2017). All probes
share one block Krylov space: the nodes are common, and the top converges like that of a block iteration. Signs rather
than Gaussian vectors: the diagonal of f(J J^T) does not add to their variance, and |v|^2 is not random.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rmtjac.errors import check_choice
from rmtjac.model.checks import checked_integer
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.streams import RandomSource, Streams, entropy_of
from rmtjac.model.weights import BLOCK_ROWS
from rmtjac.runs.blas import single_threaded_blas
from rmtjac.runs.memory import check_memory
from rmtjac.runs.runner import default_workers
from rmtjac.sampling.estimate import Estimate, SpectrumEstimate
from rmtjac.sampling.golub_kahan import EPS, Bidiagonal, Multiply, bidiagonalise
from rmtjac.sampling.inputs import Inputs, checked_inputs
from rmtjac.sampling.matrix_free import MatrixFreeJacobian, forward_gates
from rmtjac.sampling.replicate import NETWORK_TASK, description, gate_streams

__all__ = ["estimate_spectrum", "memory_of_estimate", "signs"]

Floats = NDArray[np.float64]

PROBES_TASK = 2
MAX_PROBES = 10**6


def estimate_spectrum(
    ens: Ensemble,
    probes: int,
    steps: int,
    rng: RandomSource = None,
    workers: int | None = None,
    *,
    gates: str = "network",
    inputs: Inputs = None,
    progress: Callable[[int, int], object] | None = None,
) -> SpectrumEstimate:
    """Density, moments and top of the spectrum of J J^T of one network, for widths whose matrices do not fit.

    The network is that of `ens.sample(rng)` and of replicate 0 of `sample_spectrum(ens, rng=rng)`. Its weights are
    drawn 2 steps times, which is most of the cost: 50 probes take little longer than one.

    Parameters
    ----------
    ens : Ensemble
        With weights of independent entries; orthogonal ones cannot be drawn block by block.
    probes : int
        Number of random vectors, 1 to 10^6. Standard errors fall as probes^(-1/2); one probe has none.
    steps : int
        Block Lanczos steps, >= 1: moments up to 2 steps - 1 have no quadrature error, and densities are resolved to
        top/steps in sqrt(lambda).
    rng : int, SeedSequence, Generator or None
        The network, and probe i, are functions of this (and i) alone.
    workers : int, optional
        Number of threads, by default one for each usable core. Results are the same bits for any number.
    gates : {"network", "independent"}
        D^l from the forward pass of the network itself, or of an independent copy of it at its own input.
    inputs : None, "stationary" or array of shape (n_0,)
        x^0, as in `sample_spectrum`.
    progress : callable, optional
        progress(done, 2 steps) each time that all weights were drawn; it ends early where there is no more to find.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range, or a product leaves that of doubles.
    UnsupportedError
        For orthogonal weights.
    MemoryLimitError
        If the run cannot fit in memory; nothing was allocated then.
    """
    probes, steps = checked_integer("probes", probes, 1, MAX_PROBES), checked_integer("steps", steps, 1)
    workers = default_workers() if workers is None else checked_integer("workers", workers, 1)
    check_choice("gates", gates, ("network", "independent"))
    law = checked_inputs(ens, inputs)
    check_memory(memory_of_estimate(ens, probes, steps, workers), f"estimating the spectrum of {ens!r}")
    entropy, drawings = entropy_of(rng), _Drawings(progress, 2 * steps)
    with single_threaded_blas():
        opened, q = forward_gates(ens, law, gate_streams(entropy, gates, 0), workers)
        drawings.count()
        counts = np.array([np.count_nonzero(gate) for gate in opened])
        rank = int(min(ens.widths[0], counts.min()))
        jacobian = MatrixFreeJacobian(ens, Streams(entropy, NETWORK_TASK), opened, workers)
        krylov = _krylov(jacobian, entropy, probes, steps, drawings) if rank > 0 else _nothing(probes)
        nodes, weights = _quadrature(krylov, rank)
        top = _top(krylov)
    return SpectrumEstimate(
        nodes=nodes,
        weights=weights / ens.widths[-1],
        exponent=krylov.exponent,
        steps=len(krylov.sizes),
        top=top,
        rank=rank,
        n=ens.widths[-1],
        q=q,
        gate_fractions=counts / ens.widths[1:],
        entropy=entropy,
        metadata=description(ens, gates, law) | {"probes": probes, "steps": steps},
    )


def memory_of_estimate(ens: Ensemble, probes: int, steps: int, workers: int) -> int:
    """Bytes that `estimate_spectrum` takes at its height, above what the interpreter holds: an upper estimate.

    Each worker holds what drawing one block of rows takes and up to three results that wait; then there are the two
    Krylov bases, the vectors that pass through the layers and become orthogonal, and the singular vectors of H.
    """
    widest, ends = max(ens.widths), ens.widths[0] + ens.widths[-1]
    size = min(probes * steps, ens.widths[0], ens.widths[-1])
    workers = min(workers, math.ceil(widest / BLOCK_ROWS))
    drawing = 8 * min(BLOCK_ROWS, max(ens.widths[1:])) * max(ens.widths[:-1])
    vectors = (8 + 3 * workers) * widest * probes
    numbers = workers * drawing + ends * size + vectors + 6 * size * (size + probes) + 2 * sum(ens.widths)
    return 8 * numbers


class _Drawings:
    """Reports how often all weights were drawn."""

    def __init__(self, progress: Callable[[int, int], object] | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def count(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)

    def counted(self, multiply: Multiply) -> Multiply:
        """The product, reported when it is done."""

        def product(x: Floats) -> tuple[Floats, int]:
            result = multiply(x)
            self.count()
            return result

        return product


def _krylov(
    jacobian: MatrixFreeJacobian, entropy: int, probes: int, steps: int, drawings: _Drawings
) -> Bidiagonal:
    """From signs on the non-empty rows of J, or on its columns where these are fewer: fewer zeros to resolve then."""
    forth, back = drawings.counted(jacobian.transposed_times), drawings.counted(jacobian.times)
    live, others = jacobian.open_rows, jacobian.shape[1]
    if others < np.count_nonzero(live):
        live, others, forth, back = np.ones(others, dtype=np.bool_), live.size, back, forth
    start = live[:, None] * signs(entropy, probes, live.size)
    return bidiagonalise(forth, back, (live.size, others), start, steps, int(np.count_nonzero(live)))


def signs(entropy: int, probes: int, n: int) -> Floats:
    """Random signs, shape (n, probes), each column from its own stream."""
    streams = Streams(entropy, PROBES_TASK)
    bits = np.stack([streams(0, i).integers(0, 2, n, dtype=np.int8) for i in range(probes)], axis=1)
    return np.where(bits == 1, 1.0, -1.0)


def _nothing(probes: int) -> Bidiagonal:
    """What is found of J = 0."""
    return Bidiagonal(np.empty((0, 0)), 0, np.empty((0, probes)), [], True)


def _quadrature(krylov: Bidiagonal, rank: int) -> tuple[Floats, Floats]:
    """Nodes s_j, ascending, shape (m,), and the weights (y_j . r)^2 of each probe, shape (probes, m)."""
    _, values, vectors = np.linalg.svd(krylov.matrix)
    nodes = np.zeros(len(vectors))
    nodes[nodes.size - values.size :] = values[::-1]
    leading = vectors[::-1, : len(krylov.start)] @ krylov.start
    weights = np.square(leading.T)
    beyond_rounding = nodes > EPS * nodes.size * nodes.max(initial=0.0)
    if krylov.exhausted and np.count_nonzero(beyond_rounding) == rank:
        weights[:] = beyond_rounding  # every eigenvalue is a node: nothing is left to chance
    return nodes, weights


def _top(krylov: Bidiagonal) -> Estimate:
    """Largest node, and what further steps would add; see `SpectrumEstimate.top`."""
    tops = [_norm(krylov.matrix[:rows, :columns]) for rows, columns in krylov.sizes[-3:]]
    value = tops[-1] if tops else 0.0
    error = EPS * krylov.matrix.shape[1] * value
    if not krylov.exhausted:
        last, before = (tops[-1] - tops[-2], tops[-2] - tops[-3]) if len(tops) == 3 else (math.inf, 0.0)
        if last > error:
            error += last / (1.0 - last / before) if last < before else math.inf
    with np.errstate(over="ignore", under="ignore"):
        return Estimate(*(float(np.ldexp(x, krylov.exponent)) for x in (value, error)))


def _norm(matrix: Floats) -> float:
    return float(np.linalg.svd(matrix, compute_uv=False).max(initial=0.0))
