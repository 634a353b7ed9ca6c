"""The smooth built-in activations: erf, tanh, sigmoid, gelu, silu, softplus, with their Gaussian moments.

Moments are closed forms (erf) or a closed form and the mean of an even function that decays in |h|, by a fixed
quadrature rule. The even functions come from the symmetry of each activation: with s(h) + s(-h) = 1 the mean of
s^2 is 1/2 - E s(h) s(-h). What is small is then computed as such, and nothing cancels at small or large q.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from rmtjac.model import smooth_functions
from rmtjac.model.quadrature import decaying_mean
from rmtjac.model.scalar_function import Activation, Interval, checked_variance

__all__ = ["SMOOTH", "SmoothActivation"]

Floats = NDArray[np.float64]
Tail = Callable[[Floats], Floats]

# extrema, moved outward by 3e-16 or less: the rounded values of the functions stay inside as well
GELU_MINIMUM = -0.16997120747990388
GELU_SLOPES = (-0.128904145185155, 1.1289041451851554)
SILU_MINIMUM = -0.27846454276107424
SILU_SLOPES = (-0.09983932012886702, 1.0998393201288676)
# below this h, tanh(h)/h is told from 1 by a series
SERIES_REACH = 1.0
ROUNDING = 8 * np.finfo(float).eps


class SmoothActivation(Activation):
    """A smooth activation whose functions `name`, `name`_derivative, `name`_log_derivative are in smooth_functions.

    `code` is the number by which kernels know it.
    """

    def __init__(self, name: str, code: int, image: Interval, slopes: Interval) -> None:
        value, derivative, self._log_derivative = (
            getattr(smooth_functions, name + kind) for kind in ("", "_derivative", "_log_derivative")
        )
        super().__init__(name, value, derivative, range=image, derivative_range=slopes)
        self.code = code

    def log_derivative(self, h: Any) -> tuple[Floats, Floats]:
        """log|phi'(h)| and the sign of phi'(h), in closed form: no underflow at any h."""
        logarithm, sign = self._log_derivative(h)
        return logarithm, sign


class Erf(SmoothActivation):
    """phi(h) = erf(sqrt(pi) h/2)."""

    def __init__(self) -> None:
        super().__init__("erf", 4, (-1.0, 1.0), (0.0, 1.0))

    def second_moment(self, q: float) -> float:
        """(2/pi) arcsin(pi q/(2 + pi q)) of THEORY.md section 1, as (4/pi) arctan(y)."""
        return 4.0 / math.pi * math.atan(_half_angle(checked_variance(q)))

    def derivative_moment(self, q: float) -> float:
        """mu_1 = 1/sqrt(1 + pi q)."""
        return 1.0 / math.sqrt(1.0 + math.pi * checked_variance(q))

    def deficit(self, q: float) -> float:
        """1 - E phi(h)^2/q = 1 - (1 - y)^2 arctan(y)/y, a sum of positive terms."""
        y = _half_angle(checked_variance(q))
        return y * (2.0 - y) + (1.0 - y) ** 2 * _arctangent_deficit(y)


class Tanh(SmoothActivation):
    """phi(h) = tanh h."""

    def __init__(self) -> None:
        super().__init__("tanh", 5, (-1.0, 1.0), (0.0, 1.0))

    def second_moment(self, q: float) -> float:
        """E tanh(h)^2 = 1 - E 1/cosh(h)^2."""
        if checked_variance(q) < 1.0:
            return q - q * self.deficit(q)
        return 1.0 - decaying_mean(smooth_functions.tanh_derivative, q)

    def derivative_moment(self, q: float) -> float:
        """mu_1 = E 1/cosh(h)^4."""
        return decaying_mean(lambda h: smooth_functions.tanh_derivative(h) ** 2, checked_variance(q))

    def deficit(self, q: float) -> float:
        """1 - E phi(h)^2/q, by quadrature of h^2 - tanh(h)^2 while that is below h^2/2."""
        if checked_variance(q) >= 1.0:
            return 1.0 - self.second_moment(q) / q
        scale = math.sqrt(q)
        return decaying_mean(lambda xi: xi**2 * _tanh_deficit(scale * xi), 1.0)


class Sigmoid(SmoothActivation):
    """phi(h) = 1/(1 + e^-h)."""

    def __init__(self) -> None:
        super().__init__("sigmoid", 6, (0.0, 1.0), (0.0, 0.25))

    def second_moment(self, q: float) -> float:
        """E phi(h)^2 = 1/2 - E phi'(h)."""
        return _mean_square_of_step(smooth_functions.sigmoid_tail, q)

    def derivative_moment(self, q: float) -> float:
        """mu_1 = E (phi(h) phi(-h))^2."""
        return decaying_mean(lambda h: smooth_functions.sigmoid_derivative(h) ** 2, checked_variance(q))


