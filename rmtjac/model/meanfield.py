"""Mean field for weights of finite variance: how the pre-activation variance moves (THEORY.md section 1)."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from rmtjac.errors import HeavyTailError
from rmtjac.model.activations import USER_CODE, Activation
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.stable_field import StableMeanField, stable_mean_field

__all__ = ["MeanField", "mean_field", "variance_field"]

# a relative difference of this size is rounding, e.g. of sigma_w = sqrt(2) squared
ROUNDING = 8 * np.finfo(float).eps
QUADRATURE_ERROR = 1e-10
LOG_OF_DOUBLES = 700.0
# steps in log q at which fixed points are looked for
LOG_STEP = 0.5
# how far below q_1, in log q, another fixed point is looked for before q_l is said to decay to 0
REACH_BELOW = 30.0
CRITICAL_RANGE = 20.0


@dataclass(frozen=True, kw_only=True, eq=False)
class MeanField:
    """Pre-activation variances at infinite width.

    Attributes
    ----------
    q : ndarray, shape (L,)
        q_1, ..., q_L, layer by layer from q0; inf where it passes the largest double.
    q_star : float
        The fixed point that q_l approaches; inf if q_l grows without bound, nan if there is no answer.
    q_star_reason : str
        One sentence: where `q_star` comes from, or why it is inf or nan.
    chi : float
        sigma_w^2 E phi'(sqrt(q_star) xi)^2; 1 at the edge of chaos. At q_star = inf its limit, nan for an
        activation of the user.
    critical_sigma_w : float
        The sigma_w at which chi = 1 at a fixed point of its own q, for this activation and sigma_b; nan if none.
        With gelu or silu and a small bias that fixed point repels: q_l then leaves it, and no q_star has chi = 1.
    """

    q: NDArray[np.float64]
    q_star: float
    q_star_reason: str
    chi: float
    critical_sigma_w: float


@dataclass(frozen=True)
class LayerMap:
    """q -> sigma_w^2 E phi(sqrt(q) xi)^2 + bias_variance, one layer of the mean field."""

    phi: Activation
    sigma_w: float
    bias_variance: float

    def __call__(self, q: float) -> float:
        return self.sigma_w**2 * self.phi.second_moment(q) + self.bias_variance

    def chi(self, q: float) -> float:
        """sigma_w^2 E phi'^2 at variance q."""
        return self.sigma_w**2 * self.phi.derivative_moment(q)

    def excess(self, log_q: float) -> float:
        """(image of q)/q - 1 at q = exp(log_q), without the cancellation where a layer hardly moves q."""
        q = math.exp(log_q)
        try:
            return self.phi.growth(q, self.sigma_w) + self.bias_variance / q
        except ValueError:
            # phi of the user grows so fast that its moment is infinite, or past every double
            return math.inf

    def rests_at_zero(self) -> bool:
        """Whether q = 0 is a fixed point that does not repel."""
        return bool(self(0.0) == 0 and self.chi(0.0) <= 1 + ROUNDING)

    def sign(self, log_q: float) -> int:
        """1 where a layer increases q, -1 where it decreases it, 0 where that is not to be told."""
        excess = self.excess(log_q)
        return 0 if abs(excess) <= self.tolerance else int(math.copysign(1, excess))

    @property
    def tolerance(self) -> float:
        """Below this size an excess may be an error; that of built-in activations has the right sign always."""
        return QUADRATURE_ERROR if self.by_quadrature else 0.0

    @property
    def log_reach(self) -> float:
        """How far from q_1, in log q, a fixed point is looked for."""
        return 60.0 if self.by_quadrature else 2 * LOG_OF_DOUBLES

    @property
    def by_quadrature(self) -> bool:
        """Whether the moments of phi are those of a function of which nothing is known."""
        return self.phi.code == USER_CODE


def mean_field(ens: Ensemble) -> MeanField | StableMeanField:
    """Pre-activation variances of every layer, their fixed point, and the edge of chaos; scales for stable weights."""
    return variance_field(ens) if ens.weights.has_variance else stable_mean_field(ens)


