"""The source paper's scheme: what it gets right, what its bound says, and where it is refused."""

import math

import numpy as np
import pytest

import rmtjac as rj
from rmtjac.theory.banach import Scheme, identical_layers, solve_by_iteration
from rmtjac.theory.network_law import _layers

FINE = {"b": 1.3, "n_steps": 60, "tol": 1e-11, "max_iter": 500}  # Im z = 1.5e-7 at the end


def pair(activation="hard_tanh", depth=3, q=0.8, sigma_w=1.0, **scheme):
    """The law by the scheme and the law."""
    ens = rj.Ensemble(depth=depth, activation=activation, sigma_w=sigma_w)
    return rj.spectral_law(ens, q=q, method="banach", **scheme), rj.spectral_law(ens, q=q)


@pytest.mark.parametrize("activation", ["hard_tanh", "leaky_relu(0.3)", "erf"])
@pytest.mark.parametrize("depth", [2, 5])
def test_with_small_steps_and_many_iterations_it_is_the_law(activation, depth):
    by_iteration, law = pair(activation, depth, **FINE)
    x = law.support[-1, 1] * np.array([0.05, 0.3, 0.6, 0.9])
    assert by_iteration.pdf(x) == pytest.approx(law.pdf(x), rel=1e-3)


def test_the_printed_parameters_leave_an_error():
    by_iteration, law = pair("hard_tanh", 5)
    x = law.support[-1, 1] * np.array([0.01, 0.1, 0.5])
    error = np.abs(by_iteration.pdf(x) / law.pdf(x) - 1.0)
    assert 1e-8 < error.max() < 0.5


@pytest.mark.parametrize("scheme", [{}, {"b": 1.1, "n_steps": 60}, {"tol": 1e-2, "max_iter": 3}])
def test_the_bound_covers_the_distance_to_the_law(scheme):
    by_iteration, law = pair("erf", 3, **scheme)
    x = np.geomspace(1e-3, 1.2 * law.support[-1, 1], 50)
    status = by_iteration.status(x)
    assert (np.abs(by_iteration.pdf(x) - law.pdf(x)) <= status.bound).all()


def test_points_that_miss_the_tolerance_say_so():
    by_iteration, _ = pair("erf", 10, max_iter=1)
    assert (by_iteration.status([0.01, 0.1]).code == 1).all()
    by_iteration, _ = pair("linear", 1, b=1.3, n_steps=30, tol=1e-3, max_iter=10_000)
    assert (by_iteration.status([0.5, 1.0]).code == 0).all()


def test_the_printed_start_never_leaves_the_trivial_root():
    ens = rj.Ensemble(depth=3, activation="hard_tanh")
    layers = identical_layers(ens, _layers(ens, 0.8, "network", None))
    lam = np.array([0.1, 1.0])
    stuck, _ = solve_by_iteration(layers, lam, Scheme(), 0.0)
    assert (stuck == 0.0).all()
    moved, _ = solve_by_iteration(layers, lam, Scheme(), layers.first_moment)
    assert (moved.imag < -1e-3).all()


@pytest.mark.parametrize("sigma_w", [0.5, 1.7])
def test_the_scale_of_the_weights_is_that_of_lambda(sigma_w):
    # Im z is not scaled along
    one, scaled = (pair("erf", 3, sigma_w=scale, **FINE)[0] for scale in (1.0, sigma_w))
    x, factor = np.array([0.1, 0.4]), sigma_w**6
    assert scaled.pdf(factor * x) * factor == pytest.approx(one.pdf(x), rel=1e-3)


def test_support_and_atoms_are_those_of_the_law():
    by_iteration, law = pair("relu", 2)
    assert np.array_equal(by_iteration.support, law.support)
    assert np.array_equal(by_iteration.atoms, law.atoms)
    assert np.isnan(by_iteration.pdf(math.nan))


@pytest.mark.parametrize("call", [lambda law: law.cdf(0.5), lambda law: law.mean(), lambda law: law.ppf(0.5)])
def test_it_gives_densities_only(call):
    with pytest.raises(rj.UnsupportedError, match=r"densities only.*newton"):
        call(pair()[0])


UNSUITED = {
    "orthogonal": {"depth": 2, "weights": "orthogonal"},
    "widths": {"widths": [30, 40, 30]},
    "sigma_w": {"depth": 2, "sigma_w": [1.0, 1.1]},
    "gates": {"depth": 2, "activation": ["relu", "linear"]},
}


@pytest.mark.parametrize("case", UNSUITED.values(), ids=UNSUITED)
def test_other_networks_are_refused(case):
    with pytest.raises(
        rj.UnsupportedError, match=r"identical square layers.*newton|layers with different gates"
    ):
        rj.spectral_law(rj.Ensemble(**case), method="banach")


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        ({"b": 1.0}, "^b=1.0"),
        ({"b": 10.0, "n_steps": 200}, "^b=10.0, n_steps=200"),
        ({"n_steps": 0}, "^n_steps=0"),
        ({"tol": 0.0}, "^tol=0"),
        ({"max_iter": 0}, "^max_iter=0"),
    ],
)
def test_bad_parameters(scheme, message):
    with pytest.raises(ValueError, match=message):
        rj.spectral_law(rj.Ensemble(depth=2), method="banach", **scheme)
