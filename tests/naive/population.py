"""Plain twins of theory/population_kernels.py: one member and one angle at a time, the equations as they stand."""

from __future__ import annotations

import numpy as np


def places(sizes, ranks, members):
    rank = np.interp(sizes, np.linspace(0.0, 1.0, ranks.size), ranks)
    return np.minimum((members * rank).astype(int), members - 1)


def forward_messages(slopes, place, sums, reciprocals):
    """g^ff = 1/(s_f + 1/s_b), and the mean of s_f s_b/(1 + s_f s_b); nothing through a closed gate."""
    s_f, s_b = 1.0 / reciprocals[place], slopes[:, None] ** 2 * sums
    messages = np.zeros_like(sums)
    opened = slopes != 0.0
    messages[opened] = 1.0 / (s_f[opened] + 1.0 / s_b[opened])
    return messages, np.mean(s_f * s_b / (1.0 + s_f * s_b), axis=0)


def forward_sums(weights, partners, messages, rest, mean):
    picked = messages[partners % len(messages)]
    return (weights[..., None] ** 2 * picked).sum(axis=1) + rest[:, None] * mean


def backward_sums(weights, partners, slopes, place, sums, reciprocals, rest, mean):
    result = rest[:, None] * mean
    for (i, k), w in np.ndenumerate(weights):
        point = i * weights.shape[1] + k
        d = slopes[point]
        if d != 0.0:
            s_b, s_f = d**2 * sums[partners[i, k] % len(sums)], 1.0 / reciprocals[place[point]]
            result[i] += w**2 * d**2 / (s_b + 1.0 / s_f)
    return result


def bethe_terms(weights, partners, messages, rest, mean, slopes, place, sums, reciprocals):
    """Im[log(1 + s_f s_b) - sum_k log(1 + w_k^2 d^2 g_k g^bb without k)], of the points not drawn the linear part."""
    total = np.zeros(messages.shape[1])
    for i, d in enumerate(slopes):
        s_f, s_b = 1.0 / reciprocals[place[i]], d**2 * sums[i]
        total += np.log(1.0 + s_f * s_b).imag
        if d != 0.0:
            total -= (rest[i] * mean * d**2 / (1.0 / s_f + s_b)).imag
        for w, j in zip(weights[i], partners[i] % len(messages), strict=True):
            own = w**2 * d**2 * messages[j]
            total -= np.log(1.0 + own / (1.0 / s_f + s_b - own)).imag
    return total