def variance_field(ens: Ensemble) -> MeanField:
    """`mean_field` for weights of finite variance.

    Raises
    ------
    HeavyTailError
        For stable weights: their pre-activations have no variance.
    """
    if not ens.weights.has_variance:
        raise HeavyTailError(
            f"weights={ens.weights.name!r}: the variance of pre-activations needs weights of finite variance; under "
            "these they are stable variables with a scale"
        )
    q = _layer_by_layer(ens)
    if any(len(set(values)) > 1 for values in (ens.activations, ens.sigma_w, ens.bias_scales)):
        reason = "The layers differ in activation, sigma_w or bias, so that q has no fixed point in depth."
        return MeanField(q=q, q_star=math.nan, q_star_reason=reason, chi=math.nan, critical_sigma_w=math.nan)
    layer = LayerMap(ens.activations[0], ens.sigma_w[0], ens.bias_scales[0] ** 2)
    q_star, reason = _fixed_point(layer, float(q[0]))
    # as_weights: the bias grows with sigma_w
    fan_in = math.inf if isinstance(ens.sigma_b, tuple) else float(ens.widths[0])
    critical = _critical_sigma_w(layer, fan_in)
    return MeanField(
        q=q, q_star=q_star, q_star_reason=reason, chi=_chi(layer, q_star), critical_sigma_w=critical
    )


def _layer_by_layer(ens: Ensemble) -> NDArray[np.float64]:
    q = np.empty(ens.depth)
    moment = ens.q0
    for i, (phi, sigma_w, bias) in enumerate(zip(ens.activations, ens.sigma_w, ens.bias_scales, strict=True)):
        q[i] = sigma_w**2 * moment + bias**2
        if i + 1 < ens.depth:
            moment = phi.second_moment(float(q[i]))
    q.flags.writeable = False
    return q


def _chi(layer: LayerMap, q_star: float) -> float:
    if not layer.phi.gates_depend_on_q:
        return layer.chi(1.0)
    known = math.isfinite(q_star) or (q_star == math.inf and not layer.by_quadrature)
    return layer.chi(q_star) if known else math.nan


def _fixed_point(layer: LayerMap, q_first: float) -> tuple[float, str]:
    if not layer.phi.gates_depend_on_q:
        return _affine_fixed_point(layer.chi(1.0), layer.bias_variance)
    if not math.isfinite(q_first):
        return math.inf, "q grows without bound: already the first layer passes the largest double."
    return _bracketed_fixed_point(layer, q_first)


def _affine_fixed_point(slope: float, offset: float) -> tuple[float, str]:
    """Fixed point of q -> slope q + offset, the map of every phi with phi(c h) = c phi(h)."""
    if abs(slope - 1.0) <= ROUNDING:
        if offset == 0:
            return (
                math.nan,
                "Every q is a fixed point: at chi = 1 and without bias a layer leaves q unchanged.",
            )
        return math.inf, "q grows without bound: at chi = 1 every layer adds the variance of the bias."
    if slope > 1:
        return math.inf, f"q grows without bound: every layer multiplies it by chi = {slope:.6g} > 1."
    if offset == 0:
        return (
            0.0,
            f"q decays to 0: every layer multiplies it by chi = {slope:.6g} < 1, and there is no bias.",
        )
    return offset / (1.0 - slope), "The only fixed point: bias variance/(1 - chi)."


def _bracketed_fixed_point(layer: LayerMap, q_first: float) -> tuple[float, str]:
    """The fixed point next to q_first on the side to which one layer moves it.

    It is where q_l goes if the map increases in q. Bracketed in log q and not iterated: hard_tanh at
    sigma_w = 1 falls as slowly as 1/(2 log l).
    """
    start = math.log(q_first)
    if layer.by_quadrature and all(layer.sign(start + shift) == 0 for shift in (-3.0, 0.0, 3.0)):
        return math.nan, "Every q is a fixed point, as far as the quadrature can tell."
    grows = layer.sign(start) > 0
    decays = not grows and layer.rests_at_zero()
    reach = REACH_BELOW if decays else layer.log_reach
    end = min(max(start + (reach if grows else -reach), -LOG_OF_DOUBLES), LOG_OF_DOUBLES)
    points = np.linspace(start, end, 2 + int(abs(end - start) / LOG_STEP)).tolist()
    change = _first_change(layer, points, 1 if grows else -1)
    if change is not None:
        q = math.exp(_root(layer.excess, *sorted(change)))
        return q, "The fixed point next to q_1, on the side to which a layer moves it."
    if grows:
        return math.inf, "q grows without bound: every layer increases it."
    if decays:
        return 0.0, "q decays to 0: a layer decreases it, there is no bias, and sigma_w |phi'(0)| <= 1."
    return math.nan, "No fixed point was found."


