"""The gates that sampled networks had, by their forward passes once more: no sample has to keep them."""

from __future__ import annotations

import reprlib
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rmtjac.model.ensemble import Ensemble
from rmtjac.runs.memory import check_memory
from rmtjac.runs.runner import run_replicates
from rmtjac.sampling.cost import busy_workers, memory_estimate
from rmtjac.sampling.inputs import InputLaw, checked_inputs, draw_input
from rmtjac.sampling.jacobians import ForwardPass
from rmtjac.sampling.replicate import gate_streams
from rmtjac.sampling.sample import SpectrumSample

__all__ = ["check_same_ensemble", "realised_gates"]

Floats = NDArray[np.float64]
Gates = tuple[Floats, ...]

# On another BLAS build or CPU type a forward pass differs by rounding; another network differs by N^(-1/2).
ROUNDING = 1e-9


def realised_gates(ens: Ensemble, sample: SpectrumSample, workers: int | None = None) -> list[Gates]:
    """Squared gates phi'(h^l)^2 of every unit of every sampled network, from its recorded seed.

    They are what `spectral_law(ens, gates=...)` takes: the law of infinite width at the gates of one network.
    Weights are drawn again, which costs far less than singular values.

    Parameters
    ----------
    ens : Ensemble
        The one that the sample was drawn from.
    sample : SpectrumSample
    workers : int, optional
        Number of threads, by default one for each usable core; changes no number.

    Returns
    -------
    list of tuples of L arrays of shape (n_l,)
        One tuple for each replicate. The units stand in the order of the network's.

    Raises
    ------
    ValueError
        If `ens` is not the ensemble of the sample: it is described otherwise, or its forward passes do not
        give sample.q and sample.gate_fractions.
    MemoryLimitError
        If the gates cannot fit in memory.
    """
    check_same_ensemble(ens, sample)
    recorded = sample.metadata["inputs"]
    law = checked_inputs(ens, None if recorded == "gaussian" else recorded)
    replicates = sample.ranks.size
    need = 8 * replicates * sum(ens.widths[1:])
    need += memory_estimate(ens, busy_workers(workers, None, replicates))
    check_memory(need, f"gates of {replicates} networks of {ens!r}")
    task = partial(_replicate, ens, sample, law)
    return run_replicates(task, range(replicates), workers)


def check_same_ensemble(ens: Ensemble, sample: SpectrumSample) -> None:
    """Raise ValueError, naming what differs, unless `ens` is described as the ensemble of the sample."""
    recorded = sample.metadata["ensemble"]
    for name, value in ens.describe().items():
        if recorded[name] != value:
            mine, theirs = reprlib.repr(value), reprlib.repr(recorded[name])
            raise ValueError(
                f"ens: {name} {mine}, but the sample was drawn with {theirs}; allowed is the sample's ensemble"
            )


def _replicate(ens: Ensemble, sample: SpectrumSample, law: InputLaw, k: int) -> Gates:
    """The squared gates of replicate k, held against what the sample saw of them."""
    streams = gate_streams(sample.entropy, sample.metadata["gates"], k)
    forward = ForwardPass(ens, draw_input(ens, law, streams))
    gates, q = zip(
        *(forward.advance(layer, *ens.draw_layer(layer, streams)) for layer in range(1, ens.depth + 1)),
        strict=True,
    )
    _check_same("q", np.array(q), sample.q[k], ROUNDING, k)
    _check_same(
        "gate_fractions", np.array([np.mean(d != 0) for d in gates]), sample.gate_fractions[k], 0.0, k
    )
    return tuple(np.square(d) for d in gates)


def _check_same(name: str, found: Floats, recorded: Floats, tolerance: float, k: int) -> None:
    wrong = np.flatnonzero(~np.isclose(found, recorded, rtol=tolerance, atol=0.0))
    if wrong.size:
        layer = wrong[0]
        raise ValueError(
            f"ens: {name}={found[layer]} in layer {layer + 1} of replicate {k}, but the sample has "
            f"{recorded[layer]}; allowed is the sample's ensemble"
        )
