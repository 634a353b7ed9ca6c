"""Sums over quadrature nodes that the equations of Cauchy networks spend their time in.

The long loops run over arrays in real arithmetic, so that the compiler can use vector instructions.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel

__all__ = ["backward_sums", "gate_sums", "input_sums", "lagrange_matrix"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]


@kernel
def lagrange_matrix(nodes: Floats, weights: Floats, points: Floats) -> Floats:
    """Matrix from values at `nodes` to those of their polynomial at `points`, by barycentric weights."""
    matrix = np.empty((points.size, nodes.size))
    for i in range(points.size):
        total, hit = 0.0, -1
        for k in range(nodes.size):
            distance = points[i] - nodes[k]
            if distance == 0.0:
                hit = k
                break
            matrix[i, k] = weights[k] / distance
            total += matrix[i, k]
        for k in range(nodes.size):
            if hit >= 0:
                matrix[i, k] = 1.0 if k == hit else 0.0
            else:
                matrix[i, k] /= total
    return matrix


@kernel
def gate_sums(forward: Complexes, v: Floats, weights: Floats, h: Floats, squares: Floats) -> Complexes:
    """sum_i weights_i sum_+- ((forward_i +- 2i v_i h_b)^2 + squares_bk)^(-3/2), shape of squares."""
    result = np.empty(squares.shape, dtype=np.complex128)
    count = squares.shape[1]
    real, imag = np.empty(count), np.empty(count)
    for b in range(h.size):
        row = squares[b]
        real[:] = 0.0
        imag[:] = 0.0
        for i in range(2 * v.size):
            j = i // 2
            a = forward[j] + (2j if i % 2 else -2j) * v[j] * h[b]
            square, weight = a * a, weights[j]
            for k in range(count):
                x, y = square.real + row[k], square.imag
                norm = x * x + y * y
                size = math.sqrt(norm)
                # the root of z = x + iy with Re > 0, and z^(-3/2) = root conj(z)... by its conjugate
                large = math.sqrt(0.5 * (size + abs(x)))
                small = 0.5 * abs(y) / large
                re, im = (large, small) if x >= 0.0 else (small, large)
                im = -im if y > 0.0 else im
                factor = weight / (norm * size)
                real[k] += (re * x + im * y) * factor
                imag[k] += (im * x - re * y) * factor
        for k in range(count):
            result[b, k] = complex(real[k], imag[k])
    return result


@kernel
def backward_sums(
    forward: Complexes, v: Floats, h: Floats, strengths: Complexes, squares: Floats
) -> Complexes:
    """sum_b sum_+- a sum_k strengths_bk (a^2 + squares_k)^(-5/2), a = forward_i +- 2i v_i h_b, shape of v."""
    count = v.size
    a = np.empty(2 * count, dtype=np.complex128)
    real, imag = np.empty(2 * count), np.empty(2 * count)
    total_real, total_imag = np.empty(2 * count), np.empty(2 * count)
    result = np.zeros(count, dtype=np.complex128)
    for b in range(h.size):
        for i in range(count):
            a[i] = forward[i] + 2j * v[i] * h[b]
            a[count + i] = forward[i] - 2j * v[i] * h[b]
        for i in range(2 * count):
            square = a[i] * a[i]
            real[i], imag[i] = square.real, square.imag
            total_real[i] = total_imag[i] = 0.0
        for k in range(squares.size):
            strong, turned = strengths[b, k].real, strengths[b, k].imag
            for i in range(2 * count):
                x, y = real[i] + squares[k], imag[i]
                norm = x * x + y * y
                size = math.sqrt(norm)
                large = math.sqrt(0.5 * (size + abs(x)))
                small = 0.5 * abs(y) / large
                re, im = (large, small) if x >= 0.0 else (small, large)
                im = -im if y > 0.0 else im
                # conj(root)^5 = conj(root) conj(z)^2
                p, q = x * x - y * y, -2.0 * x * y
                p, q = re * p - im * q, re * q + im * p
                factor = 1.0 / (norm * norm * size)
                total_real[i] += (strong * p - turned * q) * factor
                total_imag[i] += (strong * q + turned * p) * factor
        for i in range(count):
            result[i] += a[i] * complex(total_real[i], total_imag[i])
            result[i] += a[count + i] * complex(total_real[count + i], total_imag[count + i])
    return result


@kernel
def input_sums(
    sizes: Floats, masses: Floats, u: Floats, backward: Complexes, x_in: complex
) -> tuple[Complexes, Complexes]:
    """sum_b m_b y_b e_bk and 2 sum_b m_b y_b^2 u_k e_bk, e_bk = exp(-x_in (y_b u_k)^2 - y_b u_k backward_k)."""
    first = np.empty(u.size, dtype=np.complex128)
    second = np.empty(u.size, dtype=np.complex128)
    for k in range(u.size):
        total, weighted = 0j, 0j
        for b in range(sizes.size):
            rho = sizes[b] * u[k]
            term = masses[b] * sizes[b] * np.exp(-x_in * (rho * rho) - rho * backward[k])
            total += term
            weighted += 2.0 * rho * term
        first[k], second[k] = total, weighted
    return first, second
