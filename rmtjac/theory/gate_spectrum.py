"""The spectrum of one layer of Haar weights: the law of its gates, times sigma_w^2; continuous, or atoms."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel
from rmtjac.model.gate_panels import LOWEST, ORDER, PRECISION
from rmtjac.model.gates import GateLaw
from rmtjac.theory.averages import exponential_moment
from rmtjac.theory.continuation import CONVERGED, UNCONVERGED
from rmtjac.theory.gate_averages import ON_CUT, gate_phases, gate_terms
from rmtjac.theory.gate_tables import GateTables, gate_tables
from rmtjac.theory.master_equation import Equation
from rmtjac.theory.spectrum import AtomicSpectrum, Spectrum
from rmtjac.theory.transforms import s_transform

__all__ = ["GateAtoms", "GateSpectrum"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]

EPS = 2.3e-16
ROUNDING = 16.0 * PRECISION  # of log k where a pole meets its mirror image


class GateAtoms(AtomicSpectrum):
    """The law of e^(eq.log_scale) k over the largest k, for gates of finitely many values."""

    def __init__(self, law: GateLaw, eq: Equation) -> None:
        places = np.log(law.values) - law.log_largest + eq.log_scale
        super().__init__(np.column_stack([places, law.masses]), law.closed)
        self._equation = eq

    def s_transform(self, w: Floats) -> Floats:
        """Real w > -(1 - mass at 0); nan elsewhere."""
        return s_transform(self._equation, 1.0 - self.zero_mass, w)


class GateSpectrum(Spectrum):
    """The law of e^(eq.log_scale) k over the largest k.

    Parameters
    ----------
    law : GateLaw
        With a continuous part.
    eq : Equation
        Of the network; e^(its log_scale) is the largest lambda.
    """

    def __init__(self, law: GateLaw, eq: Equation) -> None:
        assert law.panels is not None
        self._equation = eq
        log_scale = eq.log_scale
        self._mass = 1.0 - law.closed - float(law.masses.sum())
        self._tables = gate_tables([GateLaw(np.empty(0), np.empty(0), 1.0 - self._mass, law.panels)])
        shift = law.log_largest
        # the tables are scaled to the largest gate of the panels
        self._log_top = law.panels.highest() - shift + log_scale
        low = float(self._tables.panels["floor"][-1])
        self.intervals = np.array([[low, 0.0]]) + self._log_top
        turns = np.abs(law.panels.turn) <= 1.0
        logs = law.panels.log_top[turns] + 2.0 * law.panels.turn_value[turns] - law.panels.highest()
        self._turns = {0.0, *logs.tolist()}
        self.atoms = np.column_stack([np.log(law.values) - shift + log_scale, law.masses])
        self.zero_mass = law.closed
        self.hard_edge_exponent = law.small_exponent if math.isinf(low) else math.nan

    def _inside(self, t: Floats) -> npt.NDArray[np.bool_]:
        return np.asarray((t > self.intervals[0, 0]) & (t < self.intervals[0, 1]))

    def density(self, t: Floats) -> Floats:
        value, _ = _densities(self._tables, t - self._log_top)
        result: Floats = self._mass * np.where(self._inside(t), value, np.where(np.isnan(t), np.nan, 0.0))
        return result

    def log_density(self, t: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return np.log(self.density(t))

    def mass_above(self, t: Floats) -> Floats:
        return self._mass * _masses(self._tables, t - self._log_top)[0] + self._atoms_beyond(t, True)

    def mass_below(self, t: Floats) -> Floats:
        return self._mass * _masses(self._tables, t - self._log_top)[1] + self._atoms_beyond(t, False)

    def _atoms_beyond(self, t: Floats, above: bool) -> Floats:
        places, masses = self.atoms.T
        counted = places > t[:, None] if above else places <= t[:, None]
        beyond: Floats = np.where(counted, masses, 0.0).sum(axis=1)
        return beyond

    def density_error(self, t: Floats) -> tuple[Integers, Floats]:
        scaled = t - self._log_top
        value, error = _densities(self._tables, scaled)
        # log k is known to the panels' precision; at the ends and turns of phi' the density has inverse roots
        size = ROUNDING * (1.0 + np.abs(scaled)) + 4.0 * EPS * (np.abs(t) + abs(self._log_top))
        shift = np.where(np.isfinite(t), size, 0.0)
        around = [np.abs(_densities(self._tables, scaled + step)[0] - value) for step in (-shift, shift)]
        bound = self._mass * (error + 2.0 * np.maximum(*around))
        bound = np.where(self._inside(t), bound, 0.0)
        for place in self._turns:
            bound[np.abs(scaled - place) <= 8.0 * shift] = math.inf
        bound[np.isnan(t)] = math.nan
        return np.where(np.isnan(t), UNCONVERGED, CONVERGED), bound

    def knots(self, interval: int) -> Floats:
        panels = self._tables.panels
        t: Floats = np.unique(np.concatenate([panels["log_top"], panels["floor"]])) + self._log_top
        inside: Floats = t[self._inside(t)]
        return inside

    @cached_property
    def nodes(self) -> tuple[Complexes, Complexes]:
        """Those of the panels."""
        tables = self._tables
        with np.errstate(divide="ignore"):
            t = tables.panels["log_top"][:, None] + np.log(tables.gate[:, :ORDER]) + self._log_top
        weights = self._mass * tables.weight[:, :ORDER]
        return t.ravel().astype(np.complex128), weights.ravel().astype(np.complex128)

    def stieltjes(self, z: Complexes) -> Complexes:
        """f(z) = -(1 + w)/z; conjugate symmetric, on the support the limit from above."""
        with np.errstate(all="ignore"):
            above = np.where(z.imag < 0.0, z.conj(), z)
            inner = _averages(
                self._tables, np.asarray(np.log(-1.0 / above) + self._log_top, dtype=np.complex128)
            )
            total = self.zero_mass + self._mass * inner
            for place, mass in self.atoms:
                total = total + mass / (1.0 - np.exp(place) / above)
            f: Complexes = -total / above
        f[z == 0] = exponential_moment(self, -1.0)
        return np.where(z.imag < 0.0, f.conj(), f)

    def s_transform(self, w: Floats) -> Floats:
        """Real w > -(1 - mass at 0); nan elsewhere."""
        return s_transform(self._equation, 1.0 - self.zero_mass, w)


@kernel
def _densities(t: GateTables, log_k: Floats) -> tuple[Floats, Floats]:
    """Density of log k, and a bound on its rounding error."""
    value, error = np.empty(log_k.size), np.empty(log_k.size)
    for i in range(log_k.size):
        if log_k[i] < LOWEST:
            value[i] = error[i] = 0.0
            continue
        terms = gate_terms(t, 0, complex(-log_k[i], ON_CUT))
        scale = math.exp(terms.log_scale) / math.pi
        value[i] = -scale * terms.total.imag
        error[i] = scale * terms.error
    return value, error


@kernel
def _masses(t: GateTables, log_k: Floats) -> tuple[Floats, Floats]:
    """P(k > e^(log k)) and P(k < e^(log k))."""
    above, below = np.empty(log_k.size), np.empty(log_k.size)
    for i in range(log_k.size):
        if log_k[i] >= 0.0:
            above[i], below[i] = 0.0, 1.0
            continue
        if log_k[i] < LOWEST:
            above[i], below[i] = 1.0, 0.0
            continue
        up, down = gate_phases(t, 0, complex(-log_k[i], ON_CUT))
        above[i] = max(up / math.pi, 0.0)
        below[i] = max(-down / math.pi, 0.0)
    return above, below


@kernel
def _averages(t: GateTables, eta: Complexes) -> Complexes:
    """E 1/(1 - zeta k) at every eta with 0 <= Im eta <= pi."""
    out = np.empty(eta.size, dtype=np.complex128)
    for i in range(eta.size):
        terms = gate_terms(t, 0, complex(eta[i].real, min(max(eta[i].imag, 0.0), ON_CUT)))
        out[i] = math.exp(terms.log_scale) * terms.total
    return out
