"""Loops over the members of a population: sums over Poisson points, and what is measured of them.

The terms are those of `cavity`. A neuron has the sum s_f, kept as its reciprocal, and s_b = d^2 S. Arrays of complex
numbers end in an axis of angles, one number for each zeta; weights, partners and gates are shared by all of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel

__all__ = ["backward_sums", "bethe_terms", "forward_messages", "forward_sums", "places"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]

SMALL = 1e-3  # below it log(1 - u) is its series


@kernel
def inverse(z: Any) -> Any:
    """1/z for z away from the ends of the range of doubles: faster than the division that guards them."""
    return z.conjugate() / (z.real * z.real + z.imag * z.imag)


@kernel
def places(sizes: Floats, ranks: Floats, members: int) -> Integers:
    """Members whose |x| is nearest to `sizes`, in units of the largest: ranks at equidistant |x|, interpolated."""
    cells = ranks.size - 1
    result = np.empty(sizes.size, np.int64)
    for i in range(sizes.size):
        position = sizes[i] * cells
        cell = min(int(position), cells - 1)
        rank = ranks[cell] + (position - cell) * (ranks[cell + 1] - ranks[cell])
        result[i] = min(int(members * rank), members - 1)
    return result


@kernel
def forward_messages(
    slopes: Floats, place: Integers, sums: Complexes, reciprocals: Complexes, messages: Complexes
) -> Complexes:
    """Write g^ff = 1/(s_f + 1/s_b) of every member to `messages`; the mean of s_f s_b/(1 + s_f s_b)."""
    members, angles = sums.shape
    trace = np.zeros(angles, np.complex128)
    for j in range(members):
        square = slopes[j] * slopes[j]
        for a in range(angles):
            own, other = square * sums[j, a], reciprocals[place[j], a]
            ratio = own * inverse(other + own)
            messages[j, a] = ratio * other
            trace[a] += ratio
    trace /= members
    return trace


@kernel
def forward_sums(
    weights: Floats, partners: Integers, messages: Complexes, rest: Floats, mean: Complexes, sums: Complexes
) -> None:
    """Write S = sum of w^2 g^ff over the points of every member to `sums`; `rest` of sum w^2 is at the mean message."""
    children, angles = messages.shape
    for i in range(weights.shape[0]):
        for a in range(angles):
            sums[i, a] = rest[i] * mean[a]
        for k in range(weights.shape[1]):
            square, j = weights[i, k] * weights[i, k], partners[i, k] % children
            for a in range(angles):
                sums[i, a] += square * messages[j, a]


@kernel
def backward_sums(
    weights: Floats,
    partners: Integers,
    slopes: Floats,
    place: Integers,
    sums: Complexes,
    reciprocals: Complexes,
    rest: Floats,
    mean: Complexes,
    result: Complexes,
) -> None:
    """Write s_f = sum of w^2 d^2 g^bb over the points of every member to `result`, g^bb = 1/(s_b + 1/s_f)."""
    children, angles = sums.shape
    points = weights.shape[1]
    for i in range(weights.shape[0]):
        for a in range(angles):
            result[i, a] = rest[i] * mean[a]
        for k in range(points):
            slope = slopes[i * points + k]
            if slope == 0.0:
                continue
            square, j, r = slope * slope, partners[i, k] % children, place[i * points + k]
            strength = weights[i, k] * weights[i, k] * square
            for a in range(angles):
                result[i, a] += strength * inverse(square * sums[j, a] + reciprocals[r, a])


@kernel
def bethe_terms(
    weights: Floats,
    partners: Integers,
    messages: Complexes,
    rest: Floats,
    mean: Complexes,
    slopes: Floats,
    place: Integers,
    sums: Complexes,
    reciprocals: Complexes,
) -> Floats:
    """Sum over members of Im[log(1 + s_f s_b) - sum_k log(1 + w_k^2 d^2 g^ff_k g^bb_k)].

    Without point k the member has s_b - w_k^2 d^2 g^ff_k, so that the k-th factor is 1/(1 - u_k), u_k =
    w_k^2 d^2 g^ff_k/(1/s_f + s_b).
    """
    children, angles = messages.shape
    total = np.zeros(angles)
    for i in range(weights.shape[0]):
        square = slopes[i] * slopes[i]
        if square == 0.0:
            continue
        for a in range(angles):
            other = reciprocals[place[i], a]
            share = square * inverse(other + square * sums[i, a])
            whole = 1.0 + square * sums[i, a] * inverse(other)
            total[a] += math.atan2(whole.imag, whole.real) - (rest[i] * mean[a] * share).imag
            for k in range(weights.shape[1]):
                u = weights[i, k] * weights[i, k] * messages[partners[i, k] % children, a] * share
                if abs(u.real) + abs(u.imag) < SMALL:
                    total[a] -= (u * (1.0 + u * (0.5 + u / 3.0))).imag
                else:
                    total[a] += math.atan2(-u.imag, 1.0 - u.real)
    return total
