"""What every law provides in the variable t = log lambda, and what follows from it: quantiles and averages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["SNAP", "AtomicSpectrum", "PowerTail", "Spectrum", "gauss_legendre_cells"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]

MAX_QUANTILE_STEPS = 200
SNAP = 5e-16  # relative distance in log lambda at which a point counts as lying on an atom or an edge


def gauss_legendre_cells(cells: Floats, order: int = 12) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss-Legendre quadrature on cells (n, 2), one after the other."""
    points, weights = np.polynomial.legendre.leggauss(order)
    half = 0.5 * (cells[:, 1] - cells[:, 0])
    middle = 0.5 * (cells[:, 1] + cells[:, 0])
    return (middle[:, None] + half[:, None] * points).ravel(), (half[:, None] * weights).ravel()


@dataclass(frozen=True)
class PowerTail:
    """The mass above t = log lambda for large t: constant t^logarithms e^(-exponent t)."""

    exponent: float
    logarithms: int = 0
    constant: float = np.nan  # not known


class Spectrum(ABC):
    """A law of log lambda: a continuous part on intervals, atoms, and a mass at lambda = 0.

    Attributes
    ----------
    intervals : array (K, 2)
        Ends of the continuous part in log lambda, ascending; the first low end may be -inf.
    atoms : array (n, 2)
        Log location and mass of the atoms at lambda > 0, ascending.
    zero_mass : float
        Mass at lambda = 0.
    hard_edge_exponent : float
        a, where the density of log lambda vanishes like e^(a t) at t = -inf; nan without a hard edge.
    power_tail : PowerTail
        How the mass above t vanishes at t = inf; its exponent is inf for bounded laws.
    known_from : float
        Log lambda below which only the mass is known: density, masses and quantiles are nan there.
    """

    intervals: Floats
    atoms: Floats
    zero_mass: float
    hard_edge_exponent: float
    power_tail: PowerTail = PowerTail(np.inf)
    known_from: float = -np.inf

    @property
    def is_complete(self) -> bool:
        """Whether more than the mass is known everywhere."""
        return bool(np.isneginf(self.known_from))

    @abstractmethod
    def density(self, t: Floats) -> Floats:
        """Density of log lambda at t (continuous part)."""

    @abstractmethod
    def log_density(self, t: Floats) -> Floats:
        """Natural log of `density`; finite wherever the true value is."""

    @abstractmethod
    def mass_below(self, t: Floats) -> Floats:
        """Mass with log lambda <= t, the mass at lambda = 0 left out; 0 at t = -inf, known below or not."""

    @abstractmethod
    def mass_above(self, t: Floats) -> Floats:
        """Mass with log lambda > t."""

    @abstractmethod
    def density_error(self, t: Floats) -> tuple[Integers, Floats]:
        """Code (0 = certified) and a bound on the absolute error of `density`."""

    @abstractmethod
    def knots(self, interval: int) -> Floats:
        """Ascending t that divide the inside of an interval into cells of moderate mass."""

    @property
    @abstractmethod
    def nodes(self) -> tuple[Complexes, Complexes]:
        """Nodes t and weights v: the integral of an analytic f over the continuous part is Re sum v f(t).

        Only from `known_from` on: the rest is `tail`.
        """

    @property
    def tail(self) -> tuple[float, float]:
        """Where `nodes` stop on a hard edge, and the mass below; it falls like e^(hard_edge_exponent t) if known."""
        return 0.0, 0.0

    @property
    def upper_tail(self) -> tuple[float, float]:
        """Where `nodes` stop on an infinite tail, and the mass above."""
        return 0.0, 0.0

    @property
    def ends(self) -> tuple[float, float]:
        """Smallest and largest log lambda of the law, -inf where lambda = 0 belongs to it."""
        places = np.concatenate([self.intervals.ravel(), self.atoms[:, 0]])
        low = -np.inf if self.zero_mass > 0.0 else float(places.min())
        return low, float(places.max(initial=-np.inf))

    def quantile(self, below: Floats, above: Floats) -> Floats:
        """t with mass `below` below it and `above` above it (both given, so that neither tail loses digits).

        The mass at lambda = 0 is left out of `below`. At an atom, and where a gap leaves a choice, the smallest t.
        """
        places = np.concatenate([self.intervals[:, 1], self.atoms[:, 0]])
        order = np.argsort(places)
        piece = order[np.searchsorted(self.mass_below(places[order]), below).clip(0, places.size - 1)]
        for j, (place, mass) in enumerate(self.atoms, start=len(self.intervals)):
            # an atom may lie inside an interval, of which a part is below it
            around = np.flatnonzero((self.intervals[:, 0] < place) & (place < self.intervals[:, 1]))
            if around.size:
                piece[(piece == j) & (below <= self.mass_below(np.array([place]))[0] - mass)] = around[0]
        t: Floats = places[piece]
        for k in range(len(self.intervals)):
            inside = piece == k
            if inside.any():
                t[inside] = self._quantile_inside(k, below[inside], above[inside])
        return t

    def _bracket(self, k: int, below: Floats, above: Floats) -> tuple[Floats, Floats]:
        """Neighbouring knots of interval k with the targets between them; a hard edge or tail is followed out."""
        low, high = max(self.intervals[k, 0], self.known_from), self.intervals[k, 1]
        knots = self.knots(k)
        if np.isneginf(low):
            reach = 1.0
            while self.mass_below(knots[:1] - reach)[0] > below.min() and reach < 1e300:
                reach *= 2.0
            low = knots[0] - reach
        if np.isposinf(high):
            reach = 1.0
            while self.mass_above(knots[-1:] + reach)[0] > above.min() and reach < 1e300:
                reach *= 2.0
            high = knots[-1] + reach
        knots = np.concatenate([[low], knots, [high]])
        place = np.searchsorted(self.mass_below(knots), below).clip(1, knots.size - 1)
        return knots[place - 1], knots[place]

    def _quantile_inside(self, k: int, below: Floats, above: Floats) -> Floats:
        """Safeguarded Newton for log(mass) = log(target), on the side with the smaller mass."""
        left, right = self._bracket(k, below, above)
        lower = below < above
        target = np.where(lower, below, above)
        t = 0.5 * (left + right)
        active = np.arange(t.size)
        for _ in range(MAX_QUANTILE_STEPS):
            here, side, goal = t[active], lower[active], target[active]
            mass = np.where(side, self.mass_below(here), self.mass_above(here))
            too_low = (mass < goal) == side
            left[active[too_low]] = here[too_low]
            right[active[~too_low]] = here[~too_low]
            with np.errstate(divide="ignore", invalid="ignore"):
                step = np.log(mass / goal) * mass / self.density(here) * np.where(side, -1.0, 1.0)
            done = np.abs(step) <= 4e-16 * np.abs(here)
            trial = here + step
            inside = (trial > left[active]) & (trial < right[active])
            halfway = 0.5 * (left[active] + right[active])
            t[active] = np.where(done, here, np.where(inside, trial, halfway))
            active = active[~done & (t[active] != here)]
            if not active.size:
                break
        return t


