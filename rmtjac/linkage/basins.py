"""Which attractor each start of a grid reaches: the source's scheme as printed, and one that proves its labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.errors import check_choice
from rmtjac.linkage.literal import literal_basins
from rmtjac.linkage.orbits import Attractor
from rmtjac.linkage.robust import robust_basins
from rmtjac.linkage.starts import checked_starts, grid_starts
from rmtjac.linkage.trajectories import follower
from rmtjac.model.checks import checked_integer
from rmtjac.model.differentiable_map import Map
from rmtjac.model.network import check_self_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rmtjac.linkage.contraction import ContractionMap

__all__ = ["MAX_PERIOD", "MAX_STEPS", "RULES", "BasinEntropy", "Basins", "basins"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

RULES = ("robust", "paper")
MAX_STEPS, MAX_PERIOD = 500, 64


class BasinEntropy(NamedTuple):
    """Gibbs entropy (nats) of the labels within a box of starts: mean over all boxes, and over those of two labels or
    more (0 if there is none); above ln 2 the latter means a fractal boundary (Daza et al., Sci. Rep. 6, 31416, 2016).
    """

    basin: float
    boundary: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Basins:
    """Labels of starts by the attractor that they reach.

    Attributes
    ----------
    labels : ndarray of int, shape (ny, nx) or (k,)
        1, 2, ... in the order in which the starts, row by row, meet an attractor; -1 unresolved.
    attractors : tuple of Attractor
        Attractor k - 1 has label k: its `points` (period, n), `period`, `spectral_radius`, `is_proven`.
    iterations : ndarray of int, of the shape of labels
        Evaluations of Phi until the label was known, or until the search ended.
    starts : ndarray, of the shape of labels and n
    rule : {"robust", "paper"}
    network : Network or DifferentiableMap
    """

    labels: Indices
    attractors: tuple[Attractor, ...]
    iterations: Indices
    starts: Floats
    rule: str
    network: Map

    def __post_init__(self) -> None:
        for array in (self.labels, self.iterations, self.starts):
            array.flags.writeable = False

    @property
    def fractions(self) -> Floats:
        """Shares of the starts that reach each attractor, shape (Q,)."""
        counts = np.bincount(self.labels[self.labels > 0], minlength=len(self.attractors) + 1)
        return counts[1:] / self.labels.size

    @property
    def unresolved(self) -> float:
        """Share of the starts without a label."""
        return float(np.mean(self.labels < 0))

    @property
    def periods(self) -> Indices:
        """Periods of the attractors, shape (Q,)."""
        return np.array([attractor.period for attractor in self.attractors], dtype=np.int64)

    def entropy(self, box: int = 5) -> BasinEntropy:
        """How uncertain the label of a start is from its neighbours: over boxes of `box` by `box` starts.

        Unresolved starts count as one more label. Boxes that do not fit in are left out.

        Raises
        ------
        ValueError, TypeError
            If the starts are no grid, or `box` is no integer from 2 to the shorter side of the grid.
        """
        if self.labels.ndim != 2:
            raise ValueError(f"entropy of {self.labels.size} starts that are no grid: allowed are grids")
        box = checked_integer("box", box, 2, min(self.labels.shape))
        ny, nx = (side // box for side in self.labels.shape)
        cut = self.labels[: ny * box, : nx * box].reshape(ny, box, nx, box)
        groups = cut.transpose(0, 2, 1, 3).reshape(ny * nx, box * box)
        kinds = np.unique(groups)
        shares = (groups[:, :, None] == kinds).mean(axis=1)
        entropies = -(shares * np.log(np.where(shares > 0.0, shares, 1.0))).sum(axis=1)
        mixed = (shares > 0.0).sum(axis=1) > 1
        return BasinEntropy(float(entropies.mean()), float(entropies[mixed].mean()) if mixed.any() else 0.0)

    def plot(self, ax: Axes | None = None, contraction: ContractionMap | None = None) -> list[Any]:
        """The basins as coloured cells with their attractors; needs a grid.

        With a `contraction_map` of the network also the fixed points that do not attract, and where ||J|| < 1.
        """
        from rmtjac.basin_plots import plot_basins

        return plot_basins(self, ax, contraction)

    @property
    def message(self) -> str:
        """What was found, in one line."""
        points = int((self.periods == 1).sum())
        cycles = len(self.attractors) - points
        found = f"{points} point{'' if points == 1 else 's'}"
        if self.rule == "robust":
            found += f", {cycles} cycle{'' if cycles == 1 else 's'}"
        return f"{found}, {100.0 * self.unresolved:.3g} % of the starts unresolved"


def basins(
    net: Map,
    lower: ArrayLike = -1.0,
    upper: ArrayLike = 1.0,
    step: float = 0.05,
    rule: str = "robust",
    starts: ArrayLike | None = None,
    *,
    max_steps: int = MAX_STEPS,
    max_period: int = MAX_PERIOD,
) -> Basins:
    """Which attractor of x -> Phi(x) each start reaches.

    Parameters
    ----------
    net : Network or DifferentiableMap
        With as many outputs as inputs.
    lower, upper, step : float or array (2,), the same, float
        The grid lower + step * j, j = 0, ..., floor((upper - lower)/step) in each of two dimensions.
    rule : {"robust", "paper"}
        "robust": attracting points and cycles with their periods. A start is labelled when its trajectory enters a
        neighbourhood proven to be drawn to an attractor (built-in activations), or is as near to an attracting orbit as
        rounding lets one see. What does neither is unresolved: chaos, longer cycles, too slow approach, escape.
        "paper": (7)-(9) of the source to the letter. x^1 is the start; it stops at the first m = 1, ..., 49 with
        |x^(m+1) - x^m|_2 < 1e-5, at the point x^m; points within 1e-4 of a listed one are that one; a start that
        does not stop is unresolved. There is no test whether the point is one: a slow approach passes for many.
    starts : array (k, n) or (ny, nx, n), optional
        Starts instead of the grid, in any dimension; see `plane_starts`.
    max_steps, max_period : int
        Of "robust": when to give up, and the longest cycle that is looked for.

    Raises
    ------
    ValueError, TypeError
        If the network has not as many outputs as inputs, the box is empty, the step larger than the box, more than 1e7
        starts are asked for, or a grid for other than two inputs.
    """
    check_choice("rule", rule, RULES)
    check_self_map(net)
    n = net.widths[0]
    max_steps = checked_integer("max_steps", max_steps, 1)
    max_period = checked_integer("max_period", max_period, 1)
    given = grid_starts(n, lower, upper, step) if starts is None else checked_starts(starts, n)
    flat = given.reshape(-1, n)
    follow = follower(net, flat)
    if rule == "paper":
        literal = literal_basins(follow, flat)
        labels, iterations = literal.labels, literal.iterations
        attractors = tuple(Attractor(points=point[None].copy()) for point in literal.points)
    else:
        labels, attractors, iterations = robust_basins(net, follow, flat, max_steps, max_period)
    shape = given.shape[:-1]
    return Basins(
        labels=labels.reshape(shape),
        attractors=attractors,
        iterations=iterations.reshape(shape),
        starts=given,
        rule=rule,
        network=net,
    )
