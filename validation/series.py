"""Moments of the law from the power series of the functional equation: mpmath, no root finding.

Lagrange inversion of 1/z = sigma^(-2L) zeta / psi(zeta), psi = (m_K/zeta)^(L-1) (1 + m_K)^(1 or 1-L), gives
m_k = sigma^(2Lk) (1/k) [zeta^(k-1)] m_K'(zeta) psi(zeta)^k.
"""

from __future__ import annotations

from mpmath import mp, mpf

import rmtjac as rj

DIGITS = 60


def gate_moments(activation: str, q: float, count: int) -> list[mpf]:
    """mu_1..mu_count = E phi'(sqrt(q) xi)^(2k), from the definition of the activation."""
    if activation == "linear":
        return [mpf(1)] * count
    if activation == "relu":
        return [mpf(1) / 2] * count
    if activation == "hard_tanh":
        return [mp.erf(1 / mp.sqrt(2 * mpf(q)))] * count
    slope = mpf(float(activation.removeprefix("leaky_relu(").removesuffix(")")))
    return [(1 + slope ** (2 * k)) / 2 for k in range(1, count + 1)]


def power(series: list[mpf], exponent: int) -> list[mpf]:
    """Coefficients of series^exponent, same order; the constant term is not 0 (Miller's recursion)."""
    result = [series[0] ** exponent]
    for n in range(1, len(series)):
        terms = ((exponent * k - n + k) * series[k] * result[n - k] for k in range(1, n + 1))
        result.append(mp.fsum(terms) / (n * series[0]))
    return result


def product(a: list[mpf], b: list[mpf]) -> list[mpf]:
    """Coefficients of a b, order of a."""
    return [mp.fsum(a[i] * b[n - i] for i in range(n + 1)) for n in range(len(a))]


def moments_by_series(ens: rj.Ensemble, q: float, count: int) -> list[float]:
    """Moments 0..count of the law of identical layers at pre-activation variance q."""
    with mp.workdps(DIGITS):
        mu = gate_moments(ens.activations[0].name, q, count)
        ratio = mu
        one_plus = [mpf(1), *mu[:-1]]
        slope = [(k + 1) * value for k, value in enumerate(mu)]
        last = 1 - ens.depth if ens.weights.is_orthogonal else 1
        scale = mpf(ens.sigma_w[0]) ** (2 * ens.depth)
        moments = [mpf(1)]
        for k in range(1, count + 1):
            psi = product(power(ratio, k * (ens.depth - 1)), power(one_plus, k * last))
            moments.append(scale**k * product(slope, psi)[k - 1] / k)
        return [float(value) for value in moments]
