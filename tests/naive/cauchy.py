"""The sums of `rmtjac.theory.cauchy_kernels`, as they are written."""

import numpy as np


def gate_sums(forward, v, weights, h, squares):
    total = np.zeros(squares.shape, dtype=complex)
    for sign in (2j, -2j):
        a = forward + sign * v * h[:, None]
        total += ((a[:, None, :] ** 2 + squares[:, :, None]) ** -1.5) @ weights
    return total


def backward_sums(forward, v, h, strengths, squares):
    total = np.zeros(v.shape, dtype=complex)
    for sign in (2j, -2j):
        a = forward[:, None, None] + sign * v[:, None, None] * h[:, None]
        total += (a * strengths * (a**2 + squares) ** -2.5).sum(axis=(1, 2))
    return total


def input_sums(sizes, masses, u, backward, x_in):
    rho = sizes[:, None] * u
    terms = (masses * sizes)[:, None] * np.exp(-x_in * rho**2 - rho * backward)
    return terms.sum(axis=0), 2.0 * (rho * terms).sum(axis=0)