def _first_change(layer: LayerMap, points: list[float], direction: int) -> tuple[float, float] | None:
    """Two values of log q between which a layer first stops moving q in `direction`; None if it never does.

    Two fixed points that are close to each other hide between points: they are looked for where the excess dips.
    """
    heights = [direction * layer.excess(points[0])]
    for i in range(1, len(points)):
        heights.append(direction * layer.excess(points[i]))
        if heights[i] < -layer.tolerance:
            return points[i - 1], points[i]
        lowest = heights[i - 1]
        neighbours = max(heights[max(i - 2, 0)], heights[i])
        # a parabola through three points falls by less than they differ
        if i == 1 or (lowest <= min(heights[i - 2], heights[i]) and 2 * lowest < neighbours):
            before = points[max(i - 2, 0)]
            dip = _lowest(lambda t: direction * layer.excess(t), before, points[i])
            if layer.sign(dip) == -direction:
                return before, dip
    return None


def _lowest(function: Callable[[float], float], start: float, end: float) -> float:
    found = minimize_scalar(function, bounds=sorted((start, end)), method="bounded", options={"xatol": 1e-6})
    return float(found.x)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """A zero between two points at which the function differs in sign, or does so up to rounding."""
    ends = {point: function(point) for point in (low, high)}
    if ends[low] * ends[high] >= 0:
        return min(ends, key=lambda point: abs(ends[point]))
    return float(brentq(function, low, high, xtol=1e-14, rtol=1e-14))


def _critical_sigma_w(layer: LayerMap, fan_in: float) -> float:
    """The sigma_w with sigma_w^2 mu_1(q) = 1 at its own fixed point q.

    With sigma_w^2 = 1/mu_1(q) inserted, q solves E phi^2/mu_1 + bias variance = q, one equation in q.
    """
    phi = layer.phi
    if not phi.gates_depend_on_q:
        return 1.0 / math.sqrt(phi.derivative_moment(1.0))

    def excess(log_q: float) -> float:
        q = math.exp(log_q)
        slope = phi.derivative_moment(q)
        variance = layer.bias_variance if math.isinf(fan_in) else 1.0 / (fan_in * slope)
        return (1.0 - phi.deficit(q)) / slope - 1.0 + variance / q

    grid, heights = _where_finite(
        excess,
        np.linspace(-CRITICAL_RANGE, CRITICAL_RANGE, 1 + round(2 * CRITICAL_RANGE / LOG_STEP)).tolist(),
    )
    positive = [height > max(layer.tolerance, ROUNDING) for height in heights]
    falls = [
        pair for pair, signs in zip(pairwise(grid), pairwise(positive), strict=True) if signs == (True, False)
    ]
    if not positive or (positive[0] and not falls):
        return math.nan
    q = math.exp(_root(excess, *falls[0])) if falls else 0.0
    slope = phi.derivative_moment(q)
    return 1.0 / math.sqrt(slope) if slope > 0 else math.nan


def _where_finite(function: Callable[[float], float], grid: list[float]) -> tuple[list[float], list[float]]:
    """The points of the grid where the function has a value, and its values.

    Moments of an activation of the user may not exist for large q, and E phi'^2 may be 0 for small q.
    """
    heights: dict[float, float] = {}
    for point in grid:
        with suppress(ValueError, ZeroDivisionError):
            heights[point] = function(point)
    return list(heights), list(heights.values())
