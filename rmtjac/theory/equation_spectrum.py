"""The spectrum of a functional equation: support, curve and masses behind the interface of a law."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rmtjac.theory.averages import exponential_moment
from rmtjac.theory.continuation import CONVERGED, UNCONVERGED
from rmtjac.theory.curve import log_lambda, path, solve, speed
from rmtjac.theory.master_equation import Equation
from rmtjac.theory.readings import error_bounds, evaluate, masses, tied
from rmtjac.theory.spectrum import SNAP, Spectrum, gauss_legendre_cells
from rmtjac.theory.support import find_gaps
from rmtjac.theory.tracing import trace
from rmtjac.theory.transforms import one_plus_u, s_transform

__all__ = ["EquationSpectrum"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]

CELL_ERROR = 2e-16
MANY_GATES = 20
PANEL_ERROR = 1e-14  # averages over so many gates have more rounding
MAX_CELLS = 10_000
MAX_HALVINGS = 40
JOINT_HALVINGS = 4
EDGE_ROUNDING = 4e-16


class EquationSpectrum(Spectrum):
    """The law whose functional equation is `eq`.

    Parameters
    ----------
    eq : Equation
    atoms : array (n, 2)
        Log location (log_scale not added) and mass of the atoms at lambda > 0.
    missing : float
        How many eigenvalues are 0 for each that is not, as the widths and gates of the network demand.
    hard_edge_exponent : float
        As of `Spectrum`, if there is a hard edge.
    """

    def __init__(self, eq: Equation, atoms: Floats, missing: float, hard_edge_exponent: float) -> None:
        self.equation = eq
        self.zero_mass = missing / (1.0 + missing)
        self._rank = 1.0 / (1.0 + missing)
        self._gaps, self._ends, self._curve = trace(eq, find_gaps(eq))
        self.intervals = self._ends + eq.log_scale
        self.atoms = atoms + np.array([eq.log_scale, 0.0])
        hard = len(self.intervals) > 0 and np.isneginf(self.intervals[0, 0])
        self.hard_edge_exponent = hard_edge_exponent if hard else math.nan

    def density(self, t: Floats) -> Floats:
        mantissa, scale = self._mantissas(t)
        return mantissa * np.exp(scale)

    def log_density(self, t: Floats) -> Floats:
        mantissa, scale = self._mantissas(t)
        with np.errstate(divide="ignore"):
            return np.log(mantissa) + scale

    def _mantissas(self, t: Floats) -> tuple[Floats, Floats]:
        """Density of log lambda as mantissa and natural log of its scale."""
        found = solve(self.equation, self._curve, t - self.equation.log_scale)
        mantissa = -self._rank / math.pi * found.total.imag
        mantissa[(found.code != CONVERGED) | np.isnan(t)] = np.nan
        deep, log_mass = self._deep(t)
        mantissa[deep] = self.hard_edge_exponent if math.isfinite(self.hard_edge_exponent) else 0.0
        return mantissa, np.where(deep, log_mass, found.log_scale)

    def _deep(self, t: Floats) -> tuple[npt.NDArray[np.bool_], Floats]:
        """Where below the traced tail of smooth gates the power law takes over, and the log of the mass it leaves.

        Nothing is left of what falls faster than every power.
        """
        deep = np.zeros(t.shape, dtype=np.bool_)
        if not math.isnan(self.hard_edge_exponent) and math.isfinite(self._curve.low[0]):
            deep = t <= self._curve.low[0] + self.equation.log_scale
        log_mass = np.where(deep & math.isinf(self.hard_edge_exponent), -np.inf, 0.0)
        if deep.any() and math.isfinite(self.hard_edge_exponent):
            start = self.knots(0)[:1]
            mass = self.log_density(start) - math.log(self.hard_edge_exponent)
            log_mass[deep] = mass + self.hard_edge_exponent * (t[deep] - start)
        return deep, log_mass

    def density_error(self, t: Floats) -> tuple[Integers, Floats]:
        scaled = t - self.equation.log_scale
        eta, code, interval, _, _ = solve(self.equation, self._curve, scaled)
        bound = self._rank * error_bounds(self.equation, scaled, eta, interval)
        for edge, inward, noise in self._edges:
            # an edge is known to its rounding: a point outside may truly lie inside
            width = EDGE_ROUNDING * (4.0 + abs(edge) + abs(self.equation.log_scale)) + noise
            close, farther = self.density(
                edge + self.equation.log_scale + inward * width * np.array([1.0, 4.0])
            )
            rising = close > farther
            bound[(interval < 0) & (np.abs(scaled - edge) <= width)] = math.inf if rising else 2.0 * close
        bound = np.maximum(bound, self._quiet_bound(scaled))
        bound[code != CONVERGED] = math.inf
        bound[np.isnan(t)] = math.nan
        return np.where(np.isnan(t), UNCONVERGED, code), bound

    def _quiet_bound(self, scaled: Floats) -> Floats:
        """Bound on the density between an edge and where its tail stops being negligible; 0 elsewhere."""
        bound = np.zeros(scaled.shape)
        tails = [
            *zip(self._ends[:, 0], self._curve.low, strict=True),
            *zip(self._ends[:, 1], self._curve.high, strict=True),
        ]
        for edge, loud in tails:
            if math.isinf(edge):
                if (scaled <= loud).any() and math.isfinite(loud):
                    bound[scaled <= loud] = 2.0 * float(self.density(self.knots(0)[:1])[0])
            elif edge != loud:
                step = 1e-9 * (loud - edge)
                most = 2.0 * float(self.density(np.array([loud + step + self.equation.log_scale]))[0])
                bound[(scaled - edge) * (scaled - loud) <= 0.0] = most
        return bound

    @cached_property
    def _edges(self) -> list[tuple[float, float, float]]:
        """Finite edges in scaled log lambda, the direction of the spectrum, and the rounding error of log z there."""
        curve = self._curve
        edges = []
        for ends, nodes, inward in (
            (curve.low, curve.first[1:] - 1, 1.0),
            (curve.high, curve.first[:-1], -1.0),
        ):
            reading, _ = evaluate(self.equation, curve.eta[nodes])
            # at a pole of u there is none to tell
            noise = np.where(reading["noise"] < 1.0, 2.0 * reading["noise"], 0.0)
            edges += [(end, inward, more) for end, more in zip(ends.tolist(), noise.tolist(), strict=True)]
        return [edge for edge in edges if math.isfinite(edge[0])]

    def mass_above(self, t: Floats) -> Floats:
        return self._masses(t)[0]

    def mass_below(self, t: Floats) -> Floats:
        return self._masses(t)[1]

    def _masses(self, t: Floats) -> tuple[Floats, Floats]:
        """Masses on both sides: from the curve inside the support, outside from the gap that t lies in."""
        scaled = self._snapped(t)
        eta, code, interval, _, _ = solve(self.equation, self._curve, scaled)
        place = np.searchsorted(self._gap_starts, scaled, side="right")
        # below the first gap there is nothing but the atom at 0
        gaps = np.array([1.0, *(gap.above for gap in self._gaps)])[place]
        above, below = masses(self.equation, eta, interval)
        above = self._rank * np.where(interval >= 0, above, gaps)
        below = self._rank * np.where(interval >= 0, below, np.maximum(0.0, 1.0 - gaps))
        lost = (code != CONVERGED) | np.isnan(t)
        above[lost] = below[lost] = np.nan
        deep, log_mass = self._deep(t)
        below[deep] = np.exp(log_mass[deep])
        above[deep] = self._rank - below[deep]
        return above, below

    @cached_property
    def _gap_starts(self) -> Floats:
        """Where the gaps begin, the negligible tails of the intervals below them included."""
        loud = dict(zip(self._ends[:, 1].tolist(), self._curve.high.tolist(), strict=True))
        return np.array([loud.get(gap.low, gap.low) for gap in self._gaps])

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
        at, _ = evaluate(self.equation, curve.eta[inside])
        t = at["value"].real[::-1] + self.equation.log_scale
        low, high = (end[interval] + self.equation.log_scale for end in (curve.low, curve.high))
        rounding = EDGE_ROUNDING * (4.0 + abs(t[0]))
        knots: Floats = t[(t > low + rounding) & (t < high - rounding)]
        return knots

    @cached_property
    def nodes(self) -> tuple[Complexes, Complexes]:
        """Gauss-Legendre along the cubics of the traced curve; what is left of a hard edge is the `tail`.

        Mass = -Im(integral of (u + 1) dg)/pi, and u, g are analytic in eta_0: the path need not be the curve itself,
        and no root is solved for. Cells are halved until they give their mass, which is known in closed form.
        """
        empty = np.empty(0, dtype=np.complex128)
        parts = [(empty, empty)]
        for k in range(self._curve.low.size):
            good, others, mass = self._good_cells(k)
            parts += [self._cell_nodes(k, cells) for cells in good if cells.size]
            parts += [self._solved_nodes(k, others, mass)] if others.size else []
        t, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
        return t, weights

    @cached_property
    def tail(self) -> tuple[float, float]:
        if math.isnan(self.hard_edge_exponent):
            return 0.0, 0.0
        end = self.knots(0)[:1]
        return float(end[0]), float(self.mass_below(end)[0])

    def _good_cells(self, k: int) -> tuple[list[Floats], Floats, Floats]:
        """Runs of cells of interval k on which the quadrature gives the mass to rounding; the others, and their masses.

        No halving helps where the reference stands still while another unknown goes on (layers of leaky_relu that
        differ), or next to an edge at a pole.
        """
        eq = self.equation
        ends = self._curve.x[self._curve.first[k] : self._curve.first[k + 1]]
        cells = np.column_stack([ends[:-1], ends[1:]])
        good = []
        most = MAX_HALVINGS if eq.counts.size == 1 else JOINT_HALVINGS
        for halving in range(most + 1):
            _, weights = self._cell_nodes(k, cells)
            eta, _ = path(self._curve, k, cells.ravel())
            # the path is the reference's, and the mass that of a point of the equation
            above, _ = masses(eq, tied(eq, eta), np.zeros(len(eta), dtype=np.int64))
            # at a pole of u an edge has no mass of its own to tell
            above[cells.ravel() == ends[0]] = self._above_end(k, 1, above[0])
            above[cells.ravel() == ends[-1]] = self._above_end(k, 0, above[-1])
            exact = self._rank * np.diff(above.reshape(-1, 2), axis=1)[:, 0]
            # rounding of the closed form: of order rho a layer, and zeta itself enters with the hard drift
            layers = eq.counts @ (1.0 + eq.excess) + eq.plain_counts @ (1.0 + eq.plain_excess)
            size = 8.0 + layers + (eq.hard_drift and eq.hard_drift * np.exp(eta[1::2, 0].real))
            error = np.abs(weights.reshape(len(cells), -1).real.sum(axis=1) - exact)
            wrong = ~(error <= self._cell_error * size)
            good.append(cells[~wrong])
            halves, middle = cells[wrong], cells[wrong].mean(axis=1)
            if halving == most or not 0 < 2 * wrong.sum() <= MAX_CELLS:
                break
            cells = np.concatenate(
                [np.column_stack([halves[:, 0], middle]), np.column_stack([middle, halves[:, 1]])]
            )
        return good, halves, exact[wrong]

    def _above_end(self, k: int, end: int, otherwise: float) -> float:
        """Mass above the lower (0) or upper (1) end of interval k, if the curve goes as far."""
        place = self._ends[k, end]
        if place != (self._curve.low, self._curve.high)[end][k]:
            return otherwise
        touching = [gap.above for gap in self._gaps if place == (gap.low if end else gap.high)]
        return float(touching[0]) if touching else otherwise

    @property
    def _cell_error(self) -> float:
        many = self.equation.gates.panels.size + self.equation.gates.masses.size > MANY_GATES
        return PANEL_ERROR if many else CELL_ERROR

    def _cell_nodes(self, k: int, cells: Floats) -> tuple[Complexes, Complexes]:
        """log lambda and weights at the Gauss-Legendre points of cells (n, 2)."""
        x, weights = gauss_legendre_cells(cells)
        eta, rate = path(self._curve, k, x)
        # the path is the reference's; the other unknowns follow it
        at, _ = evaluate(self.equation, eta, ties=1)
        shifted = at["total"] * np.exp(at["log_scale"])
        values = -1j / math.pi * self._rank * shifted * at["slope"] * rate[:, 0] * weights
        return at["value"] + self.equation.log_scale, values

    def _solved_nodes(self, k: int, cells: Floats, mass: Floats) -> tuple[Complexes, Complexes]:
        """`_cell_nodes` of cells of known mass with the density solved for at every point."""
        x, weights = gauss_legendre_cells(cells)
        low, high = self._curve.low[k], self._curve.high[k]
        t = log_lambda(x, low, high) + self.equation.log_scale
        values = np.nan_to_num(self.density(t) * np.abs(speed(x, low, high)) * weights).reshape(
            len(cells), -1
        )
        total = values.sum(axis=1)
        values *= np.divide(mass, total, out=np.zeros_like(total), where=total > 0.0)[:, None]
        return t.astype(np.complex128), values.ravel().astype(np.complex128)

    def stieltjes(self, z: Complexes) -> Complexes:
        """f(z) = -(1 + w)/z; conjugate symmetric, on the support the limit from above."""
        above = z.copy()
        above.imag = np.abs(z.imag)
        with np.errstate(all="ignore"):
            targets = np.asarray(np.log(above) - self.equation.log_scale, dtype=np.complex128)
            f = -(self.zero_mass + self._rank * one_plus_u(self.equation, targets)) / above
        real = z.imag == 0.0
        f[real & ~self._in_support(z.real)] = f[real & ~self._in_support(z.real)].real
        f[np.isinf(z)] = 0.0
        f[z == 0] = exponential_moment(self, -1.0)
        return np.where(z.imag < 0.0, f.conj(), f)

    def _in_support(self, x: Floats) -> npt.NDArray[np.bool_]:
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.log(x)
        inside = np.zeros(x.shape, dtype=np.bool_)
        for low, high in self.intervals:
            inside |= (t >= low) & (t <= high)
        return inside

    def s_transform(self, w: Floats) -> Floats:
        """Real w > -(1 - mass at 0); nan elsewhere."""
        return s_transform(self.equation, self._rank, w)
