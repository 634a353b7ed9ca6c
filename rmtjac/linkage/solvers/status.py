"""How a solve ended: statuses whose values are the messages."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Status"]


class Status(StrEnum):
    """How a solve of x = f(x) ended."""

    CONVERGED = "converged"
    ITERATION_LIMIT = "iteration limit reached"
    DIVERGENCE = "divergence"
    OSCILLATION = "oscillation"
    SINGULAR = "I - J is singular"
    NOT_FINITE = "f is not finite"
    STALLED = "no step reduces the residual"
