"""LAPACK without the interpreter: the answers of NumPy and SciPy, of any shape, and refusals."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from rmtjac import lapack

SHAPE = st.tuples(st.integers(0, 12), st.integers(0, 12))


def matrix_of(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@given(shape=SHAPE, seed=st.integers(0, 2**32), by_columns=st.booleans())
def test_singular_values_are_numpys(shape, seed, by_columns):
    matrix = np.asarray(matrix_of(shape, seed), order="F" if by_columns else "C")
    before = matrix.copy()
    values = lapack.singular_values(matrix)
    np.testing.assert_allclose(values, np.linalg.svd(matrix, compute_uv=False), atol=1e-13)
    np.testing.assert_array_equal(matrix, before)


@given(n=st.integers(0, 12), seed=st.integers(0, 2**32))
def test_eigenvalues_are_numpys(n, seed):
    half = matrix_of((n, n), seed)
    np.testing.assert_allclose(
        lapack.eigenvalues(half + half.T), np.linalg.eigvalsh(half + half.T), atol=1e-12
    )


@given(shape=SHAPE, seed=st.integers(0, 2**32))
def test_qr_is_scipys(shape, seed):
    matrix = matrix_of(shape, seed)
    basis, triangle = lapack.qr(matrix)
    assert basis.shape == (shape[0], min(shape))
    assert triangle.shape == (min(shape), shape[1])
    np.testing.assert_allclose(basis @ triangle, matrix, atol=1e-13)
    np.testing.assert_allclose(basis.T @ basis, np.eye(min(shape)), atol=1e-14)
    np.testing.assert_array_equal(lapack.triangular_factor(matrix), triangle)
    if min(shape):
        np.testing.assert_allclose(triangle, scipy.linalg.qr(matrix, mode="economic")[1], atol=1e-14)


def test_what_does_not_converge_is_an_error():
    with pytest.raises(np.linalg.LinAlgError, match="dgesdd"):
        lapack.singular_values(np.full((40, 40), np.nan))
