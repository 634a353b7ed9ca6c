"""The source paper's own solution (20)-(23): fixed-point iteration on a descent to the real axis.

At z^(k) = lambda + i b^(N-k), k = 0..2N, the equation w = m_K(z^(-1/L) Psi_L(w)), Psi_L(w) = (1+w)^(1/L) w^(1-1/L),
is iterated from the result at the step before until |w_n - w_{n-1}| < tol, at most max_iter times. It is here so that
its error can be seen: Im z stays positive, its convergence is slow (factor 1 - 1/L for large z, near 1 on the bulk),
and a small step does not mean a small error. Two things differ from the print: the start is m_1/z, since from w = 0
the iteration does not move for L >= 2, and sigma_w enters by z -> z/sigma_w^(2L).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rmtjac.errors import UnsupportedError
from rmtjac.model.checks import checked_integer, checked_number
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.gates import GateLaw
from rmtjac.theory.continuation import CONVERGED, UNCONVERGED
from rmtjac.theory.generating_function import GateTransform
from rmtjac.theory.normal_form import Layer
from rmtjac.theory.spectrum import Spectrum

__all__ = ["BanachSpectrum", "IdenticalLayers", "Scheme", "identical_layers", "solve_by_iteration"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]

LARGEST_HEIGHT = 1e100


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """The parameters b > 1, N = n_steps, eps = tol and N_0 = max_iter of (21) and (22)."""

    b: float = 1.5
    n_steps: int = 40
    tol: float = 1e-5
    max_iter: int = 50

    def __post_init__(self) -> None:
        checked_integer("n_steps", self.n_steps, 1)
        checked_integer("max_iter", self.max_iter, 1)
        checked_number("tol", self.tol)
        if checked_number("b", self.b) <= 1.0 or self.n_steps * math.log(self.b) > math.log(LARGEST_HEIGHT):
            raise ValueError(
                f"b={self.b}, n_steps={self.n_steps}: allowed are b > 1 with b^n_steps <= {LARGEST_HEIGHT:g}"
            )

    def heights(self) -> Floats:
        """Im z^(k), k = 0..2N."""
        return np.asarray(self.b ** np.arange(self.n_steps, -self.n_steps - 1, -1, dtype=np.float64))


@dataclass(frozen=True, kw_only=True)
class IdenticalLayers:
    """What the equation (14) knows of a network: depth, gates and sigma_w of L equal square layers."""

    depth: int
    gates: GateLaw
    sigma_w: float

    @property
    def first_moment(self) -> float:
        """m_1 = (sigma_w^2 mu_1)^L; inf or 0 where it leaves the doubles."""
        with np.errstate(over="ignore"):
            return float(np.exp(self.depth * np.log(self.sigma_w**2 * self.gates.moment(1))))


def identical_layers(ens: Ensemble, layers: Sequence[Layer]) -> IdenticalLayers:
    """The layers of `ens`, checked to be those that (14) is for.

    Raises
    ------
    UnsupportedError
        Unless they are square, identical, and of independent entries.
    """
    needs = "method='banach' needs identical square layers with independent weights"
    if ens.weights.is_orthogonal:
        raise UnsupportedError(f"weights={ens.weights.name!r}: {needs}; use method='newton'")
    if not ens.is_square:
        raise UnsupportedError(f"widths={list(ens.widths)}: {needs}; use method='newton'")
    if len(set(ens.sigma_w)) > 1:
        raise UnsupportedError(f"sigma_w={ens.sigma_w}: {needs}; use method='newton'")
    first = layers[0].gates
    if any(not _are_equal(layer.gates, first) for layer in layers[1:]):
        raise UnsupportedError(
            f"layers with different gates: {needs}; use one activation, and one number for q"
        )
    return IdenticalLayers(depth=ens.depth, gates=first, sigma_w=ens.sigma_w[0])


def _are_equal(a: GateLaw, b: GateLaw) -> bool:
    return a.shape == b.shape and a.log_largest == b.log_largest


def solve_by_iteration(
    layers: IdenticalLayers, lam: Floats, scheme: Scheme, first_moment: float
) -> tuple[Complexes, npt.NDArray[np.bool_]]:
    """w at lambda + i b^(-N), and whether the last step met the tolerance.

    Parameters
    ----------
    first_moment : float
        m_1 of the start w = m_1/z; 0 is what the paper prints.
    """
    transform = GateTransform(layers.gates)
    with np.errstate(all="ignore"):
        w = first_moment / (lam + 1j * scheme.heights()[0])
        for height in scheme.heights():
            w, met = _iterate(layers, transform, lam + 1j * height, w, scheme)
    return w, met


def _iterate(
    layers: IdenticalLayers, transform: GateTransform, z: Complexes, w: Complexes, scheme: Scheme
) -> tuple[Complexes, npt.NDArray[np.bool_]]:
    """The iteration (20) until (21) holds, at every z on its own."""
    power = 1.0 / layers.depth
    root = layers.sigma_w**2 * z**-power
    w = w.copy()
    active = np.arange(z.size)
    for _ in range(scheme.max_iter):
        before = w[active]
        after = transform(root[active] * (1.0 + before) ** power * before ** (1.0 - power))
        w[active] = after
        # written so that nan stays active
        active = active[~(np.abs(after - before) < scheme.tol)]
        if not active.size:
            break
    met = np.ones(z.size, dtype=np.bool_)
    met[active] = False
    return w, met


class BanachSpectrum(Spectrum):
    """The density of the scheme, on the support and with the atoms of the exact law.

    Parameters
    ----------
    layers : IdenticalLayers
    scheme : Scheme
    exact : Spectrum
        The law of the same network.
    """

    def __init__(self, layers: IdenticalLayers, scheme: Scheme, exact: Spectrum) -> None:
        self._layers = layers
        self._scheme = scheme
        self._exact = exact
        self.intervals = exact.intervals
        self.atoms = exact.atoms
        self.zero_mass = exact.zero_mass
        self.hard_edge_exponent = exact.hard_edge_exponent

    def _solve(self, t: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """The density (23) of lambda, times lambda, and whether the last step met the tolerance."""
        with np.errstate(over="ignore", invalid="ignore"):
            lam = np.exp(t)
            w, met = solve_by_iteration(self._layers, lam, self._scheme, self._layers.first_moment)
            z = lam + 1j * self._scheme.heights()[-1]
            return -lam * ((1.0 + w) / z).imag / math.pi, met

    def density(self, t: Floats) -> Floats:
        return self._solve(t)[0]

    def log_density(self, t: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(self.density(t))

    def density_error(self, t: Floats) -> tuple[Integers, Floats]:
        """Code 1 also where the last step missed the tolerance; the bound is measured against the exact law."""
        density, met = self._solve(t)
        code, bound = self._exact.density_error(t)
        bound = bound + np.abs(density - self._exact.density(t))
        return np.where(met & (code == CONVERGED), CONVERGED, UNCONVERGED), np.where(
            np.isnan(density) & ~np.isnan(t), np.inf, bound
        )

    def knots(self, interval: int) -> Floats:
        return self._exact.knots(interval)

    def mass_below(self, t: Floats) -> Floats:
        raise _density_only()

    def mass_above(self, t: Floats) -> Floats:
        raise _density_only()

    @property
    def nodes(self) -> tuple[Complexes, Complexes]:
        raise _density_only()


def _density_only() -> UnsupportedError:
    # the smoothed density has mass outside the support, and at some points it has not converged
    return UnsupportedError(
        "method='banach' gives densities only; distribution and moments need method='newton'"
    )
