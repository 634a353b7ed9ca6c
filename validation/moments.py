"""Moments of layers that differ, from power series alone: no root is looked for.

S-transforms multiply (THEORY.md section 2, "General per-layer, rectangular form"): 1/z = w_0/((1 + w_0) prod_l T_l) is
a series in w_0, and w_0 = sum of m_k z^-k is its inverse. `validation/series.py` has the shorter form for equal layers.
"""

from __future__ import annotations

from collections.abc import Sequence

import mpmath as mp

from validation.gate_transforms import gate_moment
from validation.networks import Network
from validation.series import product

__all__ = ["moments_of_network"]

DIGITS = 50


def moments_of_network(network: Network, count: int) -> tuple[list[mp.mpf], list[mp.mpf]]:
    """Moments 0..count of J^T J and of J J^T."""
    with mp.workdps(DIGITS):
        inverse_z = inverse([mp.mpf(1), mp.mpf(1)], count)
        for layer in range(len(network.layers)):
            inverse_z = product(inverse_z, _inverse_factor(network, layer, count))
        inner = reversion(inverse_z)
        return [mp.mpf(1), *inner], [mp.mpf(1), *(network.scale * mp.mpf(1) * m for m in inner)]


def inverse(series: Sequence[mp.mpf], count: int) -> list[mp.mpf]:
    """`count` coefficients of 1/series; the constant term is not 0."""
    terms = [*series, *[mp.mpf(0)] * count][:count]
    result: list[mp.mpf] = []
    for n in range(count):
        rest = mp.fsum(terms[n - k] * result[k] for k in range(n))
        result.append((mp.mpf(n == 0) - rest) / terms[0])
    return result


def reversion(series: Sequence[mp.mpf]) -> list[mp.mpf]:
    """Coefficients 1..n of the inverse function of y = x (series), by Lagrange's formula; n = len(series)."""
    base, power, result = inverse(series, len(series)), [mp.mpf(1)] + [mp.mpf(0)] * (len(series) - 1), []
    for k in range(1, len(series) + 1):
        power = product(power, base)
        result.append(power[k - 1] / k)
    return result


def _inverse_factor(network: Network, layer: int, count: int) -> list[mp.mpf]:
    """1/T_l as a series in w_0: zeta_l/w_l over the scale, times 1 + w_l for Haar weights."""
    of = network.layers[layer]
    gates = [gate_moment(of["activation"], of["q"], k, DIGITS) for k in range(1, count + 1)]
    factor = reversion(gates)
    scale = mp.mpf(of["sigma_w"]) ** 2
    if network.haar:
        factor = product(factor, ([mp.mpf(1), mp.mpf(1)] + [mp.mpf(0)] * count)[:count])
    else:
        scale *= mp.mpf(network.widths[layer + 1]) / network.widths[layer]
    ratio = mp.mpf(network.widths[0]) / network.widths[layer + 1]
    return [c * ratio**k / scale for k, c in enumerate(factor)]
