"""The spectrum of a functional equation: support, curve and masses behind the interface of a law."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rmtjac.theory.continuation import CONVERGED, UNCONVERGED
from rmtjac.theory.curve import path, solve
from rmtjac.theory.master_equation import Equation
from rmtjac.theory.readings import along_path, densities, error_bounds, masses
from rmtjac.theory.spectrum import Spectrum, gauss_legendre_cells
from rmtjac.theory.support import find_gaps, find_intervals
from rmtjac.theory.tracing import trace
from rmtjac.theory.transforms import log_s_transform, one_plus_w

__all__ = ["EquationSpectrum"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]

CELL_ERROR = 2e-16
MAX_CELLS = 10_000
MAX_HALVINGS = 40
EDGE_ROUNDING = 4e-16
SNAP = 5e-16  # relative distance in log lambda at which a point counts as lying on an atom or an edge


class EquationSpectrum(Spectrum):
    """The law whose functional equation is `eq`.

    Parameters
    ----------
    eq : Equation
    atoms : array (n, 2)
        Log location (log_scale not added) and mass of the atoms at lambda > 0.
    """

    def __init__(self, eq: Equation, atoms: Floats) -> None:
        self.equation = eq
        self._gaps = find_gaps(eq)
        pieces = find_intervals(eq, self._gaps)
        self._curve = trace(eq, pieces)
        scaled = np.array([[piece.low, piece.high] for piece in pieces]).reshape(-1, 2)
        self.intervals = scaled + eq.log_scale
        self.atoms = atoms + np.array([eq.log_scale, 0.0])
        self.zero_mass = eq.closed
        self.hard_edge_exponent = self._hard_edge_exponent()

    def _hard_edge_exponent(self) -> float:
        """-1/(dg/deta) at zeta = infinity."""
        if not (len(self.intervals) and np.isneginf(self.intervals[0, 0])):
            return math.nan
        if self.equation.hard_drift > 0.0:
            return 0.0
        return 1.0 / (self.equation.count + (1.0 if self.equation.closed == 0.0 else 0.0))

    def density(self, t: Floats) -> Floats:
        mantissa, scale = self._mantissas(t)
        return mantissa * np.exp(scale)

    def log_density(self, t: Floats) -> Floats:
        mantissa, scale = self._mantissas(t)
        with np.errstate(divide="ignore"):
            return np.log(mantissa) + scale

    def _mantissas(self, t: Floats) -> tuple[Floats, Floats]:
        eta, code, interval = solve(self.equation, self._curve, t - self.equation.log_scale)
        mantissa, scale = densities(self.equation, eta, interval)
        mantissa[(code != CONVERGED) | np.isnan(t)] = np.nan
        return mantissa, scale

    def density_error(self, t: Floats) -> tuple[Integers, Floats]:
        scaled = t - self.equation.log_scale
        eta, code, interval = solve(self.equation, self._curve, scaled)
        bound = error_bounds(self.equation, scaled, eta, interval)
        for edge, inward in self._edges:
            # an edge is known to its rounding: a point outside may truly lie inside
            width = EDGE_ROUNDING * (4.0 + abs(edge) + abs(self.equation.log_scale))
            close, farther = self.density(
                edge + self.equation.log_scale + inward * width * np.array([1.0, 4.0])
            )
            rising = close > farther
            bound[(interval < 0) & (np.abs(scaled - edge) <= width)] = math.inf if rising else 2.0 * close
        bound[code != CONVERGED] = math.inf
        bound[np.isnan(t)] = math.nan
        return np.where(np.isnan(t), UNCONVERGED, code), bound

    @cached_property
    def _edges(self) -> list[tuple[float, float]]:
        """Finite edges in scaled log lambda, and the direction of the spectrum."""
        pairs = [*((x, 1.0) for x in self._curve.low), *((x, -1.0) for x in self._curve.high)]
        return [(float(edge), inward) for edge, inward in pairs if math.isfinite(edge)]

    def mass_above(self, t: Floats) -> Floats:
        return self._masses(t)[0]

    def mass_below(self, t: Floats) -> Floats:
        return self._masses(t)[1]

    def _masses(self, t: Floats) -> tuple[Floats, Floats]:
        """Masses on both sides: from the curve inside the support, outside from the gap that t lies in."""
        scaled = self._snapped(t)
        eta, code, interval = solve(self.equation, self._curve, scaled)
        place = np.searchsorted(np.array([gap.low for gap in self._gaps]), scaled, side="right")
        # below the first gap there is nothing but the atom at 0
        gaps = np.array([1.0 - self.zero_mass, *(gap.above for gap in self._gaps)])[place]
        above, below = masses(self.equation, eta, interval)
        above = np.where(interval >= 0, above, gaps)
        below = np.where(interval >= 0, below, np.maximum(0.0, 1.0 - self.zero_mass - gaps))
        lost = (code != CONVERGED) | np.isnan(t)
        above[lost] = below[lost] = np.nan
        return above, below

    def _snapped(self, t: Floats) -> Floats:
        """Scaled t, put on an atom or an edge that it can only miss by rounding."""
        scale = self.equation.log_scale
        scaled = t - scale
        # an atom lies where two gaps touch, an edge where one ends
        for place in {end for gap in self._gaps for end in (gap.low, gap.high) if math.isfinite(end)}:
            rounding = SNAP * (abs(place) + abs(scale) + float(scale != 0.0))
            scaled = np.where(np.abs(scaled - place) <= rounding, place, scaled)
        return scaled

    def knots(self, interval: int) -> Floats:
        """log lambda at the nodes of the traced curve, the edges left out."""
        curve = self._curve
        inside = slice(curve.first[interval], curve.first[interval + 1])
        t = along_path(self.equation, curve.eta[inside])[0].real[::-1] + self.equation.log_scale
        low, high = self.intervals[interval]
        knots: Floats = t[(t > low) & (t < high)]
        return knots

    @cached_property
    def nodes(self) -> tuple[Complexes, Complexes]:
        """Gauss-Legendre along the cubics of the traced curve; what is left of a hard edge is the `tail`.

        Mass = -Im(integral of (w + p) dg)/pi, and w, g are analytic in eta: the path need not be the curve itself,
        and no root is solved for. Cells are halved until they give their mass, which is known in closed form.
        """
        t, weights = [], []
        for k in range(self._curve.low.size):
            for x in self._good_cells(k):
                points, values = self._cell_nodes(k, x)
                t.append(points)
                weights.append(values)
        empty = np.empty(0, dtype=np.complex128)
        return np.concatenate([empty, *t]), np.concatenate([empty, *weights])

    @cached_property
    def tail(self) -> tuple[float, float]:
        if math.isnan(self.hard_edge_exponent):
            return 0.0, 0.0
        end = self.knots(0)[:1]
        return float(end[0]), float(self.mass_below(end)[0])

    def _good_cells(self, k: int) -> list[Floats]:
        """Runs of cells (their ends) of interval k on which the quadrature gives the mass to rounding."""
        eq = self.equation
        ends = self._curve.x[self._curve.first[k] : self._curve.first[k + 1]]
        cells = np.column_stack([ends[:-1], ends[1:]])
        good = []
        for halving in range(MAX_HALVINGS):
            _, weights = self._cell_nodes(k, cells)
            eta, _ = path(self._curve, k, cells.ravel())
            above, _ = masses(eq, eta, np.zeros(eta.size, dtype=np.int64))
            exact = np.diff(above.reshape(-1, 2), axis=1)[:, 0]
            # rounding of the closed form: of order 1 a layer, and zeta itself enters with the hard drift
            size = 8.0 + eq.count + eq.counts.sum() + eq.hard_drift * np.exp(eta[1::2].real)
            wrong = np.abs(weights.reshape(len(cells), -1).real.sum(axis=1) - exact) > CELL_ERROR * size
            if 2 * wrong.sum() > MAX_CELLS or halving + 1 == MAX_HALVINGS:
                wrong[:] = False
            good.append(cells[~wrong])
            if not wrong.any():
                break
            halves, middle = cells[wrong], cells[wrong].mean(axis=1)
            cells = np.concatenate(
                [np.column_stack([halves[:, 0], middle]), np.column_stack([middle, halves[:, 1]])]
            )
        return good

    def _cell_nodes(self, k: int, cells: Floats) -> tuple[Complexes, Complexes]:
        """log lambda and weights at the Gauss-Legendre points of cells (n, 2)."""
        x, weights = gauss_legendre_cells(cells)
        eta, rate = path(self._curve, k, x)
        value, slope, shifted = along_path(self.equation, eta)
        return value + self.equation.log_scale, -1j / math.pi * shifted * slope * rate * weights

    def stieltjes(self, z: Complexes) -> Complexes:
        """f(z) = -(1 + w)/z; conjugate symmetric, on the support the limit from above."""
        above = z.copy()
        above.imag = np.abs(z.imag)
        with np.errstate(all="ignore"):
            targets = np.asarray(np.log(above) - self.equation.log_scale, dtype=np.complex128)
            f = -one_plus_w(self.equation, targets) / above
        real = z.imag == 0.0
        f[real & ~self._in_support(z.real)] = f[real & ~self._in_support(z.real)].real
        f[np.isinf(z)] = 0.0
        f[z == 0] = self._inverse_moment()
        return np.where(z.imag < 0.0, f.conj(), f)

    def _in_support(self, x: Floats) -> npt.NDArray[np.bool_]:
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.log(x)
        inside = np.zeros(x.shape, dtype=np.bool_)
        for low, high in self.intervals:
            inside |= (t >= low) & (t <= high)
        return inside

    def _inverse_moment(self) -> float:
        """f(0) = E[1/lambda]."""
        if self.zero_mass > 0.0 or math.isfinite(self.hard_edge_exponent):
            return math.inf
        t, weights = self.nodes
        return float((weights @ np.exp(-t)).real + self.atoms[:, 1] @ np.exp(-self.atoms[:, 0]))

    def s_transform(self, w: Floats) -> Floats:
        """Real w > -(1 - mass at 0); nan elsewhere."""
        # nearer to 0 it does not change, and |zeta| would lose its digits
        safe = np.where(np.abs(w) < 1e-290, 1e-290, w)
        with np.errstate(over="ignore", under="ignore"):
            return np.exp(log_s_transform(self.equation, safe) - self.equation.log_scale)
