"""From a random network to its limiting law: gate laws per layer, their equation, and the atoms."""

from __future__ import annotations

import decimal
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rmtjac.errors import HeavyTailError, UnsupportedError, check_choice
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.gates import GateLaw
from rmtjac.model.meanfield import mean_field
from rmtjac.theory.equation_spectrum import EquationSpectrum
from rmtjac.theory.master_equation import Equation
from rmtjac.theory.spectral_law import SpectralLaw
from rmtjac.theory.spectrum import NullSpectrum

__all__ = ["spectral_law"]

Floats = npt.NDArray[np.float64]
Layers = tuple[GateLaw, int]  # a gate law and the number of layers that have it

ROUNDING = 4e-16


def spectral_law(
    ens: Ensemble,
    q: str | float | Sequence[float] | None = None,
    gates: str | Sequence[npt.ArrayLike] = "network",
    inputs: npt.ArrayLike | str | None = None,
    method: str = "newton",
) -> SpectralLaw:
    """The limiting law of the eigenvalues of J J^T at infinite width.

    Parameters
    ----------
    ens : Ensemble
        Constant width; Gaussian-class (any independent entries of finite variance) or orthogonal weights;
        activations whose gates take finitely many values.
    q : None, "stationary", float or sequence of L floats
        Variance of the pre-activations of layers 1..L: None = layer by layer from q0 by the mean-field recursion,
        "stationary" = its fixed point, a number = the same in every layer.
    gates : "network", "independent", or L arrays
        "network" and "independent" are the same law for weights of finite variance. Arrays of realised
        phi'(h^l)^2, one per layer, are taken as the laws of the gates instead of those at q.
    inputs : None, "stationary" or array (n_0,)
        The input, as in `sample_spectrum`; it sets |x^0|^2/n_0 instead of q0.
    method : "newton"
        Continuation in Im z with safeguarded Newton, exact on the real axis.

    Returns
    -------
    SpectralLaw

    Raises
    ------
    HeavyTailError
        For weights without a variance: the equation rests on E W_ij^2 < inf (paper, eq. (12)).
    UnsupportedError
        For rectangular layers, gates of a continuous law, or layers with different many-valued gates.
    ValueError
        For q <= 0, not finite, or of the wrong length.

    Notes
    -----
    Source: paper eq. (14)-(19); THEORY.md section 2.
    """
    check_choice("method", method, ("newton",))
    if not ens.weights.has_variance:
        raise HeavyTailError(
            f"weights={ens.weights.name!r}: the functional equation needs weights with a finite variance "
            f"(its derivation uses E W^2 < inf); sample_spectrum works for these weights"
        )
    if not ens.is_square:
        raise UnsupportedError(f"widths={list(ens.widths)}: the equation here is that of equal widths")
    layers = _gate_laws(ens, q, gates, inputs)
    name = f"{_activation_names(ens)}, depth {ens.depth}, {ens.weights.name} weights"
    if any(law.open == 0.0 for law, _ in layers):
        return SpectralLaw(NullSpectrum(), name)
    eq = _equation(layers, ens.sigma_w, ens.weights.is_orthogonal)
    return SpectralLaw(EquationSpectrum(eq, _atoms(layers, ens.weights.is_orthogonal)), name)


def _activation_names(ens: Ensemble) -> str:
    names = list(dict.fromkeys(activation.name for activation in ens.activations))
    return " and ".join(names) if len(names) < 3 else f"{len(names)} activations"


def _gate_laws(
    ens: Ensemble, q: Any, gates: str | Sequence[npt.ArrayLike], inputs: npt.ArrayLike | str | None
) -> list[Layers]:
    """The gate laws, and the number of layers that have each: equal layers cost no more than one."""
    if isinstance(gates, str):
        check_choice("gates", gates, ("network", "independent"))
        activations = {id(activation): activation for activation in ens.activations}
        equal = Counter(zip(map(id, ens.activations), _variances(ens, q, inputs), strict=True))
        return [(activations[key].gate_law(v), count) for (key, v), count in equal.items()]
    if not isinstance(gates, Sequence | np.ndarray):
        raise TypeError(f"gates={gates!r}: allowed are 'network', 'independent' or one array per layer")
    if len(gates) != ens.depth:
        raise ValueError(f"gates: {len(gates)} arrays given, allowed is one per layer ({ens.depth})")
    return [(GateLaw.of_values(values), 1) for values in gates]


def _variances(ens: Ensemble, q: Any, inputs: npt.ArrayLike | str | None) -> Sequence[float]:
    """q_1..q_L as asked for."""
    if q is None:
        return [float(v) for v in mean_field(_with_input(ens, inputs)).q]
    if isinstance(q, str):
        check_choice("q", q, ("stationary",))
        if not any(activation.gates_depend_on_q for activation in ens.activations):
            return [1.0] * ens.depth
        field = mean_field(ens)
        if not (math.isfinite(field.q_star) and field.q_star >= 0.0):
            raise ValueError(f"q='stationary': {field.q_star_reason}; give q as a number or leave it out")
        return [field.q_star] * ens.depth
    try:
        values = np.atleast_1d(np.asarray(q, dtype=np.float64))
    except (TypeError, ValueError):
        raise TypeError(f"q={q!r}: allowed are None, 'stationary', one number or one per layer") from None
    if values.ndim != 1 or values.size not in (1, ens.depth):
        raise ValueError(f"q={q!r}: allowed are one number or one per layer ({ens.depth})")
    if not (np.isfinite(values) & (values > 0.0)).all():
        raise ValueError(f"q={q!r}: allowed are finite numbers > 0")
    return [float(v) for v in np.broadcast_to(values, ens.depth)]


