"""dz/da of fixed points: closed forms, finite differences, adjoint against forward, matrices against products."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import LinearOperator

import rmtjac as rj


def layer(seed, n=6, gain=0.7):
    """The fixed point of z = tanh(W z + a), with df/dz and df/da there."""
    rng = np.random.default_rng(seed)
    weights, a = gain * rng.standard_normal((n, n)) / np.sqrt(n), rng.standard_normal(n)
    return weights, a


def solved(weights, a):
    found = rj.solve_fixed_point(lambda z: np.tanh(weights @ z + a), np.zeros(len(a)), tol=1e-14)
    assert found.residual <= 1e-13
    return found.x


def slopes(weights, a):
    z = solved(weights, a)
    gates = np.diag(1.0 - z * z)
    return gates @ weights, gates


def test_a_closed_form():
    """z = a z + b: dz/da = b/(1 - a)^2, dz/db = 1/(1 - a)."""
    a, b = 0.4, 3.0
    z = b / (1 - a)
    found = rj.fixed_point_sensitivity([[a]], [[z, 1.0]])
    np.testing.assert_allclose(found.derivative, [[b / (1 - a) ** 2, 1 / (1 - a)]], rtol=1e-14)
    assert found.success
    assert found.residual < 1e-15


def test_square_roots():
    """z = (z + a/z)/2 is sqrt(a), whose derivative is 1/(2 sqrt(a)); df/dz is 0 there."""
    a = 2.0
    z = float(rj.solve_fixed_point(lambda x: 0.5 * (x + a / x), 1.0, tol=1e-15).x)
    found = rj.fixed_point_sensitivity([[0.5 * (1 - a / z**2)]], [[0.5 / z]])
    assert found.derivative == pytest.approx(0.5 / np.sqrt(a))


@given(seed=st.integers(0, 2**31), n=st.integers(1, 8))
@settings(deadline=None, max_examples=15)
def test_finite_differences(seed, n):
    weights, a = layer(seed, n)
    found = rj.fixed_point_sensitivity(*slopes(weights, a))
    h = 1e-5
    for j, shift in enumerate(h * np.eye(n)):
        quotient = (solved(weights, a + shift) - solved(weights, a - shift)) / (2 * h)
        np.testing.assert_allclose(found.derivative[:, j], quotient, atol=2e-8 * max(1, abs(quotient).max()))


@given(seed=st.integers(0, 2**31), n=st.integers(1, 12), p=st.integers(1, 5))
@settings(deadline=None, max_examples=25)
def test_forward_adjoint_and_matrix_free(seed, n, p):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((n, n)), rng.standard_normal((n, p))
    a *= 0.8 / np.linalg.norm(a, 2)
    exact = np.linalg.inv(np.eye(n) - a) @ b
    tangent, cotangent = rng.standard_normal((p, 2)), rng.standard_normal((3, n))
    products = LinearOperator((n, n), matvec=lambda v: a @ v, rmatvec=lambda v: a.T @ v, dtype=float)
    source = LinearOperator((n, p), matvec=lambda v: b @ v, rmatvec=lambda v: b.T @ v, dtype=float)
    for df_dz, df_da in ((a, b), (products, b), (products, source), (a, source)):
        for arguments, expected in (
            ({}, exact),
            ({"tangent": tangent}, exact @ tangent),
            ({"tangent": tangent[:, 0]}, exact @ tangent[:, 0]),
            ({"cotangent": cotangent}, cotangent @ exact),
            ({"cotangent": cotangent[0]}, cotangent[0] @ exact),
        ):
            found = rj.fixed_point_sensitivity(df_dz, df_da, **arguments)
            assert found.success, found.message
            assert found.derivative.shape == expected.shape
            np.testing.assert_allclose(found.derivative, expected, atol=1e-9 * np.abs(exact).max())


def test_no_df_da_is_the_identity():
    a = np.array([[0.1, 0.2], [0.3, -0.4]])
    np.testing.assert_allclose(rj.fixed_point_sensitivity(a).derivative, np.linalg.inv(np.eye(2) - a))


def test_one_equation_serves_the_adjoint_of_many_parameters():
    """A million parameters and one cotangent: df_da is never a matrix."""
    n, p, calls = 20, 1_000_000, []
    a = 0.5 * np.eye(n)

    def back(w):
        calls.append(1)
        return np.full(p, w.sum())

    source = LinearOperator((n, p), matvec=lambda v: np.full(n, v.sum()), rmatvec=back, dtype=float)
    found = rj.fixed_point_sensitivity(a, source, cotangent=np.ones(n))
    np.testing.assert_allclose(found.derivative, 2.0 * n)
    assert len(calls) == 1


def test_singular():
    found = rj.fixed_point_sensitivity([[0.5, 0.0], [0.0, 1.0]])
    assert found.status == "I - J is singular"
    assert not found.success
    assert np.isnan(found.derivative).all()
    assert "1/|(I - J)^-1| = 0" in found.message


def test_gmres_that_does_not_end_says_so():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((80, 80))
    products = LinearOperator((80, 80), matvec=lambda v: a @ v, dtype=float)
    found = rj.fixed_point_sensitivity(products, tangent=np.ones(80), max_iter=50)
    assert found.status == "iteration limit reached"
    assert found.residual > 1e-6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"df_dz": np.ones((2, 3))}, r"df_dz of shape \(2, 3\): allowed is a square one"),
        ({"df_dz": np.ones(2)}, r"df_dz of shape \(2,\)"),
        ({"df_dz": [[np.nan]]}, "df_dz has an entry that is not finite"),
        ({"df_da": np.ones((3, 2))}, r"df_da of shape \(3, 2\): allowed is \(2, p\)"),
        ({"tangent": np.ones(3)}, r"tangent of shape \(3,\): allowed are \(2,\) and \(2, k\)"),
        ({"cotangent": np.ones((2, 3))}, r"cotangent of shape \(2, 3\): allowed are \(2,\) and \(k, 2\)"),
        ({"tangent": np.ones(2), "cotangent": np.ones(2)}, "tangent and cotangent: allowed is one"),
        ({"tol": 0.0}, "tol=0.0"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        rj.fixed_point_sensitivity(**{"df_dz": 0.5 * np.eye(2), **arguments})
