"""A spectrum on (0, inf) that is known point by point: its log density as a polynomial on each of many panels."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from rmtjac.errors import ConvergenceError
from rmtjac.theory.spectrum import SNAP, PowerTail, Spectrum, gauss_legendre_cells

__all__ = ["LogDensity", "TableSpectrum"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]
LogDensity = Callable[[Floats], tuple[Floats, Floats]]

DEGREE = 20  # of log density on a panel
MASS_DEGREE = 36  # of the density itself, which varies by e^FOLDS at most
FOLDS = 6.0
ROUGHNESS = 1e-13  # last Chebyshev coefficients of the log density
SHORTEST = 1e-6
LEVELS = 40
GAUSS_POINTS = 20
MISSING = 1e-9  # mass that may be lost


class TableSpectrum(Spectrum):
    """A density of t = log lambda without edges, and an atom at lambda = 0 at most.

    Parameters
    ----------
    log_density : callable
        log density at an array of t within the table, and bounds on its errors.
    ends : array
        First division into panels, ascending: from it the table's range.
    mass : float
        What it integrates to; the rest lies at lambda = 0.
    hard_edge_exponent : float
        a > 0, where the density falls like e^(a t) below the table; inf if it falls faster; 0 if it is not known
        there, but for its mass, which is what `mass` leaves: densities and quantiles below the table are nan.
    power_tail : PowerTail
        Of exponent b > 0: above the table the density falls like e^(-b t).
    missing : float
        How far the integral may be off. If it is by more than 1e-9, the mass below the table makes up for it, or
        else all of the density by a factor.

    Attributes
    ----------
    mismatch : float
        How far the integral was off, relatively: part of the errors of densities.

    Raises
    ------
    ConvergenceError
        If the log density is not smooth, or the table does not hold the mass.
    """

    def __init__(
        self,
        log_density: LogDensity,
        ends: Floats,
        mass: float,
        hard_edge_exponent: float,
        power_tail: PowerTail,
        missing: float = MISSING,
    ) -> None:
        self.intervals = np.array([[-np.inf, np.inf]])
        self.atoms = np.empty((0, 2))
        self.zero_mass = max(0.0, 1.0 - mass)
        self.hard_edge_exponent = hard_edge_exponent
        self.power_tail = power_tail
        self._ends, self._logs, self._errors = _panels(log_density, ends)
        self.known_from = -math.inf if hard_edge_exponent > 0.0 else float(self._ends[0])
        self._half = 0.5 * np.diff(self._ends)
        self._masses = self._integrals()
        inside = self._masses[:, -1] if self._masses.size else np.zeros(0)
        above = self.density(self._ends[-1:])[0] / power_tail.exponent
        if hard_edge_exponent > 0.0:
            below = self.density(self._ends[:1])[0] / hard_edge_exponent
        else:
            below = mass - inside.sum() - above
        found = below + inside.sum() + above
        if not (abs(found - mass) <= missing and below >= 0.0):
            raise ConvergenceError(f"the density of log lambda integrates to {found:.9g}, not to {mass:.9g}")
        if abs(found - mass) > MISSING and below > found - mass:
            below -= found - mass
        elif abs(found - mass) > MISSING:
            factor = mass / found
            self._logs[:, 0] += math.log(factor)
            self._masses *= factor
            inside, below, above = inside * factor, below * factor, above * factor
        self.mismatch = abs(found / mass - 1.0)
        self._below = below + np.concatenate([[0.0], np.cumsum(inside)])
        self._above = above + np.concatenate([np.cumsum(inside[::-1])[::-1], [0.0]])

    def _integrals(self) -> Floats:
        """Chebyshev series of the mass from the low end of each panel, a row each, and its total in the last column."""
        x = np.cos(math.pi * (np.arange(MASS_DEGREE + 1) + 0.5) / (MASS_DEGREE + 1))
        densities = np.exp(np.polynomial.chebyshev.chebval(x, self._logs.T))
        series = np.polynomial.chebyshev.chebint(_chebyshev(densities).T, lbnd=-1.0).T * self._half[:, None]
        return np.column_stack([series, series.sum(axis=1)])

    def _place(self, t: Floats) -> tuple[Integers, Floats]:
        """Panel of each t, and its place there in [-1, 1]; outside the table the nearest end."""
        held = np.clip(t, self._ends[0], self._ends[-1])
        panel = np.clip(np.searchsorted(self._ends, held, side="right") - 1, 0, self._half.size - 1)
        return panel, np.clip((held - self._ends[panel]) / self._half[panel] - 1.0, -1.0, 1.0)

    def _known(self, t: Floats) -> Floats:
        """t, or nan where nothing but the mass is known; what rounding alone took below that is put back."""
        if self.is_complete:
            return t
        lowest = self.known_from - SNAP * max(1.0, abs(self.known_from))
        return np.where(t < lowest, np.nan, np.maximum(t, self.known_from))

    def log_density(self, t: Floats) -> Floats:
        t = self._known(t)
        panel, x = self._place(t)
        inside = _series_at(self._logs[panel], x)
        low, high = np.maximum(self._ends[0] - t, 0.0), np.maximum(t - self._ends[-1], 0.0)
        with np.errstate(invalid="ignore"):
            fall = np.where(low > 0.0, self.hard_edge_exponent * low, 0.0)
            return np.where(np.isnan(t), np.nan, inside - fall - self.power_tail.exponent * high)

    def density(self, t: Floats) -> Floats:
        return np.exp(self.log_density(t))

    def mass_below(self, t: Floats) -> Floats:
        bottom, t = np.isneginf(t), self._known(t)
        panel, x = self._place(t)
        result = self._below[panel] + _series_at(self._masses[panel, :-1], x)
        low = t < self._ends[0]
        result[low] = self._below[0] * np.exp(-self.hard_edge_exponent * (self._ends[0] - t[low]))
        high = t > self._ends[-1]
        if high.any():
            result[high] = 1.0 - self.zero_mass - self.mass_above(t[high])
        return np.where(bottom, 0.0, np.where(np.isnan(t), np.nan, result))

    def mass_above(self, t: Floats) -> Floats:
        low = t < self._ends[0]
        below = self.mass_below(t[low])
        panel, x = self._place(t)
        result = self._above[panel + 1] + (self._masses[panel, -1] - _series_at(self._masses[panel, :-1], x))
        high = t > self._ends[-1]
        result[high] = self._above[-1] * np.exp(-self.power_tail.exponent * (t[high] - self._ends[-1]))
        result[low] = 1.0 - self.zero_mass - below
        return np.where(np.isnan(t), np.nan, result)

    def quantile(self, below: Floats, above: Floats) -> Floats:
        known = self.is_complete | (below >= self._below[0])
        t = np.full(below.shape, np.nan)
        t[known] = super().quantile(below[known], above[known])
        return t

    def density_error(self, t: Floats) -> tuple[Integers, Floats]:
        """The error of the density given, of its panels, and of the mass."""
        panel, _ = self._place(t)
        return self._with_bounds(t, self._errors[panel] + 4e-16 * np.abs(t))

    def _with_bounds(self, t: Floats, relative: Floats) -> tuple[Integers, Floats]:
        """Codes and bounds at t of densities with a relative error; code 1 where they are not known."""
        density = self.density(t)
        unknown = np.isnan(density)
        return unknown.astype(np.int64), np.where(unknown, np.inf, density * (relative + self.mismatch))

    def knots(self, interval: int) -> Floats:
        return self._ends

    @property
    def nodes(self) -> tuple[Complexes, Complexes]:
        cells = np.column_stack([self._ends[:-1], self._ends[1:]])
        t, weights = gauss_legendre_cells(cells, GAUSS_POINTS)
        return t.astype(np.complex128), (weights * self.density(t)).astype(np.complex128)

    @property
    def tail(self) -> tuple[float, float]:
        return float(self._ends[0]), float(self._below[0])

    @property
    def upper_tail(self) -> tuple[float, float]:
        return float(self._ends[-1]), float(self._above[-1])


def _panels(log_density: LogDensity, ends: Floats) -> tuple[Floats, Floats, Floats]:
    """Ends of the panels, Chebyshev series of the log density, and bounds on its error.

    Panels are halved until the series ends, in rounding or in the errors of the values, and the density varies by
    e^FOLDS at most.
    """
    x = np.cos(math.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))
    low, high = ends[:-1].copy(), ends[1:].copy()
    done: list[tuple[Floats, Floats, Floats]] = []
    for _ in range(LEVELS):
        t = 0.5 * (low + high)[:, None] + 0.5 * (high - low)[:, None] * x
        values, errors = (part.reshape(t.shape) for part in log_density(t.ravel()))
        if not np.isfinite(values).all():
            raise ConvergenceError("the density of log lambda could not be had everywhere")
        series = _chebyshev(values)
        rough = np.abs(series[:, -3:]).max(axis=1)
        scale = 1.0 + np.abs(values).max(axis=1)
        smooth = (rough <= ROUGHNESS * scale + errors.max(axis=1)) | (high - low < SHORTEST)
        good = smooth & (np.ptp(values, axis=1) <= FOLDS)
        done.append((low[good], series[good], (4.0 * rough + errors.max(axis=1))[good]))
        middle = 0.5 * (low + high)[~good]
        if not middle.size:
            starts = np.concatenate([part for part, _, _ in done])
            order = np.argsort(starts)
            return (
                np.append(starts[order], ends[-1]),
                np.concatenate([part for _, part, _ in done])[order],
                np.concatenate([part for _, _, part in done])[order],
            )
        low, high = np.concatenate([low[~good], middle]), np.concatenate([middle, high[~good]])
    raise ConvergenceError("the density of log lambda is not smooth")


def _chebyshev(values: Floats) -> Floats:
    """Chebyshev series of functions given at the Chebyshev points of the first kind, shape (functions, terms)."""
    count = values.shape[1]
    angles = math.pi * (np.arange(count) + 0.5) / count
    series: Floats = 2.0 / count * values @ np.cos(np.multiply.outer(angles, np.arange(count)))
    series[:, 0] *= 0.5
    return series


def _series_at(series: Floats, x: Floats) -> Floats:
    """Row i of `series` at x[i], by Clenshaw's recurrence."""
    later, last = np.zeros(x.shape), np.zeros(x.shape)
    for column in series[:, :0:-1].T:
        later, last = last, column + 2.0 * x * last - later
    result: Floats = series[:, 0] + x * last - later
    return result
