"""Laws known in closed form, with the methods of every other law: an independent check of the solver.

Marchenko-Pastur and Fuss-Catalan are written in an angle phi that runs from 0 at the top edge; the density of
log lambda and the masses on both sides are elementary in phi. No functional equation is solved for them.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rmtjac.errors import check_choice
from rmtjac.model.checks import checked_integer, checked_number
from rmtjac.model.gates import GateLaw
from rmtjac.theory.equation_spectrum import EquationSpectrum
from rmtjac.theory.gate_tables import gate_tables
from rmtjac.theory.master_equation import Equation
from rmtjac.theory.spectral_law import SpectralLaw
from rmtjac.theory.spectrum import Spectrum, gauss_legendre_cells

__all__ = ["critical_depth_limit", "fuss_catalan", "marchenko_pastur"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]

BISECTIONS = 110
SMALLEST_LOG_ANGLE = -745.0
LAST_LOG_ANGLE = 690.0


def marchenko_pastur(ratio: float, sigma: float = 1.0) -> SpectralLaw:
    """Law of W W^T for W with rows/columns = `ratio` and independent entries of variance sigma^2/columns.

    Parameters
    ----------
    ratio, sigma : finite numbers > 0

    Raises
    ------
    ValueError
        Outside that range.
    """
    ratio, sigma = checked_number("ratio", ratio), checked_number("sigma", sigma)
    return SpectralLaw(_MarchenkoPastur(ratio, sigma), f"Marchenko-Pastur, ratio {ratio:g}")


def fuss_catalan(depth: int) -> SpectralLaw:
    """Law of J J^T for a product of `depth` square matrices with independent entries of variance 1/width.

    Moments C((L+1)k, k)/(Lk+1); THEORY.md section 2, "Exact laws".

    Raises
    ------
    ValueError
        Unless depth is an integer >= 1.
    """
    depth = checked_integer("depth", depth, 1)
    return SpectralLaw(_FussCatalan(depth), f"Fuss-Catalan, depth {depth}")


def critical_depth_limit(variance: float, gates: str = "smooth") -> SpectralLaw:
    """Limit of infinite depth for Haar weights at criticality (sigma_w^2 mu_1 = 1), mean 1.

    Parameters
    ----------
    variance : number > 0
        s^2 = L (mu_2/mu_1^2 - 1), kept fixed while L grows; it is the variance of the law.
    gates : "smooth" or "hard"
        Gates that concentrate near 1, or gates 0 and 1 with P(0) = s^2/L (then an atom 1 - s^2 at e^{s^2} if
        s < 1). THEORY.md section 2, "Depth limits at criticality".

    Raises
    ------
    ValueError
        For any other argument.
    """
    check_choice("gates", gates, ("smooth", "hard"))
    variance = checked_number("variance", variance)
    hard = gates == "hard"
    none = np.empty(0)
    equation = Equation(
        gates=gate_tables([GateLaw(np.ones(1), np.ones(1), 0.0)]),
        counts=np.ones(1),
        excess=np.zeros(1),
        excess_error=np.zeros(1),
        plain_counts=none,
        plain_excess=none,
        plain_excess_error=none,
        input_excess=0.0,
        input_excess_error=0.0,
        haar=True,
        drift=0.0 if hard else float(variance),
        hard_drift=float(variance) if hard else 0.0,
        log_scale=0.0,
        sides=np.empty((0, 2)),
    )
    atoms = np.array([[variance, 1.0 - variance]]) if hard and variance < 1.0 else np.empty((0, 2))
    return SpectralLaw(
        EquationSpectrum(equation, atoms, 0.0, 0.0 if hard else 1.0),
        f"depth limit, {gates} gates, variance {variance:g}",
    )


class _AngleSpectrum(Spectrum):
    """A law on one interval given by an angle phi in (0, last), with psi = the distance to its end.

    Both angles are kept because each end needs its own digits; `psi_rate` is -d psi/d phi.
    """

    last: float
    psi_rate = 1.0
    layers = 1.0

    @abstractmethod
    def _log_lambda(self, phi: Floats, psi: Floats) -> Floats:
        """log lambda; decreasing in phi."""

    @abstractmethod
    def _slope(self, phi: Floats, psi: Floats) -> Floats:
        """d log lambda / d phi."""

    @abstractmethod
    def _density(self, phi: Floats, psi: Floats) -> Floats:
        """Density of log lambda."""

    @abstractmethod
    def _masses(self, phi: Floats, psi: Floats) -> tuple[Floats, Floats]:
        """Mass above and below, the mass at 0 left out."""

    def _angles(self, from_top: Floats) -> tuple[Floats, Floats]:
        """phi and psi of y: y > 0 is -log of phi/(last/2), y < 0 is log of psi/(its value there)."""
        small = 0.5 * self.last * np.exp(-np.abs(from_top))
        phi = np.where(from_top > 0.0, small, self.last - small)
        return phi, self.psi_rate * np.where(from_top > 0.0, self.last - small, small)

    def _locate(self, t: Floats) -> tuple[Floats, Floats]:
        """Angles of t inside the support, by bisection in the log of the smaller angle."""
        low = np.full(t.shape, SMALLEST_LOG_ANGLE)
        high = -low
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            below = self._log_lambda(*self._angles(middle)) < t
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return self._angles(0.5 * (low + high))

    def _inside(self, t: Floats) -> npt.NDArray[np.bool_]:
        low, high = self.intervals[0]
        inside: npt.NDArray[np.bool_] = (t > low) & (t < high)
        return inside

    def density(self, t: Floats) -> Floats:
        inside = self._inside(t)
        result = np.where(np.isnan(t), np.nan, 0.0)
        result[inside] = self._density(*self._locate(t[inside]))
        return result

    def log_density(self, t: Floats) -> Floats:
        # far down a hard edge the angle underflows, and the density is a pure exponential
        start = self._log_lambda(*self._angles(np.array([-LAST_LOG_ANGLE])))[0]
        held = np.maximum(t, start) if np.isneginf(self.intervals[0, 0]) else t
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(t < held, (t - held) * self.hard_edge_exponent, 0.0)
            return np.asarray(np.log(self.density(held)) + slope)

    def _mass(self, t: Floats, side: int, below: float, above: float) -> Floats:
        inside = self._inside(t)
        result = np.where(np.isnan(t), np.nan, np.where(t <= self.intervals[0, 0], below, above))
        result[inside] = self._masses(*self._locate(t[inside]))[side]
        return result

    def mass_above(self, t: Floats) -> Floats:
        return self._mass(t, 0, 1.0 - self.zero_mass, 0.0)

    def mass_below(self, t: Floats) -> Floats:
        return self._mass(t, 1, 0.0, 1.0 - self.zero_mass)

    def density_error(self, t: Floats) -> tuple[Integers, Floats]:
        """Rounding of t and the edges, through the square root at an edge."""
        rounding = 1e-15 * self.layers * (8.0 + np.abs(t))
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.abs(self.intervals - t[:, None]).min(axis=1)
            inside = self.density(t) * rounding * (1.0 + 1.0 / distance)
        # within rounding of an edge: what the square root makes of it
        near = distance <= rounding
        bound = np.where(self._inside(t) & ~near, inside, 0.0)
        bound[near] = 2.0 * self.density(self._pushed_in(t[near], 4.0 * rounding[near]))
        bound[np.isnan(t)] = np.nan
        return np.isnan(t).astype(np.int64), bound

    def _pushed_in(self, t: Floats, step: Floats) -> Floats:
        """t moved by `step` away from the nearer edge, into the support."""
        low, high = self.intervals[0]
        inside: Floats = np.where(np.abs(t - low) < np.abs(t - high), low + step, high - step)
        return inside

    def knots(self, interval: int) -> Floats:
        y = np.linspace(-40.0, 40.0, 401)
        t = self._log_lambda(*self._angles(y))
        low, high = self.intervals[0]
        return np.unique(t[(t > low) & (t < high)])

    @cached_property
    def nodes(self) -> tuple[Complexes, Complexes]:
        """Gauss-Legendre in the log of the smaller angle."""
        y = np.linspace(-50.0, 50.0, 801)
        points, weights = gauss_legendre_cells(np.column_stack([y[:-1], y[1:]]))
        phi, psi = self._angles(points)
        rate = -np.minimum(phi, psi / self.psi_rate) * self._slope(phi, psi)
        values = weights * rate * self._density(phi, psi)
        return self._log_lambda(phi, psi).astype(np.complex128), values.astype(np.complex128)

    @cached_property
    def tail(self) -> tuple[float, float]:
        if np.isfinite(self.intervals[0, 0]):
            return 0.0, 0.0
        end = self._log_lambda(*self._angles(np.array([-50.0])))
        return float(end[0]), float(self.mass_below(end)[0])


class _MarchenkoPastur(_AngleSpectrum):
    """lambda = sigma^2 (1 + r + 2 sqrt(r) cos phi), density of log lambda sin(phi)/(pi sqrt(r))."""

    last = math.pi

    def __init__(self, ratio: float, sigma: float) -> None:
        self.ratio, self.root, self.scale = ratio, math.sqrt(ratio), 2.0 * math.log(sigma)
        low = 2.0 * math.log(abs(1.0 - ratio) / (1.0 + self.root)) if ratio != 1.0 else -math.inf
        self.intervals = np.array([[low, 2.0 * math.log1p(self.root)]]) + self.scale
        self.atoms = np.empty((0, 2))
        self.zero_mass = max(0.0, 1.0 - 1.0 / ratio)
        self.hard_edge_exponent = 0.5 if ratio == 1.0 else math.nan

    def _log_lambda(self, phi: Floats, psi: Floats) -> Floats:
        upper = (1.0 + self.root) ** 2 - 4.0 * self.root * np.sin(0.5 * phi) ** 2
        lower = ((1.0 - self.ratio) / (1.0 + self.root)) ** 2 + 4.0 * self.root * np.sin(0.5 * psi) ** 2
        # at the hard edge of a square matrix the angle may underflow
        with np.errstate(divide="ignore"):
            return self.scale + np.log(np.where(phi < psi, upper, lower))

    def _slope(self, phi: Floats, psi: Floats) -> Floats:
        sine = np.sin(np.minimum(phi, psi))
        return -2.0 * self.root * sine * np.exp(self.scale - self._log_lambda(phi, psi))

    def _density(self, phi: Floats, psi: Floats) -> Floats:
        return np.sin(np.minimum(phi, psi)) / (math.pi * self.root)

    def _masses(self, phi: Floats, psi: Floats) -> tuple[Floats, Floats]:
        r, s = self.ratio, self.root
        gap, total = abs(1.0 - r) / (1.0 + s), 1.0 + s
        sine = 2.0 * s * np.sin(np.minimum(phi, psi))
        upper = (
            (1.0 + r) * phi
            - sine
            - 2.0 * abs(1.0 - r) * np.arctan2(gap * np.sin(phi / 2), total * np.cos(phi / 2))
        )
        lower = (
            (1.0 + r) * psi
            + sine
            - 2.0 * abs(1.0 - r) * np.arctan2(total * np.sin(psi / 2), gap * np.cos(psi / 2))
        )
        return upper / (2.0 * math.pi * r), lower / (2.0 * math.pi * r)


class _FussCatalan(_AngleSpectrum):
    """1 + w = (sin (L+1)phi / sin L phi) e^{-i phi}, 0 < phi < pi/(L+1)."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.last = math.pi / (depth + 1)
        self.psi_rate = self.layers = depth + 1.0
        top = (depth + 1) * math.log1p(1.0 / depth) + math.log(depth)
        self.intervals = np.array([[-math.inf, top]])
        self.atoms = np.empty((0, 2))
        self.zero_mass = 0.0
        self.hard_edge_exponent = 1.0 / (depth + 1)

    def _sines(self, phi: Floats, psi: Floats) -> tuple[Floats, Floats, Floats]:
        """sin phi, sin L phi, sin (L+1) phi = sin psi, psi = pi - (L+1) phi."""
        return (
            np.sin(phi),
            np.sin(np.minimum(self.depth * phi, psi + phi)),
            np.sin(np.minimum((self.depth + 1) * phi, psi)),
        )

    def _log_lambda(self, phi: Floats, psi: Floats) -> Floats:
        one, many, more = self._sines(phi, psi)
        return (self.depth + 1) * np.log(more / many) + np.log(many / one)

    def _slope(self, phi: Floats, psi: Floats) -> Floats:
        one, many, more = self._sines(phi, psi)
        ell = self.depth
        return -((ell + 1) ** 2) * np.cos(psi) / more - ell**2 * np.cos(ell * phi) / many - np.cos(phi) / one

    def _density(self, phi: Floats, psi: Floats) -> Floats:
        one, many, more = self._sines(phi, psi)
        return one * more / (math.pi * many)

    def _masses(self, phi: Floats, psi: Floats) -> tuple[Floats, Floats]:
        one, many, more = self._sines(phi, psi)
        density = one * more / many
        # the angle of -w is psi
        return ((self.depth + 1) * phi - self.depth * density) / math.pi, (
            psi + self.depth * density
        ) / math.pi
