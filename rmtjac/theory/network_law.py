"""From a random network to its limiting law: the gate laws of its layers, and what the law is made from."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rmtjac.errors import HeavyTailError, UnsupportedError, check_choice
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.gates import GateLaw
from rmtjac.model.meanfield import variance_field
from rmtjac.theory.banach import BanachSpectrum, Scheme, identical_layers
from rmtjac.theory.normal_form import Layer, normal_form
from rmtjac.theory.spectral_law import SpectralLaw
from rmtjac.theory.stable_law import stable_network_spectrum

__all__ = ["spectral_law"]

SMALLEST_WIDTH = 20


def spectral_law(
    ens: Ensemble,
    q: str | float | Sequence[float] | None = None,
    gates: str | Sequence[npt.ArrayLike] = "network",
    inputs: npt.ArrayLike | str | None = None,
    method: str = "newton",
    *,
    side: str = "output",
    b: float = 1.5,
    n_steps: int = 40,
    tol: float = 1e-5,
    max_iter: int = 50,
) -> SpectralLaw:
    """The limiting law of the eigenvalues of J J^T, or of J^T J, at infinite width.

    Parameters
    ----------
    ens : Ensemble
        Any widths (they enter by their ratios); Gaussian-class weights (any independent entries of finite
        variance), orthogonal ones between equal widths, or stable ones; any activations.
    q : None, "stationary", float or sequence of L floats
        Variance (stable weights: scale) of the pre-activations of layers 1..L: None = layer by layer from q0 by the
        mean-field recursion, "stationary" = its fixed point, a number = the same in every layer.
    gates : "network", "independent", or L arrays
        "network" and "independent" are the same law for weights of finite variance, and for linear, relu and
        leaky_relu without biases; else the gates of a heavy-tailed network depend on its weights, and "network" is
        for Cauchy weights with bounded odd activations, q=None or "stationary", and no array for `inputs` (see
        Notes). Arrays of realised phi'(h^l)^2, one per layer, are taken as the laws of the gates instead of those at q.
    inputs : None, "stationary" or array (n_0,)
        The input, as in `sample_spectrum`; it sets |x^0|^2/n_0 instead of q0.
    method : "newton" or "banach"
        Continuation in Im z with safeguarded Newton, exact on the real axis; or the paper's own scheme (20)-(23),
        whose error can be seen so: densities only, for identical square layers with independent weights. Its
        `status` has code 1 where the last step missed the tolerance, and the distance to the exact density.
    side : "output" or "input"
        J J^T, with n_L eigenvalues, or J^T J, with n_0. They differ in the mass at 0 only.
    b, n_steps, tol, max_iter : float > 1, int, float > 0, int
        For method="banach": Im z = b^n_steps, b^(n_steps - 1), ..., b^-n_steps; each step ends when |w| changes by
        less than `tol`, or after `max_iter` iterations. The defaults for the last two are the paper's.

    Returns
    -------
    SpectralLaw

    Raises
    ------
    HeavyTailError
        For method="banach" with weights without a variance, as the paper's equation rests on E W_ij^2 < inf (its
        eq. (12)); for stable weights with activations that have no stable mean field.
    UnsupportedError
        For stable weights with gates="network" where these depend on the weights, other than the Cauchy networks
        above: `population_spectrum` is for these; for orthogonal weights between different widths; for
        method="banach" with layers that it is not for.
    ConvergenceError
        If the equations of stable weights could not be solved.
    ValueError
        For q <= 0, not finite, or of the wrong length, and for b <= 1, or other parameters outside their range.

    Warns
    -----
    UserWarning
        If a width is below 20: a limit law says little about so small a network.

    Notes
    -----
    Cauchy networks with gates that depend on their weights: the law of the local tree (theory/cauchy_networks.md, not a
    theorem), within 1e-4 of the mass; seconds for each law, some more for each layer. With gates of all sizes (tanh,
    erf) singular values below 1e-3 to 1e-2 (`known_from`) are known by their total mass alone, often a fifth of all:
    there `pdf`, `cdf` and `ppf` are nan and `status` has code 1, and so are moments to which that mass counts.

    Source: paper eq. (14)-(19); THEORY.md section 2; stable weights: section 3a.
    """
    check_choice("method", method, ("newton", "banach"))
    check_choice("side", side, ("output", "input"))
    scheme = Scheme(b=b, n_steps=n_steps, tol=tol, max_iter=max_iter)
    if method == "banach" and not ens.weights.has_variance:
        raise HeavyTailError(
            f"method='banach' with weights={ens.weights.name!r}: the paper's equation needs weights with a finite "
            "variance (its derivation uses E W^2 < inf); allowed is method='newton'"
        )
    if ens.weights.is_orthogonal and not ens.is_square:
        raise UnsupportedError(
            f"weights='orthogonal' with widths={list(ens.widths)}: the law needs equal widths; sample_spectrum "
            f"takes semi-orthogonal matrices"
        )
    if min(ens.widths) < SMALLEST_WIDTH:
        warnings.warn(
            f"width {min(ens.widths)}: the law is that of infinite width and says little below {SMALLEST_WIDTH}",
            stacklevel=2,
        )
    name = f"{_activation_names(ens)}, depth {ens.depth}, {ens.weights.name} weights"
    name += ", J^T J" if side == "input" else ""
    _check_gates(ens, gates)
    if not ens.weights.has_variance:
        independent = ", independent gates" if gates == "independent" else ""
        return SpectralLaw(stable_network_spectrum(ens, q, gates, inputs, side), name + independent)
    layers = _layers(ens, q, gates, inputs)
    spectrum = normal_form(ens, layers).spectrum(side)
    if method == "banach":
        spectrum = BanachSpectrum(identical_layers(ens, layers), scheme, spectrum)
        name += ", by the paper's iteration"
    return SpectralLaw(spectrum, name)


def _activation_names(ens: Ensemble) -> str:
    names = list(dict.fromkeys(activation.name for activation in ens.activations))
    return " and ".join(names) if len(names) < 3 else f"{len(names)} activations"


def _layers(
    ens: Ensemble, q: Any, gates: str | Sequence[npt.ArrayLike], inputs: npt.ArrayLike | str | None
) -> list[Layer]:
    """The layers, equal ones counted: equal layers cost no more than one."""
    if isinstance(gates, str):
        keys: list[Any] = list(zip(ens.activations, _variances(ens, q, inputs), strict=True))
        laws = {key: key[0].gate_law(key[1]) for key in dict.fromkeys(keys)}
    else:
        keys = list(range(ens.depth))
        laws = {key: GateLaw.of_values(values) for key, values in zip(keys, gates, strict=True)}
    equal = Counter(zip(keys, ens.widths[1:], strict=True))
    return [Layer(laws[key], width, count) for (key, width), count in equal.items()]


def _check_gates(ens: Ensemble, gates: Any) -> None:
    """Raise ValueError or TypeError unless `gates` is one of the words, or a sequence of one entry a layer."""
    if isinstance(gates, str):
        check_choice("gates", gates, ("network", "independent"))
        return
    if not isinstance(gates, Sequence | np.ndarray):
        raise TypeError(f"gates={gates!r}: allowed are 'network', 'independent' or one array per layer")
    if len(gates) != ens.depth:
        raise ValueError(f"gates: {len(gates)} arrays given, allowed is one per layer ({ens.depth})")


def _variances(ens: Ensemble, q: Any, inputs: npt.ArrayLike | str | None) -> Sequence[float]:
    """q_1..q_L as asked for."""
    if q is None:
        return [float(v) for v in variance_field(_with_input(ens, inputs)).q]
    if isinstance(q, str):
        check_choice("q", q, ("stationary",))
        if not any(activation.gates_depend_on_q for activation in ens.activations):
            return [1.0] * ens.depth
        field = variance_field(ens)
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
        field = variance_field(ens)
        if not (math.isfinite(field.q_star) and field.q_star > 0.0):
            raise ValueError(f"inputs='stationary': {field.q_star_reason}")
        return ens.with_q0(ens.activations[0].second_moment(field.q_star))
    x = np.asarray(inputs, dtype=np.float64)
    if x.shape != (ens.widths[0],) or not np.isfinite(x).all():
        raise ValueError(f"inputs of shape {x.shape}: allowed is a finite array of shape ({ens.widths[0]},)")
    if not x.any():
        raise ValueError("inputs=0: allowed are arrays that are not all zero")
    return ens.with_q0(float(x @ x) / x.size)
