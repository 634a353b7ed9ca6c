"""Laws of heavy-tailed products with independent gates, of an ensemble or of equal square layers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rmtjac.errors import UnsupportedError
from rmtjac.model.checks import checked_integer, checked_number
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.gates import GateLaw
from rmtjac.model.stable_field import StableGates, stable_gates, stable_mean_field
from rmtjac.theory.cauchy_law import cauchy_network_spectrum
from rmtjac.theory.mellin import StableFunction
from rmtjac.theory.normal_form import Layer, normal_form
from rmtjac.theory.spectral_law import SpectralLaw
from rmtjac.theory.spectrum import AtomicSpectrum, PowerTail, Spectrum
from rmtjac.theory.stable_products import StableEquation, Term
from rmtjac.theory.table_spectrum import TableSpectrum

__all__ = ["check_gates_known", "log_kappa", "stable_network_spectrum", "stable_product_law"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

SMALLEST_ALPHA = 0.3
FOLDS = 600.0  # the table ends where the density is below e^-600
OPEN = StableGates(np.zeros(1), np.ones(1))


def stable_product_law(
    alpha: float, depth: int, sigma_w: float = 1.0, gates: float | None = None
) -> SpectralLaw:
    """Law of J J^T for J = D_L W_L ... D_1 W_1 with alpha-stable square W_l and gates D_l independent of them.

    Parameters
    ----------
    alpha : float
        0.3 < alpha <= 2; entries are sigma_w n^(-1/alpha) Z with E exp(itZ) = exp(-|t|^alpha). At alpha = 2 they are
        Gaussian of variance 2 sigma_w^2/n.
    depth : int
        L >= 1.
    sigma_w : float
    gates : None or float
        None for D_l = 1; or the probability, in (0, 1], of the gates 1, the others being 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range.
    ConvergenceError
        If the equations could not be solved; close to alpha = 2 their kernels are nearly singular at the top edge.

    Notes
    -----
    Source: THEORY.md section 3a.
    """
    alpha, depth = checked_number("alpha", alpha), checked_integer("depth", depth, 1)
    sigma_w = checked_number("sigma_w", sigma_w)
    if not SMALLEST_ALPHA < alpha <= 2.0:
        raise ValueError(f"alpha={alpha:g}: allowed are {SMALLEST_ALPHA} < alpha <= 2")
    opened = 1.0 if gates is None else checked_number("gates", gates)
    if opened > 1.0:
        raise ValueError(f"gates={opened:g}: allowed is None or a probability in (0, 1]")
    name = f"{depth} stable:{alpha:g} matrices" + ("" if gates is None else f", gates open with {opened:g}")
    if alpha == 2.0:
        ens = Ensemble(depth, 1, sigma_w=math.sqrt(2.0) * sigma_w)
        law = GateLaw(np.ones(1), np.array([opened]), 1.0 - opened)
        return SpectralLaw(normal_form(ens, [Layer(law, 1, depth)]).spectrum("output"), name)
    layers: list[tuple[StableGates, float, int]] = []
    own = StableGates(np.zeros(1), np.array([opened]))
    if depth > 1:
        layers.append((own, 1.0, depth - 1))
    layers.append((own, 1.0, 1))
    return SpectralLaw(_spectrum(alpha, layers, depth * log_kappa(alpha, sigma_w), 1.0), name)


def stable_network_spectrum(ens: Ensemble, q: Any, gates: Any, inputs: Any, side: str) -> Spectrum:
    """Spectrum of J J^T ("output") or J^T J ("input") of a network of stable weights and independent gates.

    Parameters
    ----------
    ens, q, gates, inputs, side
        As in `spectral_law`; q are scales of the pre-activations.

    Raises
    ------
    HeavyTailError
        If gates need a scale that does not exist: behind unbounded activations.
    UnsupportedError
        For gates="network" where they depend on the weights.
    ValueError, TypeError
        For other arguments outside their range.
    """
    alpha = ens.weights.alpha
    if not alpha > SMALLEST_ALPHA:
        raise ValueError(f"weights={ens.weights.name!r}: allowed are {SMALLEST_ALPHA} < ALPHA < 2")
    if isinstance(gates, str):
        if gates == "network" and alpha == 1.0 and not _gates_are_free(ens):
            return cauchy_network_spectrum(ens, q, inputs, side)
        check_gates_known(ens, gates)
        scales = _scales(ens, q, inputs)
        keys: list[Any] = list(zip(ens.activations, scales, strict=True))
        laws = {key: stable_gates(key[0], key[1], alpha) for key in dict.fromkeys(keys)}
    else:
        keys = list(range(ens.depth))
        laws = dict(zip(keys, [_realised(values) for values in gates], strict=True))
    if any(not law.masses.size for law in laws.values()):
        return AtomicSpectrum(np.empty((0, 2)), 1.0)
    ratios = [n / ens.widths[0] for n in ens.widths]
    inner = Counter(zip(keys[:-1], ratios[1:-1], strict=True))
    layers = [(laws[key], ratio, count) for (key, ratio), count in inner.items()]
    layers.append((laws[keys[-1]], ratios[-1], 1))
    log_kappas = sum(log_kappa(alpha, sigma_w) for sigma_w in ens.sigma_w)
    return _spectrum(alpha, layers, log_kappas, 1.0 if side == "input" else ratios[-1])


def check_gates_known(ens: Ensemble, gates: str) -> None:
    """Raise UnsupportedError where the gates of stable weights depend on these, and no law of independent ones holds.

    Signs of h alone are independent of the weights up to the signs of rows, which no singular value sees.
    """
    if gates == "network" and not _gates_are_free(ens):
        raise UnsupportedError(
            f"gates='network' with weights={ens.weights.name!r}: the gates of a heavy-tailed network depend on its "
            "weights, and no law of independent gates holds (with Cauchy weights, spectral_law has the law of bounded "
            "odd activations); allowed are gates='independent' (another law), linear, relu and leaky_relu without "
            "biases, and population_spectrum or sample_spectrum instead"
        )


def _gates_are_free(ens: Ensemble) -> bool:
    return all(
        not phi.gates_depend_on_q and (scale == 0.0 or phi.name == "linear")
        for phi, scale in zip(ens.activations, ens.bias_scales, strict=True)
    )


def _scales(ens: Ensemble, q: Any, inputs: Any) -> list[float]:
    """Scales s_1..s_L of the pre-activations as asked for."""
    if q is None or isinstance(q, str):
        if q not in (None, "stationary"):
            raise ValueError(f"q={q!r}: allowed are None, 'stationary', one number or one per layer")
        if not any(phi.gates_depend_on_q for phi in ens.activations):
            return [1.0] * ens.depth  # gates that need no scale
        field = stable_mean_field(ens, "stationary" if q == "stationary" else inputs)
        return [float(scale) for scale in field.scale]
    values = np.atleast_1d(np.asarray(q, dtype=np.float64))
    if (
        values.ndim != 1
        or values.size not in (1, ens.depth)
        or not (np.isfinite(values) & (values > 0)).all()
    ):
        raise ValueError(f"q={q!r}: allowed are finite numbers > 0, one or one per layer ({ens.depth})")
    return [float(scale) for scale in np.broadcast_to(values, ens.depth)]


def _realised(squares: npt.ArrayLike) -> StableGates:
    """The law of realised gates phi'(h)^2."""
    law = GateLaw.of_values(squares)
    return StableGates(0.5 * np.log(law.values), law.masses)


