"""The law of the spectrum as a user sees it: density, distribution, quantiles, moments, atoms and edges.

One object, four variables: `law.of("singular_values")` and the like are views of the same law. Everything is
computed in t = log lambda; a view is x = e^(t/power) or x = t/power.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from rmtjac.errors import UnsupportedError, check_choice
from rmtjac.theory.averages import (
    average,
    exponential_moment,
    log_deviation,
    power_moment,
    relative_deviation,
)
from rmtjac.theory.spectrum import Spectrum

__all__ = ["SpectralLaw", "Status"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

SMALL = 1e-290
VARIABLES = ("eigenvalues", "singular_values", "log_eigenvalues", "log_singular_values")


class _Transforms(Protocol):
    """A spectrum with analytic transforms."""

    def stieltjes(self, z: Complexes) -> Complexes: ...

    def s_transform(self, w: Floats) -> Floats: ...


@dataclass(frozen=True, kw_only=True)
class Status:
    """How good each density is.

    Attributes
    ----------
    code : int array
        0 where the value is certified (outside the support too), 1 where there is none (it is nan): no root was
        found, or only the mass is known there (`SpectralLaw.known_from`).
    bound : array
        Bound on the absolute error of `pdf`; inf where only the mass is known.
    """

    code: npt.NDArray[np.int64]
    bound: Floats


def _shaped(values: npt.NDArray[Any], like: Floats) -> Any:
    """`values` in the shape of `like`; a scalar for a scalar."""
    return values.reshape(like.shape)[()]


class SpectralLaw:
    """A limiting spectral law: what the eigenvalues of J J^T tend to at infinite width.

    Made by `spectral_law`, `stable_product_law`, `marchenko_pastur`, `fuss_catalan`, `critical_depth_limit`. All
    methods take scalars or arrays of any shape and return the same. `pdf` is the continuous part; `cdf`, `sf`,
    `ppf`, `rvs` and the moments include the atoms. What is not known is nan: some laws are known only from a small x
    on (`known_from`), and below it by their mass.

    Attributes
    ----------
    name : str
        What the law is the law of.
    variable : str
        "eigenvalues" (default), "singular_values", "log_eigenvalues" or "log_singular_values".
    """

    def __init__(self, spectrum: Spectrum, name: str, variable: str = "eigenvalues") -> None:
        check_choice("variable", variable, VARIABLES)
        self._spectrum = spectrum
        self.name = name
        self.variable = variable
        self._is_log = variable.startswith("log_")
        self._power = 2.0 if variable.endswith("singular_values") else 1.0

    def __repr__(self) -> str:
        return f"SpectralLaw({self.name}, {self.variable})"

    def of(self, variable: str) -> SpectralLaw:
        """The same law in another variable.

        Parameters
        ----------
        variable : "eigenvalues", "singular_values", "log_eigenvalues" or "log_singular_values"
        """
        return SpectralLaw(self._spectrum, self.name, variable)

    @property
    def tail_index(self) -> float:
        """a where P(X > x) falls like x^-a, up to powers of log x, at infinity; in a log variable like e^(-a x).

        inf for bounded laws. Moments of order a and more are infinite.
        """
        return self._power * self._spectrum.power_tail.exponent

    @property
    def tail_logarithms(self) -> int:
        """k where P(X > x) ~ `tail_constant` (log x)^k x^-`tail_index` at infinity; 0 for bounded laws.

        In a log variable P(X > x) ~ `tail_constant` x^k e^(-`tail_index` x).
        """
        return self._spectrum.power_tail.logarithms

    @property
    def tail_constant(self) -> float:
        """The factor of (log x)^k x^-a in P(X > x) at infinity; nan for bounded laws and where it is not known.

        With logarithms, k > 0, the tail comes near to it late: at a relative distance of order log(log x)/log x.
        Source: cauchy_networks.md section 3 for gates="network"; else THEORY.md section 3a for small a, b, p.
        """
        return self._power**self.tail_logarithms * self._spectrum.power_tail.constant

    # Between the variable x and t = log lambda

    def _points(self, x: npt.ArrayLike) -> tuple[Floats, Floats]:
        """x as an array, and t, flat; -inf for x = 0, nan for x < 0."""
        values = np.asarray(x, dtype=np.float64)
        flat = values.ravel()
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self._is_log:
                return values, self._power * flat
            return values, self._power * np.log(flat)

    def _values(self, t: Any) -> Any:
        """x of t = log lambda."""
        if self._is_log:
            return t / self._power
        with np.errstate(over="ignore"):
            return np.exp(t / self._power)

    # Densities

    def pdf(self, x: npt.ArrayLike) -> Any:
        """Density of the continuous part at x; 0 outside the support, inf at a hard edge where it diverges."""
        values, t = self._points(x)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            density = self._power * self._spectrum.density(t)
            if not self._is_log:
                flat = values.ravel()
                # of a density that underflows in log lambda the quotient need not
                small = (density < SMALL) & (flat > 0.0) & (flat < SMALL)
                density = np.where(flat == 0.0, self._density_at_zero(), density / flat)
                density[small] = np.exp(np.asarray(self.logpdf(flat[small])))
                density[flat < 0.0] = 0.0
        return _shaped(density, values)

    def _density_at_zero(self) -> float:
        """Limit of the density of x at x = 0; nan if not known."""
        if not self._spectrum.is_complete:
            return math.nan
        exponent = self._power * self._spectrum.hard_edge_exponent
        if math.isnan(exponent) or exponent > 1.0:
            return 0.0
        if exponent < 1.0:
            return math.inf
        smallest = 1e-300
        return float(
            self._power * self._spectrum.density(np.array([self._power * math.log(smallest)]))[0] / smallest
        )

    def logpdf(self, x: npt.ArrayLike) -> Any:
        """Natural log of `pdf`, finite also where the density itself over- or underflows."""
        values, t = self._points(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            result = math.log(self._power) + self._spectrum.log_density(t)
            if not self._is_log:
                flat = values.ravel()
                result = np.where(flat == 0.0, np.log(self._density_at_zero()), result - np.log(flat))
                result[flat < 0.0] = -np.inf
        return _shaped(result, values)

    def status(self, x: npt.ArrayLike) -> Status:
        """Code and error bound of `pdf` at each x."""
        values, t = self._points(x)
        code, bound = self._spectrum.density_error(t)
        bound *= self._power
        if not self._is_log:
            flat = values.ravel()
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                bound = np.where(bound > 0.0, bound / flat, bound)
            # below 0 there is nothing, and at 0 the limit is known, or nothing
            sure = flat <= 0.0 if self._spectrum.is_complete else flat < 0.0
            code[sure], bound[sure] = 0, 0.0
        return Status(code=_shaped(code, values), bound=_shaped(bound, values))

    # Distribution

    def cdf(self, x: npt.ArrayLike) -> Any:
        """Mass at or below x, atoms included; right-continuous. Between 0 and `known_from` nan."""
        values, t = self._points(x)
        below = self._spectrum.zero_mass + self._spectrum.mass_below(t)
        return _shaped(self._negative(values, below, 0.0), values)

    def sf(self, x: npt.ArrayLike) -> Any:
        """Mass above x: 1 - cdf(x), with all its digits where it is small; nan between 0 and `known_from`."""
        values, t = self._points(x)
        return _shaped(self._negative(values, self._spectrum.mass_above(t), 1.0), values)

    def _negative(self, x: Floats, result: Floats, value: float) -> Floats:
        """`result`, with `value` where x < 0 lies below every eigenvalue."""
        return result if self._is_log else np.where(x.ravel() < 0.0, value, result)

    def ppf(self, u: npt.ArrayLike) -> Any:
        """Quantile: the smallest x with cdf(x) >= u; nan if below `known_from`, and unless 0 <= u <= 1."""
        values = np.asarray(u, dtype=np.float64)
        flat = values.ravel()
        inside = (flat >= 0.0) & (flat <= 1.0)
        t = np.full(flat.shape, np.nan)
        positive = inside & (flat > self._spectrum.zero_mass)
        t[inside & ~positive] = -np.inf
        t[positive] = self._spectrum.quantile(flat[positive] - self._spectrum.zero_mass, 1.0 - flat[positive])
        ends = self._spectrum.ends
        t[flat == 1.0] = ends[1]
        t[flat == 0.0] = ends[0]
        return _shaped(self._values(t), values)

    def rvs(self, size: int | tuple[int, ...] | None = None, rng: Any = None) -> Any:
        """Independent draws from the law (the eigenvalues of one matrix are not independent).

        Parameters
        ----------
        size : shape of the result; None for a scalar
        rng : None, int, SeedSequence or Generator

        Raises
        ------
        UnsupportedError
            If the law is not known everywhere (`known_from`).
        """
        if not self._spectrum.is_complete:
            share, _ = self._spectrum.mass_below(np.array([self._spectrum.known_from, -np.inf]))
            raise UnsupportedError(
                f"rvs of the law {self.name}: below {self.known_from:.4g} it has the mass {share:.4g}, of which no "
                "more is known; allowed are laws that are known everywhere, and sample_spectrum instead"
            )
        return self.ppf(np.random.default_rng(rng).random(size))

    # Averages

    def moment(self, k: float) -> float:
        """E x^k, atoms included; inf where it diverges or leaves the range of doubles, nan where it is not known.

        It is not where the mass below `known_from` counts.

        Parameters
        ----------
        k : any real number; an integer >= 0 for a log variable
        """
        if not self._is_log:
            return exponential_moment(self._spectrum, k / self._power)
        if not (math.isfinite(k) and k == int(k) and k >= 0):
            raise ValueError(f"k={k!r}: moments of {self.variable} need an integer k >= 0")
        return power_moment(self._spectrum, int(k)) / self._power ** int(k)

    def mean(self) -> float:
        """E x."""
        return self.moment(1)

    def var(self) -> float:
        """E (x - E x)^2, computed about the mean."""
        std, unit = self._relative_std()
        with np.errstate(over="ignore"):
            return float((std * np.float64(unit)) ** 2)

    def std(self) -> float:
        """Square root of `var`."""
        std, unit = self._relative_std()
        return std * unit

    def _relative_std(self) -> tuple[float, float]:
        """The standard deviation in a unit, and the unit: the top of the law, which alone may overflow."""
        if self._is_log:
            return log_deviation(self._spectrum), 1.0 / self._power
        unit = float(self._values(np.float64(self._spectrum.ends[1])))
        return relative_deviation(self._spectrum, 1.0 / self._power), unit

    def median(self) -> float:
        """ppf(1/2)."""
        return float(self.ppf(0.5))

    def interval(self, p: float) -> tuple[float, float]:
        """The central interval of mass p: quantiles (1 - p)/2 and (1 + p)/2."""
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"p={p!r}: must be between 0 and 1")
        return float(self.ppf(0.5 * (1.0 - p))), float(self.ppf(0.5 * (1.0 + p)))

    def log_moment(self, continuous_only: bool = False) -> float:
        """E log x (for log variables E x): -inf with an atom at 0, nan if the law is not known near 0.

        Parameters
        ----------
        continuous_only : leave out all atoms; the integral over the continuous part, not divided by its mass
        """
        if self._spectrum.zero_mass > 0.0 and not continuous_only:
            return -math.inf
        if not self._spectrum.is_complete:
            return math.nan
        if self._spectrum.hard_edge_exponent == 0.0:
            return -math.inf
        return average(self._spectrum, lambda t: t, atoms=not continuous_only) / self._power

    # Where the law lives

    @property
    def support(self) -> Floats:
        """Intervals of the continuous part, shape (n_intervals, 2); the empty law has shape (0, 2)."""
        return cast(Floats, self._values(self._spectrum.intervals))

    @property
    def known_from(self) -> float:
        """x from which on the law is known: 0, or -inf for log variables, where it is known everywhere.

        Of what lies between 0 and it only the mass is known, cdf(known_from) - cdf(0).
        """
        return float(self._values(self._spectrum.known_from))

    @property
    def edges(self) -> Floats:
        """Ends of the support, sorted, without a hard edge at lambda = 0."""
        ends = self._spectrum.intervals.ravel()
        return cast(Floats, self._values(np.sort(ends[np.isfinite(ends)])))

    @property
    def atoms(self) -> Floats:
        """Locations and masses of the atoms, shape (n, 2), ascending."""
        atoms = self._spectrum.atoms
        if self._spectrum.zero_mass > 0.0:
            atoms = np.vstack([[-np.inf, self._spectrum.zero_mass], atoms])
        return np.column_stack([self._values(atoms[:, 0]), atoms[:, 1]])

    def grid(self, points: int = 500, lowest: float = 1e-3) -> Floats:
        """Ascending x across the support for tables and plots, `points` an interval, dense at its edges.

        A hard edge at 0 starts at the quantile with the fraction `lowest` of the spectrum off 0 below it, or at
        `known_from`, and an infinite tail ends at the one with that fraction above it; then the points are spaced in
        log x.
        """
        zero = self._spectrum.zero_mass
        start = np.fmax(self.ppf(zero + lowest * (1.0 - zero)), self.known_from)
        if self._spectrum.power_tail.exponent < math.inf:
            end = self.ppf(1.0 - lowest * (1.0 - zero))
            return np.linspace(start, end, points) if self._is_log else np.geomspace(start, end, points)
        spacing = 0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, points))
        hard = -np.inf if self._is_log else 0.0
        pieces = [(start if low == hard else low, high) for low, high in self.support]
        return np.concatenate([np.empty(0), *(low + (high - low) * spacing for low, high in pieces)])

    # Transforms

    def _transforms(self, name: str) -> _Transforms:
        if self.variable != "eigenvalues":
            raise ValueError(f"{name} is that of the eigenvalues: use law.of('eigenvalues')")
        if not hasattr(self._spectrum, name):
            raise UnsupportedError(f"{name} is not available for the law {self.name}")
        return cast(_Transforms, self._spectrum)

    def stieltjes(self, z: npt.ArrayLike) -> Any:
        """f(z) = integral nu(dt)/(t - z), complex; on the support the limit from above. THEORY.md section 0."""
        values = np.asarray(z, dtype=np.complex128)
        return self._transforms("stieltjes").stieltjes(values.ravel()).reshape(values.shape)[()]

    def s_transform(self, w: npt.ArrayLike) -> Any:
        """S(w) = (1 + w)/(w z(w)) for real w > -(1 - mass at 0), w(z) = -1 - z f(z): multiplicative over layers."""
        values = np.asarray(w, dtype=np.float64)
        return _shaped(self._transforms("s_transform").s_transform(values.ravel()), values)
