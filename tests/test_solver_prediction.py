"""The prediction for z = phi(W z + x) against solves of one matrix, exact laws, and a linear layer in closed form."""

import numpy as np
import pytest

import rmtjac as rj


def tanh_layer(gain, n, seed):
    rng = np.random.default_rng(seed)
    return gain * rng.standard_normal((n, n)) / np.sqrt(n), rng.standard_normal(n)


@pytest.mark.parametrize("gain", [0.5, 0.9])
def test_the_linear_layer_is_known(gain):
    """h has variance 1/(1 - g^2), residuals are g^k, D W is W."""
    found = rj.solver_prediction(gain, activation="linear")
    assert found.q_star == pytest.approx(1 / (1 - gain**2))
    assert found.spectral_radius == pytest.approx(gain)
    assert found.norm_edge == pytest.approx(2 * gain, rel=1e-8)
    assert found.norm_bound == pytest.approx(2 * gain)
    np.testing.assert_allclose(found.residuals[:40], gain ** np.arange(40.0), rtol=1e-5)


def test_the_norm_edge_is_that_of_the_law():
    for gain in (0.7, 1.3):
        found = rj.solver_prediction(gain)
        law = rj.spectral_law(rj.Ensemble(depth=1, activation="tanh", sigma_w=gain), q=found.q_star)
        assert found.norm_edge == pytest.approx(np.sqrt(law.edges[-1]), rel=1e-5)
        assert found.norm_edge > 2 * found.spectral_radius


def test_a_large_matrix_does_as_predicted():
    n, gain = 1000, 0.9
    weights, x = tanh_layer(gain, n, seed=0)
    found = rj.solve_fixed_point(lambda z: np.tanh(weights @ z + x), np.zeros(n), method="picard")
    due = rj.solver_prediction(gain)
    assert abs(found.nfev - due.evaluations(n)) <= 2
    np.testing.assert_allclose(found.trace[:15], due.residuals[:15] * np.sqrt(n), rtol=0.12)
    assert found.rate == pytest.approx(due.spectral_radius, rel=0.05)
    jacobian = (1 - found.x**2)[:, None] * weights
    assert np.linalg.norm(jacobian, 2) == pytest.approx(due.norm_edge, rel=0.02)
    assert np.var(weights @ found.x + x) == pytest.approx(due.q_star, rel=0.1)


def test_no_method_of_short_memory_gains_more_than_krylov():
    n = 1000
    weights, x = tanh_layer(0.7, n, seed=1)
    found = rj.solve_fixed_point(lambda z: np.tanh(weights @ z + x), np.zeros(n), memory=10)
    due = rj.solver_prediction(0.7)
    assert due.evaluations(n, method="krylov") <= due.evaluations(n)
    assert found.nfev >= due.evaluations(n, method="krylov") - 1


def test_many_fixed_points_beyond_radius_one():
    due = rj.solver_prediction(3.0, 0.1)
    assert not due.unique
    assert due.evaluations(100) == due.evaluations(100, method="krylov") == np.inf
    assert rj.solver_prediction(1.5).unique


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gain": -1.0}, "gain=-1.0: allowed are numbers"),
        ({"gain": 1.0, "sigma_x": 0.0}, "sigma_x=0.0"),
        ({"gain": 1.5, "activation": "linear"}, "gain=1.5 with linear: h has no finite variance"),
        ({"gain": 1.0, "max_iter": 0}, "max_iter=0"),
        ({"gain": 1.0, "activation": "tan"}, "activation='tan'"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        rj.solver_prediction(**arguments)
