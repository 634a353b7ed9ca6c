"""The law at the gates that a network happened to have, which leaves O(1/N) instead of O(N^(-1/2))."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from rmtjac.model.activations import USER_CODE, Activation
from rmtjac.model.ensemble import Ensemble
from rmtjac.sampling.realised_gates import check_same_ensemble, realised_gates
from rmtjac.sampling.sample import SpectrumSample
from rmtjac.theory.network_law import spectral_law
from rmtjac.theory.spectral_law import SpectralLaw
from rmtjac.theory.stable_law import check_gates_known

__all__ = ["realised_laws"]

Floats = npt.NDArray[np.float64]


def realised_laws(ens: Ensemble, sample: SpectrumSample) -> list[SpectralLaw]:
    """The limiting law at each replicate's own gates, one law for each replicate.

    They are laws of the sample's side. Gates of one non-zero value are known from their fractions; any others
    come from the forward passes once more (`realised_gates`).

    Raises
    ------
    ValueError
        If `ens` is not the ensemble that the sample was drawn from.
    UnsupportedError
        For stable weights whose sampled gates depend on them: their law is not that of independent gates.
    """
    check_same_ensemble(ens, sample)
    if not ens.weights.has_variance:
        check_gates_known(ens, sample.metadata["gates"])
    gates: Iterable[Sequence[Floats]] | None = _gates_by_fractions(ens, sample)
    if gates is None:
        gates = realised_gates(ens, sample)
    return [spectral_law(ens, gates=one, side=sample.side) for one in gates]


def _gates_by_fractions(ens: Ensemble, sample: SpectrumSample) -> list[list[Floats]] | None:
    """Squared gates of each replicate, the open ones first; None where a layer has several non-zero values."""
    known = {activation: _open_value(activation) for activation in set(ens.activations)}
    values = [known[activation] for activation in ens.activations]
    if any(value is None for value in values):
        return None
    widths = ens.widths[1:]
    opened = np.rint(sample.gate_fractions * np.array(widths)).astype(int)
    return [
        [np.repeat([value, 0.0], [k, n - k]) for n, k, value in zip(widths, row, values, strict=True)]
        for row in opened
    ]


def _open_value(activation: Activation) -> float | None:
    """The one non-zero value that phi'^2 has for every input; None if there are more, or it is not known."""
    if activation.code == USER_CODE:
        return None
    law = activation.gate_law(1.0)
    return float(law.values[0]) if law.values.size == 1 and law.panels is None else None
