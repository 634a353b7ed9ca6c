"""The phase diagram: mean field, spread and top of the spectrum over a grid of sigma_w and sigma_b.

At the fixed point q* of the mean field every layer is like the others: the mean squared singular value is chi^L, and
m_2/m_1^2 - 1 of the squared singular values grows by the same amount a layer. Networks of equal widths only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rmtjac.errors import HeavyTailError
from rmtjac.model.activations import Activation, activation
from rmtjac.model.checks import checked_integer, checked_number
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.gates import GateLaw
from rmtjac.model.meanfield import MeanField, variance_field
from rmtjac.model.weights import WeightLaw, weight_law
from rmtjac.theory.conditioning import TunedScale, find_tuned_scale, variance_rate
from rmtjac.theory.normal_form import Layer, normal_form
from rmtjac.theory.top_edge import log_lam_max

__all__ = ["PhaseDiagram", "PhaseGrid", "checked_grid", "phase_diagram"]

Floats = npt.NDArray[np.float64]
Progress = Callable[[int, int], object]

WIDTH = 1000  # of no influence: all widths are equal
SIGMA_W = np.linspace(0.5, 3.0, 26)
SIGMA_B = np.linspace(0.0, 1.0, 11)
DEPTHS = (1, 3, 10)
MAX_POINTS = 100_000
MAX_DEPTH = 10_000


@dataclass(frozen=True, kw_only=True)
class PhaseGrid:
    """What a phase diagram is asked of, checked."""

    activation: Activation
    weights: WeightLaw
    sigma_w: tuple[float, ...]
    sigma_b: tuple[float, ...]
    depths: tuple[int, ...]
    q0: float

    def ensemble(self, sigma_w: float, sigma_b: float, depth: int) -> Ensemble:
        """The networks of one point."""
        return Ensemble(depth, WIDTH, self.activation, self.weights, sigma_w, sigma_b, self.q0)


@dataclass(frozen=True, kw_only=True, eq=False)
class PhaseDiagram:
    """Mean field, spread and top of the spectrum of J J^T; B = len(sigma_b), W = len(sigma_w), D = len(depths).

    All but the `tuned_` arrays are at the fixed point q* (inputs at rest there); those are layer by layer from q0.

    Attributes
    ----------
    activation, weights : str
    q0 : float
        Mean square of the input.
    sigma_w : ndarray (W,)
    sigma_b : ndarray (B,)
    depths : int ndarray (D,)
    q_star : ndarray (B, W)
        Fixed point of the pre-activation variance; inf if q grows without bound, nan if there is no answer.
    q_star_reason : tuple of B tuples of W str
        Where `q_star` comes from, or why it is inf or nan.
    chi : ndarray (B, W)
        Growth of the mean squared singular value per layer; 1 at the edge of chaos.
    variance_rate : ndarray (B, W)
        Growth per layer of `relative_variance`: mu_2/mu_1^2 - 1 - s_1; nan where there are no gates at q*.
    log_lam_max : ndarray (B, W, D)
        log of the largest eigenvalue of J J^T; nan where there are no gates at q*.
    critical_sigma_w : ndarray (B,)
        The sigma_w with chi = 1 at a fixed point of its own (see `MeanField`); nan if none.
    tuned_sigma_w : ndarray (B, D)
        The recommended sigma_w: the mean squared singular value at that depth is 1, from inputs of mean square q0.
    tuned_range : ndarray (B, D, 2)
        The sigma_w at which it is 1/2 and 2.
    tuned_relative_variance : ndarray (B, D)
        `relative_variance` at `tuned_sigma_w`, q layer by layer from q0.
    """

    activation: str
    weights: str
    q0: float
    sigma_w: Floats
    sigma_b: Floats
    depths: npt.NDArray[np.int64]
    q_star: Floats
    q_star_reason: tuple[tuple[str, ...], ...]
    chi: Floats
    variance_rate: Floats
    log_lam_max: Floats
    critical_sigma_w: Floats
    tuned_sigma_w: Floats
    tuned_range: Floats
    tuned_relative_variance: Floats

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @property
    def log_mean_square(self) -> Floats:
        """log of the mean squared singular value, L log chi: ndarray (B, W, D)."""
        with np.errstate(divide="ignore"):
            return np.asarray(self.depths * np.log(self.chi)[..., None])

    @property
    def relative_variance(self) -> Floats:
        """m_2/m_1^2 - 1, the variance of the squared singular values over their mean squared: ndarray (B, W, D)."""
        return np.asarray(self.depths * self.variance_rate[..., None])

    @property
    def lam_max(self) -> Floats:
        """The largest eigenvalue of J J^T, inf where it leaves the doubles: ndarray (B, W, D)."""
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(self.log_lam_max))

    def best_sigma_b(self, depth: int) -> int:
        """Index of the sigma_b whose recommended sigma_w gives the smallest spread at a depth; the least if equal.

        Raises
        ------
        ValueError
            If `depth` is not one of `depths`, or there is no recommended sigma_w at it.
        """
        places = np.flatnonzero(self.depths == depth)
        if not places.size:
            raise ValueError(f"depth={depth}: allowed are {', '.join(map(str, self.depths))}")
        spread = self.tuned_relative_variance[:, places[0]]
        if np.isnan(spread).all():
            raise ValueError(f"depth={depth}: no sigma_w keeps the mean squared singular value at 1")
        equal = np.flatnonzero(spread <= np.nanmin(spread) * (1.0 + 1e-9))
        return int(equal[np.argmin(self.sigma_b[equal])])


def phase_diagram(
    activation: str | Activation = "tanh",
    sigma_w: npt.ArrayLike = SIGMA_W,
    sigma_b: npt.ArrayLike = SIGMA_B,
    depths: int | Sequence[int] = DEPTHS,
    weights: str | WeightLaw = "gaussian",
    q0: float = 1.0,
    *,
    progress: Progress | None = None,
) -> PhaseDiagram:
    """Mean field, spread and top of the spectrum over a grid, and the sigma_w that suits each depth.

    Parameters
    ----------
    activation : str or Activation
        As in `Ensemble`, one for all layers.
    sigma_w, sigma_b : number or one-dimensional array
        In any order; at most 100,000 points in all.
    depths : int or sequence of int
        1 to 10,000 layers.
    weights : str or WeightLaw
        Of finite variance.
    q0 : float
        Mean square of the input.
    progress : callable, optional
        Called with the number of points done and their total.

    Returns
    -------
    PhaseDiagram

    Raises
    ------
    HeavyTailError
        For weights without a variance.
    ValueError, TypeError
        If an argument is outside its range; the message names argument, value and what is allowed.

    Notes
    -----
    Infinite width. THEORY.md sections 1 (q*, chi) and 2 (moments, edge).
    """
    grid = checked_grid(activation, sigma_w, sigma_b, depths, weights, q0)
    rows: list[list[_Point]] = []
    total = len(grid.sigma_b) * len(grid.sigma_w)
    for b in grid.sigma_b:
        row: list[_Point] = []
        for s in grid.sigma_w:
            row.append(_point(grid, s, b))
            if progress is not None:
                progress(len(rows) * len(grid.sigma_w) + len(row), total)
        rows.append(row)
    tuned = [
        [_tuned(grid, row[0].field, b, depth) for depth in grid.depths]
        for row, b in zip(rows, grid.sigma_b, strict=True)
    ]
    return _collected(grid, rows, tuned)


def checked_grid(
    activation_: str | Activation,
    sigma_w: Any,
    sigma_b: Any,
    depths: Any,
    weights: str | WeightLaw,
    q0: float,
) -> PhaseGrid:
    """The arguments of `phase_diagram`, checked; raises as it does."""
    law = weight_law(weights)
    if not law.has_variance:
        raise HeavyTailError(
            f"weights={law.name!r}: the phase diagram is that of weights of finite variance; under these the "
            f"pre-activations have no variance q"
        )
    grid = PhaseGrid(
        activation=activation(activation_),
        weights=law,
        sigma_w=tuple(checked_number(f"sigma_w[{i}]", x) for i, x in enumerate(_axis("sigma_w", sigma_w))),
        sigma_b=tuple(
            checked_number(f"sigma_b[{i}]", x, zero=True) for i, x in enumerate(_axis("sigma_b", sigma_b))
        ),
        depths=tuple(
            checked_integer(f"depths[{i}]", x, 1, MAX_DEPTH) for i, x in enumerate(_axis("depths", depths))
        ),
        q0=checked_number("q0", q0),
    )
    points = len(grid.sigma_w) * len(grid.sigma_b)
    if points > MAX_POINTS:
        raise ValueError(
            f"{len(grid.sigma_w)} sigma_w by {len(grid.sigma_b)} sigma_b: allowed are {MAX_POINTS} points"
        )
    return grid


def _axis(argument: str, given: Any) -> Sequence[Any]:
    """A number or a non-empty one-dimensional array or sequence as a sequence; its entries are not checked."""
    if isinstance(given, str) or np.ndim(given) > 1 or np.size(given) == 0:
        raise ValueError(f"{argument}={given!r}: allowed is a number or a non-empty one-dimensional array")
    return [given] if np.ndim(given) == 0 else list(given)


class _Point(NamedTuple):
    """One point of the grid: its mean field, growth of the spread, and log lam_max at each depth."""

    field: MeanField
    rate: float
    tops: list[float]


def _point(grid: PhaseGrid, sigma_w: float, sigma_b: float) -> _Point:
    field = variance_field(grid.ensemble(sigma_w, sigma_b, 1))
    # without gates that depend on q, a fixed point is not needed
    q = field.q_star if grid.activation.gates_depend_on_q else 1.0
    if not math.isfinite(q):
        return _Point(field, math.nan, [math.nan] * len(grid.depths))
    gates = grid.activation.gate_law(q)
    tops = [_log_lam_max(grid.ensemble(sigma_w, sigma_b, depth), gates) for depth in grid.depths]
    return _Point(field, variance_rate(gates, grid.weights.is_orthogonal), tops)


def _log_lam_max(ens: Ensemble, gates: GateLaw) -> float:
    return log_lam_max(normal_form(ens, [Layer(gates, WIDTH, ens.depth)]))


def _tuned(grid: PhaseGrid, field: MeanField, sigma_b: float, depth: int) -> TunedScale:
    """The recommendation, looked for from the critical line on."""
    critical = field.critical_sigma_w
    start = critical if math.isfinite(critical) else 1.0
    return find_tuned_scale(
        grid.activation, sigma_b, depth, grid.q0, haar=grid.weights.is_orthogonal, start=start
    )


def _collected(grid: PhaseGrid, rows: list[list[_Point]], tuned: list[list[TunedScale]]) -> PhaseDiagram:
    """The points and recommendations as arrays."""
    return PhaseDiagram(
        activation=grid.activation.name,
        weights=grid.weights.name,
        q0=grid.q0,
        sigma_w=np.array(grid.sigma_w),
        sigma_b=np.array(grid.sigma_b),
        depths=np.array(grid.depths),
        q_star=np.array([[point.field.q_star for point in row] for row in rows]),
        q_star_reason=tuple(tuple(point.field.q_star_reason for point in row) for row in rows),
        chi=np.array([[point.field.chi for point in row] for row in rows]),
        variance_rate=np.array([[point.rate for point in row] for row in rows]),
        log_lam_max=np.array([[point.tops for point in row] for row in rows]),
        critical_sigma_w=np.array([row[0].field.critical_sigma_w for row in rows]),
        tuned_sigma_w=np.array([[scale.sigma_w for scale in row] for row in tuned]),
        tuned_range=np.array([[(scale.low, scale.high) for scale in row] for row in tuned]),
        tuned_relative_variance=np.array([[scale.relative_variance for scale in row] for row in tuned]),
    )
