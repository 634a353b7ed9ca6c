"""Whether a sequence of points returns: Brent's search, with one point of memory, for any period."""

from __future__ import annotations

from rmtjac.linkage.solvers.method import Floats, norm

__all__ = ["Recurrence"]

RETURNED = 1e-6  # distance to an earlier point, in units of the residual, that is a return
ALMOST = 100.0  # a divisor of the period that returned to this many times as much is the period


class Recurrence:
    """Compares every point with an anchor, which moves after 1, 2, 4, ... points."""

    def __init__(self) -> None:
        self._anchor: Floats | None = None
        self._power = 1
        self._distances: list[float] = []

    def period(self, x: Floats, residual: float) -> int:
        """The period if the point x has been met before, else 0.

        Points that converge, with whatever rate, are not taken for a return: their distances fall with the residual.
        """
        if self._anchor is not None:
            distance = norm(x - self._anchor)
            self._distances.append(distance)
            lag = len(self._distances)
            if lag > 1 and distance <= RETURNED * residual:
                # an orbit that still approaches a cycle returns better after several rounds
                enough = ALMOST * RETURNED * residual
                return next(p for p in range(2, lag + 1) if lag % p == 0 and self._distances[p - 1] <= enough)
        if self._anchor is None or len(self._distances) == self._power:
            self._power = 1 if self._anchor is None else 2 * self._power
            self._anchor, self._distances = x, []
        return 0
