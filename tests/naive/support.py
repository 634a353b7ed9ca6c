"""Edges as the critical values of z(u) that bound the density: polynomial roots, no phases, no counting."""

from __future__ import annotations

import math

import numpy as np


def bernoulli_gaussian_edges(p, depth, sigma_w):
    """Edges of J J^T, gates open with probability p, independent entries: THEORY.md section 2, "Atoms and edges"."""
    root = math.sqrt((depth - 1) ** 2 + 4 * depth * p)
    w_c = 2 * p / (depth - 1 + root)
    scale = sigma_w ** (2 * depth)
    top = scale * (1 + w_c) * (w_c + p) ** depth / w_c
    return [scale * (1 - math.sqrt(p)) ** 2, top] if depth == 1 and p < 1 else [top]


def bernoulli_haar_edges(p, depth, sigma_w):
    """The same for Haar weights, depth >= 2."""
    return [sigma_w ** (2 * depth) * (1 - p) * p ** (depth - 1) * depth**depth / (depth - 1) ** (depth - 1)]


def marchenko_pastur_mixture_edges(values, masses):
    """Edges at depth 1, independent entries: z(zeta) = (1 + m_K(zeta))/zeta at the real roots of z' = 0 (sigma_w = 1).

    z' = 0 is sum_j m_j (zeta k_j)^2/(1 - zeta k_j)^2 = 1. By Silverstein and Choi an interval of zeta where z
    falls is a gap, so every critical value bounds the support.
    """
    total = -np.polynomial.Polynomial([1.0])
    for k in values:
        total *= np.polynomial.Polynomial([1.0, -k]) ** 2
    for j, (k, m) in enumerate(zip(values, masses, strict=True)):
        term = np.polynomial.Polynomial([0.0, 0.0, m * k * k])
        for i, other in enumerate(values):
            term *= np.polynomial.Polynomial([1.0, -other]) ** 2 if i != j else 1.0
        total += term
    zetas = [x.real for x in total.roots() if abs(x.imag) < 1e-9]
    return sorted(
        1 / x + sum(m * k / (1 - x * k) for k, m in zip(values, masses, strict=True)) for x in zetas
    )


def two_leaky_haar_edges(first, second):
    """All four edges of two orthogonal layers of slopes 0 < a, b < 1, a != b: two subspaces in general position."""
    return [(first * second) ** 2, min(first, second) ** 2, max(first, second) ** 2, 1.0]