def _with_input(ens: Ensemble, inputs: npt.ArrayLike | str | None) -> Ensemble:
    """The ensemble with q0 = |x^0|^2/n_0 of the given input."""
    if inputs is None:
        return ens
    if isinstance(inputs, str):
        check_choice("inputs", inputs, ("stationary",))
        field = mean_field(ens)
        if not (math.isfinite(field.q_star) and field.q_star > 0.0):
            raise ValueError(f"inputs='stationary': {field.q_star_reason}")
        return ens.with_q0(ens.activations[0].second_moment(field.q_star))
    x = np.asarray(inputs, dtype=np.float64)
    if x.shape != (ens.widths[0],) or not np.isfinite(x).all():
        raise ValueError(f"inputs of shape {x.shape}: allowed is a finite array of shape ({ens.widths[0]},)")
    if not x.any():
        raise ValueError("inputs=0: allowed are arrays that are not all zero")
    return ens.with_q0(float(x @ x) / x.size)


def _equation(layers: Sequence[Layers], sigma_w: Sequence[float], haar: bool) -> Equation:
    """The scaled equation; layers with the same gates up to a factor are one group."""
    groups: Counter[_Group] = Counter()
    largest: Counter[float] = Counter()
    for law, count in layers:
        groups[_group(law)] += count
        largest[float(law.values[-1])] += count
    if len(groups) > 1 and any(len(group.values) > 1 for group in groups):
        raise UnsupportedError(
            "layers with different gates of several non-zero values: the equation here takes one such gate law for "
            "all layers, or gates of one non-zero value that may differ from layer to layer"
        )
    reference = max(groups, key=lambda group: (group.closed, -sum(group.masses)))
    others = sorted(group for group in groups if group is not reference)
    return Equation(
        log_gates=np.log(np.array(reference.values))[::-1].copy(),
        masses=np.array(reference.masses)[::-1].copy(),
        closed=reference.closed,
        count=float(groups[reference]),
        excess=np.array([_excess(reference, group) for group in others]),
        counts=np.array([float(groups[group]) for group in others]),
        haar=haar,
        drift=0.0,
        hard_drift=0.0,
        log_scale=_exact_log(Counter(sigma_w), largest),
    )


class _Group(NamedTuple):
    """A gate law scaled to a largest value of 1, as a key."""

    values: tuple[float, ...]
    masses: tuple[float, ...]
    closed: float


def _group(law: GateLaw) -> _Group:
    return _Group(tuple(law.values / law.values[-1]), tuple(law.masses), float(law.closed))


def _excess(reference: _Group, group: _Group) -> float:
    """p - p_reference >= 0, from the smaller of the probabilities of an open and of a closed gate."""
    if reference.closed > 0.5:
        return group.masses[0] - reference.masses[0]
    return reference.closed - group.closed


def _exact_log(sigma_w: Counter[float], largest: Counter[float]) -> float:
    """sum_l log(sigma_l^2 max k_l), rounded once: the rounding of one logarithm would count once a layer."""
    with decimal.localcontext(prec=40):
        terms = [2 * n * decimal.Decimal(sigma).ln() for sigma, n in sigma_w.items()]
        terms += [n * decimal.Decimal(k).ln() for k, n in largest.items()]
        return float(sum(terms, decimal.Decimal(0)))


def _atoms(layers: Sequence[Layers], haar: bool) -> Floats:
    """Atoms at lambda > 0 of the scaled equation: log location and mass.

    Haar layers, depth 1: the law of the gates. Depth L: an atom survives at the product of one atom of each layer
    if their masses leave less than 1 uncovered in all (THEORY.md section 2, "Atoms and edges").
    """
    if not haar:
        return np.empty((0, 2))
    depth = sum(count for _, count in layers)
    if depth == 1:
        law, _ = layers[0]
        return np.column_stack([np.log(law.values / law.values[-1]), law.masses])
    # with two layers or more at most one choice survives: the heaviest atom of each
    missing = place = 0.0
    for law, count in layers:
        heaviest = int(np.argmax(law.masses))
        missing += count * _complement(law, heaviest)
        place += count * math.log(law.values[heaviest] / law.values[-1])
    if missing >= 1.0 - ROUNDING * depth:
        return np.empty((0, 2))
    return np.array([[place, 1.0 - missing]])


def _complement(law: GateLaw, j: int) -> float:
    """1 - masses[j] without cancellation."""
    return law.closed + float(np.delete(law.masses, j).sum())
