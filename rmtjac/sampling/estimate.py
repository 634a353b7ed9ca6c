"""What stochastic Lanczos quadrature knows of a spectrum: density, moments, the top, each with its standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.model.checks import checked_array, checked_integer, checked_number

__all__ = ["Estimate", "SpectrumEstimate"]

Floats = NDArray[np.float64]

MAX_MOMENT = 1000
POINTS_AT_ONCE = 1024


class Estimate(NamedTuple):
    """A value and its standard error, floats or arrays."""

    value: Any
    standard_error: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class SpectrumEstimate:
    """The spectrum of J J^T of one network as a quadrature rule: sum of f over its n_L eigenvalues, divided by n_L.

    Each probe has a rule of its own, with weights of its own at nodes that all probes share. It is exact for
    polynomials of degree 2 steps - 1 in lambda, as far as this one probe goes; values are means over probes, and
    standard errors are the spread of the probes over sqrt(probes), nan for one probe. They are those of this network's
    spectrum; that networks differ is no part of them.

    Attributes
    ----------
    nodes : ndarray, shape (m,)
        Singular values at which the rules have their nodes, ascending, in units of 2^exponent.
    weights : ndarray, shape (probes, m)
        What the rules lack of 1 is at lambda = 0.
    exponent : int
        0 but for networks so deep that their products leave 2^-200 to 2^200.
    steps : int
        Block steps taken: as many as asked for, or fewer if all that is left to find is rounding.
    top : Estimate
        Largest singular value of this network, and what more steps would add to it: the increments of the last steps
        continued as a geometric series, the last one included; inf where they do not shrink yet, or before three
        steps. No randomness is in it: the value is too small by the error, never too large. With four probes or more
        the error errs on the safe side; with one or two, which may overlook the top for some steps, not always.
    rank : int
        min(n_0, open units of every layer): the number of eigenvalues that are not structural zeros.
    n : int
        n_L, the number of eigenvalues.
    q : ndarray, shape (L,)
        Mean squares of the pre-activations that set the gates.
    gate_fractions : ndarray, shape (L,)
        Fractions of units with phi' != 0.
    entropy : int
        The seed: `rng=entropy` gives the same estimate again, and replicate 0 of `sample_spectrum` the same network.
    metadata : dict
        Ensemble, gates, inputs, probes and steps, as JSON-able values.
    """

    nodes: Floats
    weights: Floats
    exponent: int
    steps: int
    top: Estimate
    rank: int
    n: int
    q: Floats
    gate_fractions: Floats
    entropy: int
    metadata: dict[str, Any]

    def __post_init__(self) -> None:
        for name in ("nodes", "weights", "q", "gate_fractions"):
            getattr(self, name).flags.writeable = False

    @property
    def zero_mass(self) -> float:
        """Fraction of structural zeros among the eigenvalues, exact."""
        return 1.0 - self.rank / self.n

    def moment(self, k: int) -> Estimate:
        """(1/n_L) Tr (J J^T)^k for k >= 0, zeros included; above k = 2 steps - 1 each probe's value is a lower bound.

        Raises
        ------
        ValueError, TypeError
            If k is no integer from 0 to 1000.
        """
        if checked_integer("k", k, 0, MAX_MOMENT) == 0:
            return Estimate(1.0, 0.0)
        with np.errstate(over="ignore", under="ignore"):
            moments = np.ldexp(self.weights @ self.nodes ** (2 * k), 2 * k * self.exponent)
        value, error = _over_probes(moments)
        return Estimate(float(value), float(error))

    def density(self, x: ArrayLike, width: float | None = None) -> Estimate:
        """Density of the eigenvalues that are not structural zeros, smoothed, in the shape of x.

        It is 0 for x <= 0, and integrates to 1 - zero_mass: the zeros are taken from the lowest nodes, because near 0
        Lanczos cannot tell them from small eigenvalues. Standard errors are those of the smoothed density.

        Parameters
        ----------
        x : array of finite numbers
            Eigenvalues lambda.
        width : float, optional
            Standard deviation of the Gaussian in sqrt(lambda), reflected at 0, by default top/steps: the narrowest that
            polynomials of degree 2 steps - 1 in lambda can follow, to about e^-8 of its peak.

        Raises
        ------
        ValueError, TypeError
            If x is not finite, `width` not a number from 1e-100 to 1e100, or the spectrum beyond the range of doubles.
        """
        points, top = checked_array("x", x), self.top.value
        if not self.nodes.any():
            return Estimate(np.zeros(points.shape)[()], np.zeros(points.shape)[()])
        if not 0.0 < top < math.inf:
            raise ValueError(f"density: the largest singular value is {top}, beyond the range of doubles")
        width = top / self.steps if width is None else checked_number("width", width)
        nodes, weights = np.ldexp(self.nodes, self.exponent), self._weights_off_zero()
        parts = np.array_split(points.ravel(), max(1, math.ceil(points.size / POINTS_AT_ONCE)))
        each = np.concatenate([_smoothed(part, nodes, weights, width) for part in parts], axis=1)
        value, error = _over_probes(each)
        return Estimate(value.reshape(points.shape)[()], error.reshape(points.shape)[()])

    def _weights_off_zero(self) -> Floats:
        """The weights from the largest node down, as far as the eigenvalues that are not structural zeros reach."""
        reached = np.cumsum(self.weights[:, ::-1], axis=1)
        kept = np.diff(np.minimum(reached, self.rank / self.n), axis=1, prepend=0.0)
        return kept[:, ::-1]


def _over_probes(values: Floats) -> tuple[Floats, Floats]:
    """Mean over axis 0 and its standard error."""
    count = len(values)
    if count == 1:
        return values[0], np.full(values.shape[1:], np.nan)
    with np.errstate(invalid="ignore", over="ignore"):
        return values.mean(axis=0), values.std(axis=0, ddof=1) / math.sqrt(count)


def _smoothed(x: Floats, nodes: Floats, weights: Floats, width: float) -> Floats:
    """Density of lambda at x for each probe, shape (probes, points), from a Gaussian in s = sqrt(lambda)."""
    s = np.sqrt(np.maximum(x, 0.0))[:, None]
    with np.errstate(over="ignore", under="ignore"):
        kernel = np.exp(-0.5 * ((s - nodes) / width) ** 2) + np.exp(-0.5 * ((s + nodes) / width) ** 2)
    slope = np.divide(0.5, s[:, 0], out=np.zeros(x.size), where=x > 0.0)  # ds/dlambda
    density: Floats = weights @ kernel.T * (slope / (width * math.sqrt(2.0 * math.pi)))
    return density
