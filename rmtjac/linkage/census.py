"""How many attractors, or fixed points, random networks have at each depth."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from rmtjac.errors import check_choice
from rmtjac.linkage.basins import MAX_PERIOD, MAX_STEPS, RULES
from rmtjac.linkage.census_task import COUNTS, CensusTask
from rmtjac.linkage.starts import grid_starts
from rmtjac.model.checks import checked_box, checked_integer, checked_number
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.streams import RandomSource, entropy_of
from rmtjac.runs.journaled import Path, Progress, recorded_entropy, run_journaled
from rmtjac.runs.provenance import program_version

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Census", "fixed_point_census"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

PROGRAM = "rmtjac census"
MAX_BOXES = 100_000
NAMES = {"attractors": "attractors", "stable": "stable fixed points", "all": "fixed points"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Census:
    """Numbers of attractors or fixed points of R independent networks at each of D depths.

    Attributes
    ----------
    depths : ndarray of int, shape (D,)
    counts : ndarray of int, shape (D, R)
        What was asked for: attractors, stable or all fixed points.
    points, cycles : ndarray of int, shape (D, R)
        Point attractors (or fixed points) and cycles among them.
    longest : ndarray of int, shape (D, R)
        Period of the longest cycle, 1 for points alone, 0 for none.
    unresolved : ndarray, shape (D, R)
        Share of the starts that reach no known attractor; 0 for fixed points.
    complete : ndarray of bool, shape (D, R)
        Whether all starts are resolved; for fixed points, whether the search is proven to have missed none.
    count, rule : str
    level : float
        Of the intervals.
    entropy : int
        The seed.
    metadata : dict
        Ensemble, box, step and limits, as JSON-able values.
    """

    depths: Indices
    counts: Indices
    points: Indices
    cycles: Indices
    longest: Indices
    unresolved: Floats
    complete: NDArray[np.bool_]
    count: str
    rule: str
    level: float
    entropy: int
    metadata: dict[str, Any]

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @property
    def mean(self) -> Floats:
        """Mean of `counts` at each depth, shape (D,)."""
        return np.asarray(self.counts.mean(axis=1))

    @property
    def interval(self) -> Floats:
        """Confidence interval of the mean, shape (D, 2): `interval_of(counts)`."""
        return self.interval_of(self.counts)

    def interval_of(self, values: ArrayLike) -> Floats:
        """Student's interval, shape (D, 2), of the mean of values (D, R), at `level`; nan for a single network.

        Networks are independent, also those of different depths. Where all values agree it has no length: then one
        knows only that another value has a probability below about 3/R.
        """
        array = np.asarray(values, dtype=np.float64)
        replicates = array.shape[1]
        if replicates < 2:
            return np.full((len(array), 2), np.nan)
        error = array.std(axis=1, ddof=1) / np.sqrt(replicates)
        reach = float(stdtrit(replicates - 1, 0.5 + 0.5 * self.level)) * error
        return np.asarray(array.mean(axis=1)[:, None] + reach[:, None] * np.array([-1.0, 1.0]))

    @property
    def histogram(self) -> Indices:
        """Number of networks with the count 0, 1, 2, ... at each depth, shape (D, largest count + 1)."""
        size = int(self.counts.max()) + 1
        return np.array([np.bincount(row, minlength=size) for row in self.counts])

    @property
    def name(self) -> str:
        """What was counted, in words."""
        return NAMES[self.count]

    def plot(self, ax: Axes | None = None) -> list[Any]:
        """The means against depth with their confidence bands."""
        from rmtjac.basin_plots import plot_census

        return plot_census(self, ax)


def fixed_point_census(
    ens: Ensemble,
    depths: Iterable[int],
    replicates: int = 200,
    rng: RandomSource = None,
    count: str = "attractors",
    *,
    rule: str = "robust",
    lower: ArrayLike = -1.0,
    upper: ArrayLike = 1.0,
    step: float = 0.05,
    max_steps: int = MAX_STEPS,
    max_period: int = MAX_PERIOD,
    max_boxes: int = MAX_BOXES,
    level: float = 0.95,
    workers: int | None = None,
    executor: Executor | None = None,
    journal: Path | None = None,
    progress: Progress | None = None,
) -> Census:
    """Attractors or fixed points of `replicates` networks of an ensemble at each depth.

    Network k at depth L is drawn from the streams (3 + L, k, layer, block) of the seed: networks of different depths
    are independent, and those of a depth are the same whatever other depths, and however many, are asked for.

    Parameters
    ----------
    ens : Ensemble
        A self_map, or of constant width; its depth does not matter (see `Ensemble.with_depth`).
    depths : iterable of int
        All different.
    replicates : int
        Networks at each depth, >= 1.
    rng : int, SeedSequence, Generator or None
    count : {"attractors", "stable", "all"}
        Attractors that starts of the grid reach (`basins`), or the stable or all fixed points in the box
        (`find_fixed_points`).
    rule, lower, upper, step, max_steps, max_period
        Of `basins`. With rule="paper" what counts is the length of the source's list.
    max_boxes : int
        Of `find_fixed_points`.
    level : float
        Of the confidence intervals, between 0 and 1.
    workers, executor, journal, progress
        As in `sample_spectrum`; no number depends on them. A journal can go on to more replicates.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range, or the journal is that of another run.
    ExecutorError
        If the executor died.
    """
    task = CensusTask(
        ensembles=tuple(ens.with_depth(depth) for depth in _checked_depths(depths)),
        entropy=_entropy(rng, journal),
        count=_choice("count", count, COUNTS),
        rule=_choice("rule", rule, RULES),
        box=_checked_box(ens, lower, upper),
        step=step,
        max_steps=checked_integer("max_steps", max_steps, 1),
        max_period=checked_integer("max_period", max_period, 1),
        max_boxes=checked_integer("max_boxes", max_boxes, 1),
    )
    if count == "attractors":
        grid_starts(ens.widths[0], *task.box, step)
    if not 0.0 < checked_number("level", level) < 1.0:
        raise ValueError(f"level={level}: allowed are numbers between 0 and 1")
    replicates = checked_integer("replicates", replicates, 1)
    identity = {
        "program": PROGRAM,
        "version": program_version(),
        "entropy": str(task.entropy),
        "census": task.describe(),
    }
    numbers = range(replicates * len(task.ensembles))
    results = run_journaled(task, numbers, identity, workers, executor, journal, progress)
    arrays = {
        name: np.array([result[name] for result in results]).reshape(replicates, -1).T.copy()
        for name in results[0]
    }
    return Census(
        depths=np.array([each.depth for each in task.ensembles]),
        count=count,
        rule=rule,
        level=level,
        entropy=task.entropy,
        metadata=task.describe(),
        **arrays,
    )


def _checked_depths(depths: Iterable[int]) -> list[int]:
    numbers = [checked_integer("depths", depth, 1) for depth in depths]
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f"depths={numbers}: allowed are depths that are all different, at least one")
    return numbers


def _checked_box(ens: Ensemble, lower: ArrayLike, upper: ArrayLike) -> tuple[Floats, Floats]:
    if ens.widths[0] != ens.widths[-1]:
        raise ValueError(f"ens={ens!r}: allowed are as many outputs as inputs")
    return checked_box(lower, upper, ens.widths[0])


def _choice(argument: str, value: str, allowed: tuple[str, ...]) -> str:
    check_choice(argument, value, allowed)
    return value


def _entropy(rng: RandomSource, journal: Path | None) -> int:
    recorded = recorded_entropy(journal) if rng is None else None
    return entropy_of(rng) if recorded is None else recorded
