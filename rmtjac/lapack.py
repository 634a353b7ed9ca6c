"""LAPACK with the interpreter free, so that threads decompose matrices of any size side by side.

NumPy (2.4) holds the interpreter for matrices of fewer than 500 rows, SciPy (1.17) for all; threads then wait for each
other, and Ctrl-C for the decomposition. The routines are SciPy's, by the addresses that scipy.linalg.cython_lapack
offers to compiled code; ctypes lets go of the interpreter while they run.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cython_lapack

__all__ = ["eigenvalues", "qr", "singular_values", "triangular_factor"]

Floats = NDArray[np.float64]

ONLY_VALUES = ctypes.c_char(b"N")
LOWER = ctypes.c_char(b"L")


def singular_values(matrix: Floats) -> Floats:
    """Singular values of a finite matrix (m, n), descending, min(m, n) of them.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the iteration does not end.
    """
    rows, columns = matrix.shape
    values = np.empty(min(rows, columns))
    if values.size:
        # the memory of a matrix by rows is its transpose to LAPACK
        copy, unused, integers = (
            np.array(matrix, order="C"),
            np.empty(1),
            np.empty(8 * values.size, dtype=np.intc),
        )
        whole = (ONLY_VALUES, columns, rows, copy, columns, values, unused, 1, unused, 1)
        _call("dgesdd", *whole, *_work("dgesdd", rows, columns, *whole, after=(integers,)), integers)
    return values


def eigenvalues(symmetric: Floats) -> Floats:
    """Eigenvalues of a finite symmetric matrix (n, n), ascending.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the iteration does not end.
    """
    n = len(symmetric)
    values = np.empty(n)
    if n:
        copy, integers = np.array(symmetric, order="C"), np.empty(1, dtype=np.intc)
        whole = (ONLY_VALUES, LOWER, n, copy, n, values)
        _call("dsyevd", *whole, *_work("dsyevd", n, n, *whole, after=(integers, 1)), integers, 1)
    return values


def qr(matrix: Floats) -> tuple[Floats, Floats]:
    """Q (m, k) with orthonormal columns and R (k, n), k = min(m, n), of a finite matrix (m, n)."""
    factored, scales = _reflections(matrix)
    rows, rank = len(matrix), scales.size
    triangle = np.triu(factored[:rank])
    basis = factored[:, :rank]
    if rank:
        whole = (rows, rank, rank, basis, rows, scales)
        _call("dorgqr", *whole, *_work("dorgqr", rows, rank, *whole))
    return basis, triangle


def triangular_factor(matrix: Floats) -> Floats:
    """R (k, n), k = min(m, n), of `qr`."""
    factored, scales = _reflections(matrix)
    return np.triu(factored[: scales.size])


def _reflections(matrix: Floats) -> tuple[Floats, Floats]:
    """R above the diagonal and Householder vectors below, by columns, and their scales."""
    rows, columns = matrix.shape
    factored, scales = np.array(matrix, order="F"), np.empty(min(rows, columns))
    if scales.size:
        whole = (rows, columns, factored, rows, scales)
        _call("dgeqrf", *whole, *_work("dgeqrf", rows, columns, *whole))
    return factored, scales


_sizes: dict[tuple[str, int, int], int] = {}


def _work(
    name: str, rows: int, columns: int, *arguments: Any, after: tuple[Any, ...] = ()
) -> tuple[Floats, int]:
    """Workspace of the size that the routine likes best, and this size."""
    size = _sizes.get((name, rows, columns))
    if size is None:
        answer = np.empty(1)
        _call(name, *arguments, answer, -1, *after)
        size = _sizes[name, rows, columns] = int(answer[0])
    return np.empty(size), size


def _call(name: str, *arguments: Any) -> None:
    """Run a routine: integers and characters by reference, arrays by address, and its last argument, info, here."""
    info = ctypes.c_int(0)
    passed = [
        value.ctypes.data
        if isinstance(value, np.ndarray)
        else ctypes.byref(ctypes.c_int(value) if isinstance(value, int) else value)
        for value in arguments
    ]
    _routine(name)(*passed, ctypes.byref(info))
    if info.value:
        raise np.linalg.LinAlgError(f"LAPACK's {name} did not converge (info = {info.value})")


@cache
def _routine(name: str) -> Any:
    capsule = cython_lapack.__pyx_capi__[name]
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    signature = api.PyCapsule_GetName(capsule)
    address = api.PyCapsule_GetPointer(capsule, signature)
    pointers = [ctypes.c_void_p] * (signature.count(b",") + 1)
    return ctypes.CFUNCTYPE(None, *pointers)(address)
