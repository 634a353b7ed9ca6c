"""Iteration with an error in every step, x_{n+1} = f(x_n) + h_n, |h_n| <= delta: bound, simulation, and certified tube.

In the largest-coordinate norm, and with a Lipschitz constant K < 1 of f on a region that holds the trajectory and the
fixed point (Theorem 4.2 of the second source, THEORY.md section 4): |x_n - x*| <= K^n |x_0 - x*| + delta (1 - K^n)/(1 -
K). The trajectory ends in the tube |x - x*| <= delta/(1 - K), and in general at no point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.errors import check_choice
from rmtjac.linkage.noise import NOISES, Map, noise_of
from rmtjac.model.checks import checked_array, checked_box, checked_integer, checked_number
from rmtjac.model.network import Network, check_self_map
from rmtjac.model.streams import RandomSource, entropy_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RobustIteration", "robust_error_bound", "robust_iteration"]

Floats = NDArray[np.float64]

MAX_STEPS = 10**6
FREE_STEPS = 10_000  # without noise, in which the fixed point must be reached
RESTS = 1e-12  # a step, in units of 1 + |x|, of an iteration that has arrived
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, kw_only=True, eq=False)
class RobustIteration:
    """Trajectories of k starts under noise.

    Attributes
    ----------
    trajectories : ndarray (steps + 1, k, n)
    fixed_points : ndarray (k, n)
        Where each start ends without noise, or the point that was given.
    errors : ndarray (steps + 1, k)
        Largest coordinate of |x_n - x*|.
    bound : ndarray (steps + 1, k)
        K^n |x_0 - x*| + delta (1 - K^n)/(1 - K); nan without a constant.
    delta, constant : float
        The largest noise a coordinate, and K (nan if not given).
    tube_radius : float
        delta/(1 - K), rounded upward; nan without a constant.
    tube_inside : ndarray of bool (k,)
        Whether the tube about x* lies in the given box: starts that are not farther from x* than the box goes around
        it then stay in the box for ever, and the bound is proven for them. False without a box or a constant.
    noise : str
    """

    trajectories: Floats
    fixed_points: Floats
    errors: Floats
    bound: Floats
    delta: float
    constant: float
    tube_radius: float
    tube_inside: NDArray[np.bool_]
    noise: str

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    def plot(self, ax: Axes | None = None) -> list[Any]:
        """Errors of all starts against the step, with the bound and the tube."""
        from rmtjac.looped_plots import plot_robust

        return plot_robust(self, ax)


def robust_error_bound(K: float, delta: float, n: ArrayLike, e0: ArrayLike) -> Any:
    """K^n e0 + delta (1 - K^n)/(1 - K): how far x_n may be from the fixed point (Theorem 4.2 of the second source).

    Parameters
    ----------
    K : float
        Lipschitz constant, 0 <= K < 1.
    delta : float
        Largest size of the noise of a step, >= 0; the source has 1/m.
    n : int or array of int >= 0
        Number of steps.
    e0 : float or array >= 0
        |x_0 - x*|; broadcast with n.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range.
    """
    K, delta = _checked_constant(K), checked_number("delta", delta, zero=True)
    steps, start = checked_array("n", n), checked_array("e0", e0)
    if (steps < 0).any() or (steps != np.floor(steps)).any():
        raise ValueError(f"n={n!r}: allowed are integers >= 0")
    if (start < 0).any():
        raise ValueError(f"e0={e0!r}: allowed are numbers >= 0")
    power = np.power(K, steps)
    # 1 - K^n keeps its digits for K near 1
    series = steps * 0.0 + 1.0 if K == 0.0 else -np.expm1(steps * math.log(K)) / (1.0 - K)
    return (power * start + delta * np.where(steps == 0, 0.0, series))[()]


def robust_iteration(
    f: Network | Map,
    x0: ArrayLike,
    steps: int,
    delta: float,
    *,
    noise: str = "uniform",
    rng: RandomSource = None,
    fixed_point: ArrayLike | None = None,
    constant: float | None = None,
    box: tuple[ArrayLike, ArrayLike] | None = None,
) -> RobustIteration:
    """x_{n+1} = f(x_n) + h_n with |h_n| <= delta in every coordinate, from one or many starts.

    Parameters
    ----------
    f : Network, or function of arrays (k, n)
        A network has as many outputs as inputs (`looped(...).layer`).
    x0 : array (n,) or (k, n)
    steps : int
        From 1 to 10^6.
    delta : float
        >= 0.
    noise : {"uniform", "gaussian", "adversarial"}
        "uniform" in [-delta, delta]; "gaussian" of standard deviation delta/2, cut off at delta; "adversarial" moves
        every coordinate away from the fixed point, or, for a network, along the row of its Jacobian that stretches
        most, whichever leads farther in the step that follows: the bound is attained where f is K times a sign matrix.
    rng : int, SeedSequence, Generator or None
        Of the noise.
    fixed_point : array (n,) or (k, n), optional
        x*; if not given, where f takes each start without noise.
    constant : float, optional
        K, 0 <= K < 1, of f on a region that holds all this, as `certify_looped_regions` gives it.
    box : pair of arrays (n,), optional
        Corners of that region.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range, shapes do not fit, or the iteration without noise does not arrive.
    """
    check_choice("noise", noise, NOISES)
    steps = checked_integer("steps", steps, 1, MAX_STEPS)
    delta = checked_number("delta", delta, zero=True)
    K = math.nan if constant is None else _checked_constant(constant)
    step, starts = _checked_map(f, x0)
    rest = _limits(step, starts) if fixed_point is None else _checked_points(fixed_point, starts.shape)
    corners = None if box is None else checked_box(*_pair(box), starts.shape[1])
    draw = noise_of(noise, f, step, rest, delta, np.random.default_rng(entropy_of(rng)))
    trajectories = np.empty((steps + 1, *starts.shape))
    trajectories[0] = starts
    for n in range(steps):
        image = step(trajectories[n])
        trajectories[n + 1] = image + draw(image)
    errors = np.abs(trajectories - rest).max(axis=2)
    tube = delta / (1.0 - K) * (1.0 + 4.0 * EPS)
    bound = np.full(errors.shape, math.nan)
    if constant is not None:
        bound = robust_error_bound(K, delta, np.arange(steps + 1)[:, None], errors[0])
    return RobustIteration(
        trajectories=trajectories,
        fixed_points=rest,
        errors=errors,
        bound=bound,
        delta=delta,
        constant=K,
        tube_radius=tube,
        tube_inside=_is_inside(rest, tube, corners),
        noise=noise,
    )


def _checked_constant(K: float) -> float:
    number = checked_number("K", K, zero=True)
    if not number < 1.0:
        raise ValueError(f"K={K}: allowed are numbers >= 0 and < 1: without contraction there is no bound")
    return number


def _checked_map(f: Network | Map, x0: ArrayLike) -> tuple[Map, Floats]:
    """f with checked images, and the starts as (k, n)."""
    starts = np.atleast_2d(checked_array("x0", x0))
    if starts.ndim != 2 or not starts.size:
        raise ValueError(f"x0 of shape {np.shape(x0)}: allowed are (n,) and (k, n)")
    if isinstance(f, Network):
        check_self_map(f)
        f.checked_input(starts)
    elif not callable(f):
        raise TypeError(f"f={f!r}: allowed is a Network, or a function of arrays (k, n)")

    def step(x: Floats) -> Floats:
        image = np.asarray(f(x), dtype=np.float64)
        if image.shape != x.shape:
            raise ValueError(
                f"f gave shape {image.shape} for x of shape {x.shape}: allowed is the same shape"
            )
        if not np.isfinite(image).all():
            raise ValueError(
                "f gave an entry that is not finite, as trajectories that escape do: start nearer to x*"
            )
        return image

    return step, starts


def _checked_points(points: ArrayLike, shape: tuple[int, ...]) -> Floats:
    array = checked_array("fixed_point", points)
    if array.shape not in (shape, shape[1:]):
        raise ValueError(f"fixed_point of shape {array.shape}: allowed are {shape[1:]} and {shape}")
    return np.broadcast_to(array, shape).copy()


def _pair(box: Any) -> tuple[ArrayLike, ArrayLike]:
    try:
        lower, upper = box
    except (TypeError, ValueError):
        raise ValueError("box: allowed is a pair (lower, upper) of corners") from None
    return lower, upper


def _limits(step: Map, x: Floats) -> Floats:
    """Where the iteration without noise rests, of each start."""
    for _ in range(FREE_STEPS):
        image = step(x)
        move = np.abs(image - x).max(axis=1) / (1.0 + np.abs(x).max(axis=1))
        x = image
        if move.max() <= RESTS:
            return x
    raise ValueError(
        f"x0: without noise a start still moves by {move.max():.2g} after {FREE_STEPS:,} steps; allowed are starts "
        "that tend to a fixed point, unless fixed_point is given"
    )


def _is_inside(rest: Floats, tube: float, corners: tuple[Floats, Floats] | None) -> NDArray[np.bool_]:
    """Whether the tube about each point lies in the box."""
    if corners is None or math.isnan(tube):
        return np.zeros(len(rest), dtype=np.bool_)
    reach = tube + 2.0 * EPS * np.abs(rest)
    return np.asarray(((rest - reach >= corners[0]) & (rest + reach <= corners[1])).all(axis=1))
