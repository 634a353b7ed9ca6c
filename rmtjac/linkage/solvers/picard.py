"""Plain iteration x -> x + damping (f(x) - x); where its points return instead of converging, the period."""

from __future__ import annotations

from rmtjac.linkage.solvers.method import Failure, Iterate, Steps, Value
from rmtjac.linkage.solvers.options import checked_damping
from rmtjac.linkage.solvers.recurrence import Recurrence
from rmtjac.linkage.solvers.status import Status

__all__ = ["Picard"]


class Picard:
    """x -> x + damping (f(x) - x).

    Converges at the rate max |1 - damping (1 - mu)| over the eigenvalues mu of J, if that is below 1.

    Parameters
    ----------
    damping : float
        0 < damping <= 2; 1 is plain iteration.
    """

    def __init__(self, *, damping: float = 1.0) -> None:
        self.damping = checked_damping(damping)
        self._seen = Recurrence()

    def step(self, at: Iterate) -> Steps:
        """One evaluation."""
        if period := self._seen.period(at.x, at.residual):
            found = f"the iterates return after {period} steps, with a residual of {at.residual:.3g}"
            return Failure(Status.OSCILLATION, found, period=period)
        x = at.fx if self.damping == 1.0 else at.x + self.damping * at.gap
        return Iterate.of(x, (yield Value(x)))
