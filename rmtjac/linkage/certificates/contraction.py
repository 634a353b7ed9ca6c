"""What `certify_contraction` finds: a proof of Banach's conditions or why there is none, and the error bounds."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.certificates.forms import Parts, evaluated
from rmtjac.linkage.certificates.program import Program
from rmtjac.linkage.certificates.regions import Region

__all__ = ["Contraction"]

Floats = NDArray[np.float64]

ROUNDING = 1.0 + 1e-14  # of the few operations of a bound
MOST_ITERATIONS = 10_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Contraction:
    """Whether f maps a region X into itself and contracts it there.

    Attributes
    ----------
    holds : bool
        Whether both conditions are proven: then f has exactly one fixed point in X, and iteration from any point of X
        goes there.
    constant : float
        K >= the norm of the derivative on X, rounding included.
    self_map : bool
        Whether f(X) is proven to lie in X.
    reason : str
        Why it does not hold; empty if it does.
    refuted : bool
        Whether a condition is proven to be false (a point whose image is outside, a derivative with a norm of 1 or
        more), and not just unproven.
    norm : {"inf", "1", "2", "diagonal"}
        Of the numbers of x, one behind the other; "diagonal" is max_i |x_i| / weights_i.
    weights : ndarray or None
        Of "diagonal", in the shape of x; the largest is 1.
    lower, upper : ndarray
        Corners of X, or of the box about X if X is a ball.
    center, radius : ndarray and float
        Of the ball X in the 1- or 2-norm; of a box X its centre, and half of its shortest side.
    image_lower, image_upper : ndarray
        Corners of a box that holds f(X).
    parts : int
        Into how many parts X was cut.
    """

    holds: bool
    constant: float
    self_map: bool
    reason: str
    refuted: bool
    norm: str
    weights: Floats | None
    lower: Floats
    upper: Floats
    center: Floats
    radius: float
    image_lower: Floats
    image_upper: Floats
    parts: int
    program: Program = field(repr=False)
    region: Region = field(repr=False)
    tree: tuple[int, ...] = field(repr=False)

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the certificate as JSON, which `rmtjac check` re-checks; returns the path.

        Raises
        ------
        ValueError
            If it does not hold, or the folder cannot be written.
        """
        from rmtjac.linkage.certificates.files import save_certificates

        return save_certificates(path, [self])

    def per_step_error(self, error: float) -> float:
        """Largest |x_(n+1) - x*| if |x_n - x*| <= error: K error."""
        return self._proven().constant * error * ROUNDING

    def a_priori_error(self, n: int, first_step: float | None = None) -> float:
        """Largest |x_n - x*| after n steps: K^n/(1-K) |x_1 - x_0|; from anywhere in X, K^n times its diameter.

        In the norm of the certificate (THEORY.md section 4).
        """
        constant = self._proven().constant
        if first_step is None:
            return constant**n * self.diameter * ROUNDING
        return constant**n / (1.0 - constant) * first_step * ROUNDING

    def a_posteriori_error(self, last_step: float) -> float:
        """Largest |x_n - x*| if |x_n - x_(n-1)| is `last_step`: K/(1-K) of it."""
        constant = self._proven().constant
        return constant / (1.0 - constant) * last_step * ROUNDING

    def iterations(self, tol: float, first_step: float | None = None) -> int:
        """How many steps bring every start in X to within `tol` of the fixed point, by `a_priori_error`.

        Raises
        ------
        ValueError
            If it does not hold, or tol > 0 is not true.
        """
        if not tol > 0.0:
            raise ValueError(f"tol={tol}: allowed are numbers > 0")
        start = self.a_priori_error(0, first_step)
        if start <= tol:
            return 0
        constant = self._proven().constant
        count = max(0, math.ceil(math.log(tol / start) / math.log(constant)) - 1) if constant > 0.0 else 0
        while self.a_priori_error(count, first_step) > tol:
            count += 1
        return count

    @property
    def diameter(self) -> float:
        """Largest distance of two points of X, in the norm of the certificate, rounded upward."""
        if self.region.radius is not None:
            return 2.0 * self.region.radius
        return self._length(np.ravel(self.upper - self.lower))

    def fixed_point(self) -> tuple[Floats, float]:
        """The fixed point, in the shape of x, and how far it is away at most, in the norm of the certificate.

        By iteration from the centre of X, and |x - x*| <= |f(x) - x|/(1 - K).

        Raises
        ------
        ValueError
            If the certificate does not hold.
        """
        constant = self._proven().constant
        x, error = np.ravel(self.center), math.inf
        for _ in range(MOST_ITERATIONS):
            form = evaluated(self.program, Parts.of(x[None], x[None]))
            low, high = form.ends[0][0, 0], form.ends[1][0, 0]
            bound = self._length(np.maximum(np.abs(low - x), np.abs(high - x))) / (1.0 - constant) * ROUNDING
            if not bound < error:
                break
            best, error = x, bound
            x = 0.5 * low + 0.5 * high
        return best.reshape(np.shape(self.center)), error

    def _length(self, vector: Floats) -> float:
        """Norm of a vector >= 0, rounded upward."""
        room = 1.0 + 1e-15 * (vector.size + 8)
        if self.norm == "diagonal":
            assert self.weights is not None
            return float((vector / self.weights.ravel()).max()) * room
        orders = {"inf": np.inf, "1": 1, "2": 2}
        return float(np.linalg.norm(vector, orders[self.norm])) * room

    def _proven(self) -> Contraction:
        if not self.holds:
            raise ValueError(f"there is no bound without a certificate: {self.reason}")
        return self
