"""Tail indices of sampled spectra, of weight matrices and of their singular values, with confidence intervals."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2
from scipy.stats import t as student

from rmtjac.comparison.hill import FEWEST, hill_estimates, nearest_start, tail_distance
from rmtjac.errors import check_choice
from rmtjac.model.checks import checked_array, checked_integer
from rmtjac.sampling.sample import SpectrumSample

__all__ = ["TailFit", "fit_tail"]

Floats = npt.NDArray[np.float64]

METHODS = ("hill", "distance", "powerlaw")
VARIABLES = ("entries", "singular_values", "eigenvalues")
DEFAULT_SHARE = 2.0  # k = 2 sqrt(n)
MOST_FOR_POWERLAW = 5000


@dataclass(frozen=True, kw_only=True, eq=False)
class TailFit:
    """A power law P(X > x) ~ x^-index fitted to the largest of n values.

    Attributes
    ----------
    index : float
        Exponent of the distribution. That of the density, which the package powerlaw calls alpha, is index + 1;
        the index of eigenvalues is half that of their square roots, the singular values.
    interval : (float, float)
        Confidence interval of the index at the start of the tail that was chosen: it does not know a bias.
    level : float
        Its confidence.
    k : int
        Number of values in the tail.
    threshold : float
        The value above which they lie; inf or 0 beyond the range of doubles, where `logs` go on.
    method : {"hill", "distance", "powerlaw"}
        How k was chosen.
    variable : {"entries", "singular_values", "eigenvalues"}
        What the values are.
    replicates : int
        Independent matrices whose values they are, 1 for one matrix; 0 for independent entries.
    n : int
        Number of values, zeros among them.
    logs : ndarray
        Logarithms of the values > 0, descending.
    """

    index: float
    interval: tuple[float, float]
    level: float
    k: int
    threshold: float
    method: str
    variable: str
    replicates: int
    n: int
    logs: Floats = field(repr=False)

    def __post_init__(self) -> None:
        self.logs.flags.writeable = False

    @property
    def hill(self) -> Floats:
        """Indices from the k largest values, k = 1..logs.size - 1: a plateau over k is what a power law looks like."""
        return hill_estimates(self.logs)

    @property
    def distance(self) -> float:
        """Kolmogorov distance between the tail and its power law; about 0.9/sqrt(k) where that is right."""
        return tail_distance(self.logs, self.k, self.index)

    def sf(self, x: npt.ArrayLike) -> Any:
        """(k/n) (x/threshold)^-index, the fitted P(X > x), for x >= threshold; nan below."""
        x = np.asarray(x, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            line = self.k / self.n * (x / self.threshold) ** -self.index
        return np.where(x >= self.threshold, line, np.nan)[()]

    def plot(self, ax: Any = None) -> list[Any]:
        """The distribution on log-log axes with the tail line, and the index against k; ax is a pair of axes."""
        from rmtjac.plotting import plot_tail

        return plot_tail(self, ax)


def fit_tail(
    values: SpectrumSample | npt.ArrayLike,
    k: int | None = None,
    method: str = "hill",
    variable: str | None = None,
    level: float = 0.95,
) -> TailFit:
    """Tail index of a sample of spectra, or of the entries or singular values of matrices.

    Parameters
    ----------
    values : SpectrumSample or array
        An array of numbers that are independent, as the entries of a weight matrix, of any shape; their absolute
        values count. For the other variables a matrix, or matrices (replicates, m, n).
    k : int, optional
        Number of values in the tail, >= 10; for method="hill" only, where it is 2 sqrt(n) if not given.
    method : {"hill", "distance", "powerlaw"}
        "hill": Hill's estimate from the k largest values. With 2 sqrt(n) of them its bias is small against its error
        where the power law is reached fast enough, and its interval holds. "distance": k by the smallest Kolmogorov
        distance (Clauset, Shalizi and Newman 2009): more values, a smaller error, and an interval that is too short
        where the law is no power law from some point on (see Notes). "powerlaw": the same by the package powerlaw,
        which has to be installed, from the 5,000 largest values, since its time grows like n^2.
    variable : {"entries", "singular_values", "eigenvalues"}, optional
        What of the values; "entries" for an array and "singular_values" for a sample if not given.
    level : float
        Confidence of the interval, in (0, 1).

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range, there are not k + 1 values > 0, or the k largest are all equal.

    Notes
    -----
    The interval of independent values is the exact one of a power law: 2 k index/estimate is chi-squared of 2k degrees.
    With replicates these are the units: their sums of log-excesses and counts vary independently, and Student's t
    holds with replicates - 1 degrees. The values of one matrix count as independent, which the largest are for
    independent entries of an index below 4 (Auffinger, Ben Arous and Peche 2009), and others are not.
    Of stable laws, 1e5 values of index 1.5: "hill" was off by 1 %, and its interval of 95 % held in 93 %; "distance" by
    10 % and 13 %. At 1.8 it is 7 % and 67 %, at 2 there is no tail: the closer to 2, the farther out it begins.
    """
    check_choice("method", method, METHODS)
    if not isinstance(level, (int, float)) or not 0.0 < level < 1.0:
        raise ValueError(f"level={level!r}: allowed are numbers in (0, 1)")
    if k is not None and method != "hill":
        raise ValueError(f"k={k} with method={method!r}: it chooses k itself; allowed with method='hill'")
    rows, replicates, variable = _log_values(values, variable)
    flat = rows.ravel()
    logs = np.sort(flat[flat > -np.inf])[::-1]
    if logs.size <= 2 * FEWEST:
        raise ValueError(f"values: {logs.size} of them are not 0; allowed are more than {2 * FEWEST}")
    chosen, index = _start(logs, k, method)
    if not math.isfinite(index):
        raise ValueError(f"values: the {chosen} largest are all equal; allowed are values that differ")
    with np.errstate(over="ignore"):
        threshold = float(np.exp(logs[chosen]))
    return TailFit(
        index=index,
        interval=_interval(rows, logs[chosen], chosen, index, replicates, float(level)),
        level=float(level),
        k=chosen,
        threshold=threshold,
        method=method,
        variable=variable,
        replicates=replicates,
        n=flat.size,
        logs=logs,
    )


def _log_values(values: SpectrumSample | npt.ArrayLike, variable: str | None) -> tuple[Floats, int, str]:
    """Logarithms, -inf for 0, a row a replicate; the number of matrices, 0 for entries; and the variable."""
    if isinstance(values, SpectrumSample):
        variable = "singular_values" if variable is None else variable
        check_choice("variable", variable, VARIABLES[1:])
        with np.errstate(divide="ignore"):
            logs = np.log(values.singular_values) if values.logs is None else values.logs
    else:
        array = checked_array("values", values)
        variable = "entries" if variable is None else variable
        check_choice("variable", variable, VARIABLES)
        with np.errstate(divide="ignore"):
            if variable == "entries":
                return np.log(np.abs(array)).reshape(1, -1), 0, variable
            if array.ndim not in (2, 3):
                raise ValueError(
                    f"values of shape {array.shape} with variable={variable!r}: allowed are matrices (m, n) or "
                    "(replicates, m, n)"
                )
            logs = np.atleast_2d(np.log(np.linalg.svd(array, compute_uv=False)))
    if np.isposinf(logs).any():
        raise ValueError("values: a singular value left the range of doubles; allowed is accuracy='relative'")
    return logs * (2.0 if variable == "eigenvalues" else 1.0), len(logs), variable


def _start(logs: Floats, k: int | None, method: str) -> tuple[int, float]:
    """Number of values in the tail, and its index."""
    if method == "powerlaw":
        return _powerlaw_start(logs)
    if method == "distance":
        chosen = nearest_start(logs) or FEWEST
    elif k is None:
        chosen = max(FEWEST, round(DEFAULT_SHARE * math.sqrt(logs.size)))
    else:
        chosen = checked_integer("k", k, FEWEST, logs.size - 1)
    return chosen, float(hill_estimates(logs)[chosen - 1])


def _powerlaw_start(logs: Floats) -> tuple[int, float]:
    """What the package powerlaw finds; it says much on the way, which is not ours to repeat."""
    try:
        import powerlaw
    except ImportError:
        raise ValueError("method='powerlaw': needs the package powerlaw, pip install powerlaw") from None
    scale = float(logs[0])  # else the largest might leave the range of doubles
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = powerlaw.Fit(np.exp(logs[:MOST_FOR_POWERLAW] - scale), verbose=False)
        index, start = float(fit.power_law.alpha) - 1.0, math.log(float(fit.xmin)) + scale
    # its tail includes xmin, which is one of the values up to rounding
    inside = int(np.count_nonzero(logs > start + 1e-9))
    return min(max(inside, 1), logs.size - 1), index


def _interval(
    rows: Floats, log_threshold: float, k: int, index: float, replicates: int, level: float
) -> tuple[float, float]:
    """Confidence interval at a given start of the tail."""
    tails = np.array([0.5 * (1.0 - level), 0.5 * (1.0 + level)])
    if replicates < 2:
        low, high = index * chi2.ppf(tails, 2 * k) / (2.0 * k)
        return float(low), float(high)
    excess = np.maximum(rows - log_threshold, 0.0)
    counts, sums = (excess > 0.0).sum(axis=1), excess.sum(axis=1)
    rest = sums - counts * (sums.sum() / counts.sum())
    relative = math.sqrt(replicates / (replicates - 1.0) * float(rest @ rest)) / float(sums.sum())
    low, high = index * np.exp(student.ppf(tails, replicates - 1) * relative)
    return float(low), float(high)
