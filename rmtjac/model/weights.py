"""Weight laws: how the entries of W^l are drawn, and their scale (THEORY.md section 0)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rmtjac import lapack
from rmtjac.errors import UnsupportedError
from rmtjac.jit import kernel
from rmtjac.model.stable import draw_stable

__all__ = ["BLOCK_ROWS", "WeightLaw", "row_blocks", "weight_law"]

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]

BLOCK_ROWS = 256
COMPILED_FROM = 10_000  # numbers, whose drawing takes longer than handing a generator to a kernel
ALLOWED = "gaussian, orthogonal, uniform, rademacher, student_t:DF, cauchy, stable:ALPHA, or a WeightLaw"


def row_blocks(n_out: int) -> list[slice]:
    """The rows of blocks j = 1, 2, ... of a matrix of n_out rows, block j at the place j - 1."""
    return [slice(start, min(start + BLOCK_ROWS, n_out)) for start in range(0, n_out, BLOCK_ROWS)]


@dataclass(frozen=True)
class WeightLaw:
    """How weight matrices and biases are drawn, at sigma_w = 1 and sigma_b = 1.

    Attributes
    ----------
    name : str
        The name by which it is shown and compared.
    entries : callable
        entries(rng, shape) gives independent standard numbers: symmetric, of variance 1 for alpha = 2, with
        E exp(itZ) = exp(-|t|^alpha) else. For process pools an importable function.
    alpha : float
        Stable index; 2 for every law of finite variance.
    is_orthogonal : bool
        True if the matrix is made orthogonal after its entries were drawn; these must then be Gaussian.
    """

    name: str
    entries: Draw = field(repr=False, compare=False)
    alpha: float = 2.0
    is_orthogonal: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 2:
            raise ValueError(f"alpha={self.alpha}: allowed is 0 < alpha <= 2")
        if not callable(self.entries):
            raise TypeError(f"entries={self.entries!r}: allowed is a function of (rng, shape)")

    @property
    def has_variance(self) -> bool:
        """Whether the entries have a finite variance."""
        return self.alpha == 2

    @property
    def is_gaussian(self) -> bool:
        """Whether the entries are the package's own Gaussian ones, and independent."""
        return self.entries is _gaussian and not self.is_orthogonal

    def scale(self, n_in: int) -> float:
        """n_in^(-1/alpha), the scale of an entry of a matrix with n_in columns."""
        return math.pow(n_in, -1.0 / self.alpha)

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
        """A weight matrix of shape (n_out, n_in) for sigma_w = 1; see `draw_blocks`."""
        return self.draw_blocks(lambda block: rng, shape)

    def draw_blocks(
        self, stream: Callable[[int], np.random.Generator], shape: tuple[int, int], factor: float = 1.0
    ) -> Floats:
        """A weight matrix whose block of rows j = 1, 2, ... (256 rows each) comes from `stream(j)`, times `factor`.

        Entries have variance 1/n_in, or are n_in^(-1/alpha) Z with Z standard stable. Orthogonal matrices are
        Haar distributed if square; a rectangular one has orthogonal columns or rows, whichever are fewer, and
        is scaled so that the mean square of its entries is 1/n_in: W W^T = 1 for n_out <= n_in, else
        W^T W = n_out/n_in.
        """
        n_out, n_in = shape
        matrix = np.empty(shape)
        for block, rows in enumerate(row_blocks(n_out), start=1):
            size = (rows.stop - rows.start, n_in)
            if self.is_orthogonal:
                matrix[rows] = self.entries(stream(block), size)
            else:
                self.draw_rows(stream(block), size, factor, out=matrix[rows])
        return _orthogonalised(matrix) * factor if self.is_orthogonal else matrix

    def draw_rows(
        self, rng: np.random.Generator, shape: tuple[int, ...], factor: float = 1.0, out: Floats | None = None
    ) -> Floats:
        """One block of rows of a weight matrix, shape (rows, n_in), as `draw_blocks` has it; written to `out` if given.

        Raises
        ------
        UnsupportedError
            For orthogonal matrices, whose rows exist only together.
        """
        if self.is_orthogonal:
            raise UnsupportedError(
                f"weights={self.name!r}: an orthogonal matrix cannot be drawn block by block; allowed are laws "
                "of independent entries"
            )
        rows: Floats = np.multiply(self.entries(rng, shape), self.scale(shape[-1]), out=out)
        if factor != 1.0:
            rows *= factor
        return rows

    def draw_bias(self, rng: np.random.Generator, n: int) -> Floats:
        """n biases for sigma_b = 1: standard Gaussian, or standard stable for stable weights."""
        return rng.standard_normal(n) if self.has_variance else draw_stable(rng, (n,), self.alpha)

    def draw_bias_as_weights(self, rng: np.random.Generator, n: int, n_in: int) -> Floats:
        """n biases drawn as one more column of W, of n_in columns (independent entries for orthogonal W)."""
        return self.entries(rng, (n,)) * self.scale(n_in)


