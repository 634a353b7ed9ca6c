"""One replicate of a sample: what it is a function of, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtjac.model.ensemble import Ensemble
from rmtjac.model.streams import Streams
from rmtjac.sampling.graded import GradedProduct
from rmtjac.sampling.inputs import InputLaw, draw_input
from rmtjac.sampling.jacobians import ForwardPass, active_jacobian
from rmtjac.sampling.narrow import NarrowNetworks, is_narrow
from rmtjac.sampling.products import ExplicitProduct

__all__ = ["NETWORK_TASK", "Arrays", "ReplicateTask", "description", "gate_streams"]

Arrays = dict[str, NDArray[Any]]

NETWORK_TASK = 0
GATES_TASK = 1  # the independent copy that sets the gates for gates="independent"


@dataclass(frozen=True, kw_only=True)
class ReplicateTask:
    """Replicate k as a function of k alone; it pickles where its ensemble does.

    Attributes
    ----------
    ens : Ensemble
    entropy : int
    gates : {"network", "independent"}
    inputs : None, float or array
        As `checked_inputs` returns them.
    accuracy : {"absolute", "eigenvalues", "relative"}
    """

    ens: Ensemble
    entropy: int
    gates: str
    inputs: InputLaw
    accuracy: str

    def __call__(self, k: int) -> Arrays:
        """What is kept of replicate k, by the names of the arrays of `SpectrumSample`."""
        ens = self.ens
        streams, setting = Streams(self.entropy, NETWORK_TASK, k), gate_streams(self.entropy, self.gates, k)
        x = draw_input(ens, self.inputs, setting)
        product: ExplicitProduct | GradedProduct
        if self.accuracy == "relative":
            product = GradedProduct(ens.widths[0])
        else:
            product = ExplicitProduct(self.accuracy == "eigenvalues")
        own = setting == streams
        if own and self._narrow is not None and isinstance(product, ExplicitProduct):
            facts = self._narrow.jacobian(streams, x, product)
        else:
            facts = active_jacobian(ens, streams, ForwardPass(ens, x), product, None if own else setting)
        seen = {"ranks": np.array(facts.rank), "q": facts.q, "gate_fractions": facts.gate_fractions}
        return _spectrum(product, facts.rank, ens.widths[-1]) | seen

    @cached_property
    def _narrow(self) -> NarrowNetworks | None:
        return NarrowNetworks(self.ens) if is_narrow(self.ens) else None

    def describe(self) -> dict[str, Any]:
        """All but the entropy as JSON-able values: the `metadata` of the sample."""
        return description(self.ens, self.gates, self.inputs) | {"accuracy": self.accuracy}


def description(ens: Ensemble, gates: str, inputs: InputLaw) -> dict[str, Any]:
    """Which networks at which inputs, as JSON-able values."""
    named: Any = "gaussian" if inputs is None else "stationary"
    if isinstance(inputs, np.ndarray):
        named = inputs.tolist()
    return {"ensemble": ens.describe(), "gates": gates, "inputs": named}


def gate_streams(entropy: int, gates: str, k: int) -> Streams:
    """The streams of the network that sets the gates of replicate k."""
    return Streams(entropy, GATES_TASK if gates == "independent" else NETWORK_TASK, k)


def _spectrum(product: ExplicitProduct | GradedProduct, rank: int, size: int) -> Arrays:
    """`size` singular values, ascending; those beyond the rank are zero in exact arithmetic."""
    values, logs = np.zeros(size), np.full(size, -np.inf)
    filled = slice(size - rank, size)
    if isinstance(product, GradedProduct):
        logs[filled] = product.log_singular_values()
        with np.errstate(over="ignore", under="ignore"):
            return {"singular_values": np.exp(logs), "log_singular_values": logs}
    if rank > 0:
        found = product.singular_values()
        values[filled] = found[found.size - rank :]
    return {"singular_values": values}