class AtomicSpectrum(Spectrum):
    """Atoms alone.

    Parameters
    ----------
    atoms : array (n, 2)
        Log location and mass, ascending.
    zero_mass : float
    """

    def __init__(self, atoms: Floats, zero_mass: float) -> None:
        self.intervals = np.empty((0, 2))
        self.atoms = atoms
        self.zero_mass = zero_mass
        self.hard_edge_exponent = np.nan

    def density(self, t: Floats) -> Floats:
        return np.zeros(t.shape)

    def log_density(self, t: Floats) -> Floats:
        return np.full(t.shape, -np.inf)

    def mass_below(self, t: Floats) -> Floats:
        return np.where(np.isnan(t), np.nan, self._is_below(t) @ self.atoms[:, 1])

    def mass_above(self, t: Floats) -> Floats:
        return np.where(np.isnan(t), np.nan, ~self._is_below(t) @ self.atoms[:, 1])

    def _is_below(self, t: Floats) -> npt.NDArray[np.bool_]:
        """Which atoms are at or below each t, up to rounding, shape (t.size, n)."""
        reach = t + SNAP * np.clip(np.abs(t), 1.0, 1e300)
        below: npt.NDArray[np.bool_] = self.atoms[:, 0] <= reach[:, None]
        return below

    def density_error(self, t: Floats) -> tuple[Integers, Floats]:
        return np.zeros(t.shape, dtype=np.int64), np.zeros(t.shape)

    def knots(self, interval: int) -> Floats:
        return np.empty(0)

    @property
    def nodes(self) -> tuple[Complexes, Complexes]:
        return np.empty(0, dtype=np.complex128), np.empty(0, dtype=np.complex128)

    def stieltjes(self, z: Complexes) -> Complexes:
        """f(z) = sum of mass/(location - z)."""
        places, masses = np.exp(self.atoms[:, 0]), self.atoms[:, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            poles = (masses / (places - z[:, None])).sum(axis=1)
            return np.asarray(poles - self.zero_mass / z if self.zero_mass > 0.0 else poles)