def weight_law(name: str | WeightLaw) -> WeightLaw:
    """The weight law called `name`; a WeightLaw is returned as it is.

    Raises
    ------
    ValueError, TypeError
        If the name is unknown, its parameter is not allowed, or `name` is neither a string nor a WeightLaw.
    """
    if isinstance(name, WeightLaw):
        return name
    if not isinstance(name, str):
        raise TypeError(f"weights={name!r}: allowed are {ALLOWED}")
    if name in PLAIN_LAWS:
        return PLAIN_LAWS[name]
    family, colon, text = name.partition(":")
    if colon and family == "student_t":
        freedom = _parameter(name, text, "DF > 2", 2.0, math.inf)
        return WeightLaw(f"student_t:{_shortest(freedom)}", partial(_student_t, freedom=freedom))
    if colon and family == "stable":
        alpha = _parameter(name, text, "0 < ALPHA < 2", 0.0, 2.0)
        # one law, one name
        named = "cauchy" if alpha == 1 else f"stable:{_shortest(alpha)}"
        return WeightLaw(named, partial(draw_stable, alpha=alpha), alpha)
    raise ValueError(f"weights={name!r}: allowed are {ALLOWED}")


def _parameter(name: str, text: str, allowed: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low < value < high:
        raise ValueError(f"weights={name!r}: allowed is {allowed}, finite")
    return value


def _shortest(value: float) -> str:
    return repr(value).removesuffix(".0")


def _gaussian(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """rng.standard_normal(shape), compiled where there are many: the same numbers in less than half the time."""
    numbers = np.empty(shape)
    if numbers.size < COMPILED_FROM:
        return rng.standard_normal(out=numbers)
    _fill_gaussian(rng, numbers.reshape(-1))
    return numbers


@kernel
def _fill_gaussian(rng: np.random.Generator, out: Floats) -> None:
    for i in range(out.size):
        out[i] = rng.standard_normal()


def _uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return (2.0 * rng.random(shape) - 1.0) * math.sqrt(3.0)


def _rademacher(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    signs: Floats = 2.0 * rng.integers(0, 2, shape, dtype=np.int8).astype(np.float64) - 1.0
    return signs


def _student_t(rng: np.random.Generator, shape: tuple[int, ...], freedom: float) -> Floats:
    return rng.standard_t(freedom, shape) * math.sqrt((freedom - 2.0) / freedom)


def _orthogonalised(gaussian: Floats) -> Floats:
    """The orthogonal factor of a Gaussian matrix, Haar distributed once the signs of R are moved into Q."""
    n_out, n_in = gaussian.shape
    tall = gaussian if n_out >= n_in else gaussian.T
    q, r = lapack.qr(tall)
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0) * math.sqrt(max(1.0, n_out / n_in))
    return np.ascontiguousarray(q if n_out >= n_in else q.T)


PLAIN_LAWS = {
    "gaussian": WeightLaw("gaussian", _gaussian),
    "orthogonal": WeightLaw("orthogonal", _gaussian, is_orthogonal=True),
    "uniform": WeightLaw("uniform", _uniform),
    "rademacher": WeightLaw("rademacher", _rademacher),
    "cauchy": WeightLaw("cauchy", partial(draw_stable, alpha=1.0), 1.0),
}