def log_kappa(alpha: float, sigma_w: float) -> float:
    """log of kappa = sigma_w^alpha 2^alpha Gamma((1 + alpha)/2)/sqrt(pi): THEORY.md 3a."""
    return alpha * math.log(2.0 * sigma_w) + math.lgamma(0.5 * (1.0 + alpha)) - 0.5 * math.log(math.pi)


def _spectrum(
    alpha: float, layers: Sequence[tuple[StableGates, float, int]], log_kappas: float, outputs: float
) -> Spectrum:
    """The spectrum of layers (gates, n_l/n_0, count), the last one last; `outputs` rows per input."""
    *inner, (last, ratio, _) = layers
    terms = [
        Term(StableFunction(alpha, OPEN, False), 1.0, 1),
        Term(StableFunction(alpha, last, False), ratio, 1),
    ]
    terms += [Term(StableFunction(alpha, gates, True), share, count) for gates, share, count in inner]
    equation = StableEquation(terms, alpha / 2.0, log_kappas)
    places, roots = equation.skeleton(FOLDS)

    def log_density(t: Floats) -> tuple[Floats, Floats]:
        start = np.column_stack(
            [np.interp(t, places, column.real) + 1j * np.interp(t, places, column.imag) for column in roots.T]
        )
        solution, size = equation.solve(t, math.pi, start)
        density, error = equation.density(solution)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(density / outputs), np.where(size < 1e-9, error, np.nan)

    mass = equation.mass / outputs
    tail = _tail(alpha, layers, log_kappas, outputs)
    return TableSpectrum(log_density, places, mass, equation.exponent, tail)


def _tail(
    alpha: float, layers: Sequence[tuple[StableGates, float, int]], log_kappas: float, outputs: float
) -> PowerTail:
    """The power law of large lambda, t = log lambda: where F_0(a) ~ a, F_L(b) ~ b E d^alpha and F_l(p) ~ -p log p
    E d^alpha/Gamma(1 - beta), so that c ~ (-lambda)^-beta prod_l kappa_l E d_l^alpha (beta t/Gamma(1 - beta))^(L-1).
    """
    beta = alpha / 2.0
    depth = sum(count for _, _, count in layers)
    log_gates = sum(count * math.log(gates.masses @ np.exp(alpha * gates.logs)) for gates, _, count in layers)
    log_constant = log_kappas + log_gates + (depth - 1) * math.log(beta) - depth * math.lgamma(1.0 - beta)
    return PowerTail(beta, depth - 1, layers[-1][1] / outputs * math.exp(log_constant))