class HalfLinearAtInfinity(SmoothActivation):
    """An activation that tends to max(h, 0) on both sides: E phi(h)^2 = q/2 + `surplus`(q).

    Its derivative is a step, phi'(h) + phi'(-h) = 1, with values `derivative_tail` at h < 0.
    """

    def __init__(
        self, name: str, code: int, image: Interval, slopes: Interval, derivative_tail: Tail
    ) -> None:
        super().__init__(name, code, image, slopes)
        self._derivative_tail = derivative_tail

    def surplus(self, q: float) -> float:
        """E phi(h)^2 - q/2."""
        raise NotImplementedError

    def second_moment(self, q: float) -> float:
        """E phi(h)^2 = q/2 + surplus; inf at q = inf."""
        return 0.5 * checked_variance(q) + self.surplus(q)

    def derivative_moment(self, q: float) -> float:
        """mu_1 = 1/2 - E phi'(h) phi'(-h)."""
        return _mean_square_of_step(self._derivative_tail, q)

    def deficit(self, q: float) -> float:
        """1 - E phi(h)^2/q = 1/2 - surplus/q."""
        return 0.5 - self.surplus(q) / q

    def growth(self, q: float, sigma_w: float) -> float:
        """sigma_w^2 E phi(h)^2/q - 1; at sigma_w = sqrt(2), where it decays in q, all its digits are kept."""
        at_infinity = 0.5 * sigma_w**2 - 1.0
        if abs(at_infinity) <= ROUNDING:
            at_infinity = 0.0
        return at_infinity + sigma_w**2 * self.surplus(q) / q


class Gated(HalfLinearAtInfinity):
    """phi(h) = h s(h) with a step s, s(h) + s(-h) = 1, of values `tail` at h < 0: gelu and silu."""

    def __init__(
        self, name: str, code: int, minimum: float, slopes: Interval, tail: Tail, derivative_tail: Tail
    ) -> None:
        super().__init__(name, code, (minimum, math.inf), slopes, derivative_tail)
        self._tail = tail

    def surplus(self, q: float) -> float:
        """E phi(h)^2 - q/2 = -E h^2 s(h) s(-h), in [-q/4, 0]."""

        def lost(h: Floats) -> Floats:
            tail = self._tail(-h)
            return h * h * tail * (1.0 - tail)

        return -decaying_mean(lost, checked_variance(q))


class Softplus(HalfLinearAtInfinity):
    """phi(h) = log(1 + e^h)."""

    def __init__(self) -> None:
        super().__init__("softplus", 9, (0.0, math.inf), (0.0, 1.0), smooth_functions.sigmoid_tail)

    def surplus(self, q: float) -> float:
        """E phi(h)^2 - q/2 = E (|h| + t) t, t = log(1 + e^-|h|)."""

        def gained(h: Floats) -> Floats:
            tail = smooth_functions.softplus_tail(-h)
            return (h + tail) * tail

        return decaying_mean(gained, checked_variance(q))


def _mean_square_of_step(tail: Tail, q: float) -> float:
    """E s(h)^2 = 1/2 - E s(h) s(-h) for a step, s(h) + s(-h) = 1, with values `tail` at h < 0."""

    def lost(h: Floats) -> Floats:
        low = tail(-h)
        return low * (1.0 - low)

    return 0.5 - decaying_mean(lost, checked_variance(q))


def _half_angle(q: float) -> float:
    """y = (r - 1)/(r + 1) with r = sqrt(1 + pi q), in [0, 1]: the tangent of half the arcsine of THEORY.md."""
    r = math.sqrt(1.0 + math.pi * q)
    return math.pi * (q / (r + 1.0)) / (r + 1.0) if math.isfinite(r) else 1.0


def _arctangent_deficit(y: float) -> float:
    """1 - arctan(y)/y for 0 <= y <= 1, to 1e-16 of its size or of y."""
    if y > 0.1:
        return 1.0 - math.atan(y) / y
    return -sum((-y * y) ** k / (2 * k + 1) for k in range(1, 10))


def _tanh_deficit(h: Floats) -> Floats:
    """1 - (tanh h/h)^2 for h > 0, as (1 - r)(1 + r) with r = tanh(h)/h."""
    near, far = np.minimum(h, SERIES_REACH), np.maximum(h, SERIES_REACH)
    # h cosh h - sinh h = sum of 2k h^(2k+1)/(2k+1)!, all terms positive
    coefficients = [2 * k / math.factorial(2 * k + 1) for k in range(11)]
    short = np.polynomial.polynomial.polyval(near * near, coefficients) / np.cosh(near)
    gap = np.where(h < SERIES_REACH, short, 1.0 - np.tanh(far) / far)
    return gap * (2.0 - gap)


def _gelu_tail(a: Floats) -> Floats:
    """Phi(a); a function of this module and not ndtr itself, which pickle cannot find."""
    return np.asarray(ndtr(a))


def _gelu_derivative_tail(a: Floats) -> Floats:
    """Phi(a) + a g(a): faster than that of smooth_functions, and as good in a mean of order 1."""
    return np.asarray(ndtr(a) + a * np.exp(-0.5 * a * a) / math.sqrt(2 * math.pi))


def _gelu() -> Gated:
    return Gated("gelu", 7, GELU_MINIMUM, GELU_SLOPES, _gelu_tail, _gelu_derivative_tail)


def _silu() -> Gated:
    tails = smooth_functions.sigmoid_tail, smooth_functions.silu_derivative_tail
    return Gated("silu", 8, SILU_MINIMUM, SILU_SLOPES, *tails)


# the activations by name
SMOOTH: dict[str, Callable[[], SmoothActivation]] = {
    "erf": Erf,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "gelu": _gelu,
    "silu": _silu,
    "softplus": Softplus,
}
