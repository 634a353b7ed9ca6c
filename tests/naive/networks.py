"""Slow twins of the forward pass, the Jacobian and its singular values: whole matrices, a line a formula."""

import numpy as np


def pre_activations(weights, biases, values, x):
    """h^1, ..., h^L of one input."""
    layers = []
    for w, b, phi in zip(weights, biases, values, strict=True):
        layers.append(np.array([sum(w[i, j] * x[j] for j in range(x.size)) + b[i] for i in range(b.size)]))
        x = phi(layers[-1])
    return layers


def jacobian(weights, gates):
    """D^L W^L ... D^1 W^1 with whole diagonal matrices."""
    product = np.eye(weights[0].shape[1])
    for w, d in zip(weights, gates, strict=True):
        product = np.diag(d) @ w @ product
    return product


def finite_differences(function, x, step=1e-6):
    """Jacobian of a function of one vector by central differences."""
    columns = []
    for j in range(x.size):
        shift = np.zeros(x.size)
        shift[j] = step
        columns.append((function(x + shift) - function(x - shift)) / (2 * step))
    return np.array(columns).T


def eigenvalues(matrix):
    """Eigenvalues of M M^T, ascending, by way of M M^T."""
    return np.linalg.eigvalsh(matrix @ matrix.T)
