"""The phase diagram: closed forms, the laws and mean fields it is made of, and honest gaps."""

from __future__ import annotations

import math

import matplotlib.figure
import numpy as np
import pytest

import rmtjac as rj
from rmtjac.model.activations import activation
from rmtjac.model.meanfield import LayerMap
from rmtjac.plotting import plot_phase, render
from rmtjac.theory.conditioning import FACTOR, find_tuned_scale, layer_variances
from rmtjac.theory.normal_form import Layer, normal_form
from rmtjac.theory.phase import PhaseDiagram
from rmtjac.theory.support import find_gaps
from rmtjac.theory.top_edge import log_lam_max

WEIGHTS = ("gaussian", "orthogonal")
ARRAYS = ("q_star", "chi", "variance_rate", "log_lam_max")


@pytest.fixture(scope="module")
def erf():
    return rj.phase_diagram("erf", [0.7, 1.3, 2.0], [0.0, 0.4], depths=(2, 7))


@pytest.fixture
def axes():
    return matplotlib.figure.Figure().subplots(1, 2)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_erf_is_its_closed_form(weights):
    diagram = rj.phase_diagram("erf", [0.7, 1.3, 2.0], [0.1, 0.4], depths=(2, 7), weights=weights)
    q = math.pi * diagram.q_star
    np.testing.assert_allclose(diagram.chi, diagram.sigma_w**2 / np.sqrt(1 + q), rtol=1e-13)
    rate = (1 + q) / np.sqrt(1 + 2 * q) - 1 + (weights == "gaussian")
    np.testing.assert_allclose(diagram.variance_rate, rate, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(diagram.relative_variance[..., 1], 7 * rate, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(diagram.log_mean_square[..., 1], 7 * np.log(diagram.chi))


@pytest.mark.parametrize("weights", WEIGHTS)
def test_hard_gates_are_their_closed_form(weights):
    diagram = rj.phase_diagram("hard_tanh", [0.8, 1.5], [0.3, 1.0], depths=3, weights=weights)
    opened = np.vectorize(math.erf)(1 / np.sqrt(2 * diagram.q_star))
    np.testing.assert_allclose(diagram.variance_rate, 1 / opened - 1 + (weights == "gaussian"), rtol=1e-12)
    relu = rj.phase_diagram("relu", [1.0, 2.0], 0.0, depths=(1, 5, 10), weights=weights)
    np.testing.assert_allclose(relu.variance_rate, 1.0 + (weights == "gaussian"))


def test_known_top_edges():
    depths = np.array([1, 5, 10, 1000])
    linear = rj.phase_diagram("linear", 1.0, 0.0, depths)
    edges = (depths + 1) * np.log(depths + 1) - depths * np.log(depths)
    np.testing.assert_allclose(linear.log_lam_max[0, 0], edges, rtol=1e-13)
    relu = rj.phase_diagram("relu", math.sqrt(2), 0.0, (1, 5, 10))
    # THEORY.md section 2, exact laws
    np.testing.assert_allclose(relu.lam_max[0, 0], [5.828427, 27.272773, 54.410859], rtol=1e-7)
    haar = rj.phase_diagram("linear", 1.5, 0.0, 4, "orthogonal")
    assert haar.lam_max[0, 0, 0] == pytest.approx(1.5**8, rel=1e-13)
    assert haar.variance_rate[0, 0] == 0.0


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("name", ["hard_tanh", "leaky_relu(0.2)", "tanh", "gelu"])
def test_points_are_mean_fields_and_laws(name, weights):
    diagram = rj.phase_diagram(name, [1.3, 1.0], [0.5], depths=(1, 4), weights=weights)
    for j, sigma_w in enumerate(diagram.sigma_w):
        field = rj.mean_field(rj.Ensemble(3, 50, name, weights, sigma_w, 0.5))
        assert (diagram.q_star[0, j], diagram.chi[0, j]) == (field.q_star, field.chi)
        assert diagram.q_star_reason[0][j] == field.q_star_reason
        assert diagram.critical_sigma_w[0] == field.critical_sigma_w
        for d, depth in enumerate(diagram.depths):
            law = rj.spectral_law(rj.Ensemble(depth, 50, name, weights, sigma_w, 0.5), q="stationary")
            assert diagram.lam_max[0, j, d] == pytest.approx(law.ppf(1.0), rel=1e-11)
            assert diagram.log_mean_square[0, j, d] == pytest.approx(math.log(law.mean()), abs=1e-10)
            spread = law.var() / law.mean() ** 2
            assert diagram.relative_variance[0, j, d] == pytest.approx(spread, rel=1e-8)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize(
    "name", ["linear", "relu", "hard_tanh", "leaky_relu(0.3)", "erf", "silu", "softplus"]
)
@pytest.mark.parametrize("depth", [1, 2, 60])
def test_the_top_alone_is_the_top_of_all_gaps(name, weights, depth):
    phi = activation(name)
    for q in (1e-6, 0.02, 1.0, 30.0):
        form = normal_form(rj.Ensemble(depth, 50, phi, weights, 1.7), [Layer(phi.gate_law(q), 50, depth)])
        top = find_gaps(form.equation)[-1].low + form.equation.log_scale
        assert log_lam_max(form) == pytest.approx(top, rel=1e-9, abs=1e-9)


def test_no_open_gate_no_eigenvalue():
    phi = activation("hard_tanh")
    form = normal_form(rj.Ensemble(2, 50, phi), [Layer(phi.gate_law(math.inf), 50, 2)])
    assert log_lam_max(form) == -math.inf


def test_the_order_of_the_grid_is_of_no_matter(erf):
    turned = rj.phase_diagram("erf", [2.0, 0.7, 1.3], [0.4, 0.0], depths=(7, 2))
    for name in ("q_star", "chi", "variance_rate"):
        np.testing.assert_array_equal(getattr(turned, name), getattr(erf, name)[::-1][:, [2, 0, 1]])
    np.testing.assert_array_equal(turned.log_lam_max, erf.log_lam_max[::-1, [2, 0, 1], ::-1])
    for name in ("tuned_sigma_w", "tuned_range", "tuned_relative_variance"):
        np.testing.assert_array_equal(getattr(turned, name), getattr(erf, name)[::-1, ::-1])
    assert turned.sigma_b[turned.best_sigma_b(7)] == erf.sigma_b[erf.best_sigma_b(7)] == 0.0


# The recommended scale


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("name", ["relu", "hard_tanh", "tanh"])
def test_at_the_tuned_scale_the_law_has_mean_one(name, weights):
    diagram = rj.phase_diagram(name, 1.0, 0.1, 4, weights, q0=0.7)

    def law(sigma_w):
        return rj.spectral_law(rj.Ensemble(4, 50, name, weights, sigma_w, 0.1, 0.7))

    tuned = law(diagram.tuned_sigma_w[0, 0])
    assert tuned.mean() == pytest.approx(1.0, rel=1e-9)
    assert tuned.var() == pytest.approx(diagram.tuned_relative_variance[0, 0], rel=1e-7)
    ends = [law(sigma_w).mean() for sigma_w in diagram.tuned_range[0, 0]]
    np.testing.assert_allclose(ends, [1 / FACTOR, FACTOR], rtol=1e-9)


def test_sampled_networks_keep_lengths_at_the_tuned_scale():
    # one mean over 20 networks of 300 units: standard error 0.02, ten of them are allowed
    tuned = find_tuned_scale(activation("tanh"), 0.0, 8)
    ens = rj.Ensemble(8, 300, "tanh", sigma_w=tuned.sigma_w)
    assert rj.sample_spectrum(ens, 20, 1).eigenvalues.mean() == pytest.approx(1.0, abs=0.2)
    critical = rj.Ensemble(8, 300, "tanh", sigma_w=1.0)
    assert rj.sample_spectrum(critical, 20, 1).eigenvalues.mean() < 0.5


def test_with_depth_the_tuned_scale_becomes_the_critical_one():
    diagram = rj.phase_diagram("tanh", 1.0, 0.3, (10, 100, 1000))
    gaps = np.abs(diagram.tuned_sigma_w[0] - diagram.critical_sigma_w[0])
    assert gaps[2] < 0.11 * gaps[1] < 0.02 * gaps[0] * 10
    assert gaps[2] < 2e-3


@pytest.mark.parametrize(("name", "sigma_b"), [("tanh", 0.3), ("tanh", 0.0), ("relu", 0.5), ("gelu", 0.1)])
def test_variances_layer_by_layer(name, sigma_b):
    path = layer_variances(LayerMap(activation(name), 1.3, sigma_b**2), 0.8, 200)
    assert sum(count for _, count in path) == 200
    if name == "relu":
        assert path == [(1.0, 200)]
        return
    q = np.repeat([q for q, _ in path], [count for _, count in path])
    np.testing.assert_allclose(
        q, rj.mean_field(rj.Ensemble(200, 50, name, "gaussian", 1.3, sigma_b, 0.8)).q, rtol=1e-11
    )


def test_a_scale_that_is_not_found_is_nan(monkeypatch):
    monkeypatch.setattr("rmtjac.theory.conditioning.LARGEST_LOG", 0.0)
    tuned = find_tuned_scale(activation("tanh"), 0.3, 5)
    assert math.isnan(tuned.sigma_w)
    diagram = rj.phase_diagram("tanh", 1.0, 0.3, 5)
    with pytest.raises(ValueError, match="no sigma_w"):
        diagram.best_sigma_b(5)
    with pytest.raises(ValueError, match="depth=4: allowed are 5"):
        diagram.best_sigma_b(4)


def test_equal_spreads_take_the_least_bias():
    diagram = rj.phase_diagram("relu", 1.0, [0.5, 0.2, 0.9], 3)
    assert diagram.best_sigma_b(3) == 1
    np.testing.assert_allclose(diagram.tuned_sigma_w, math.sqrt(2), rtol=1e-13)


# Where there is no answer


def test_without_a_fixed_point_there_is_a_reason():
    relu = rj.phase_diagram("relu", [1.0, math.sqrt(2), 2.0], [0.0, 0.3], 2)
    np.testing.assert_allclose(relu.q_star, [[0, math.nan, math.inf], [0.18, math.inf, math.inf]])
    assert "Every q is a fixed point" in relu.q_star_reason[0][1]
    assert np.isfinite(relu.log_lam_max).all()
    gelu = rj.phase_diagram("gelu", [1.3, 2.5], 0.3, 2)
    assert gelu.q_star[0, 1] == math.inf
    assert "grows without bound" in gelu.q_star_reason[0][1]
    assert gelu.chi[0, 1] == pytest.approx(2.5**2 / 2)
    assert np.isnan(gelu.log_lam_max[0, 1]).all()
    assert np.isnan(gelu.variance_rate[0, 1])
    assert np.isfinite(gelu.log_lam_max[0, 0]).all()


def test_arrays_are_read_only(erf):
    for name in (*ARRAYS, "tuned_range"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(erf, name)[0] = 0
    assert isinstance(erf, PhaseDiagram)
    assert erf.q_star.shape == (2, 3)
    assert erf.log_lam_max.shape == erf.log_mean_square.shape == erf.lam_max.shape == (2, 3, 2)


def test_progress_counts_points():
    seen = []
    rj.phase_diagram(
        "relu", [1.0, 2.0], [0.0, 1.0, 2.0], 1, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(i, 6) for i in range(1, 7)]


BAD = {
    "sigma_w": ({"sigma_w": [1.0, -2.0]}, r"sigma_w\[1\]=-2.0: allowed are"),
    "sigma_w nan": ({"sigma_w": math.nan}, r"sigma_w\[0\]=nan: allowed are"),
    "sigma_w empty": ({"sigma_w": []}, r"sigma_w=\[\]: allowed is a number or a non-empty"),
    "sigma_w table": ({"sigma_w": [[1.0]]}, "sigma_w=.*one-dimensional"),
    "sigma_b": ({"sigma_b": "as_weights"}, "sigma_b='as_weights': allowed is"),
    "depth": ({"depths": (3, 0)}, r"depths\[1\]=0: allowed are integers 1 to 10000"),
    "q0": ({"q0": 0.0}, "q0=0.0: allowed are"),
    "activation": ({"activation": "swish"}, "activation='swish': allowed are"),
    "weights": ({"weights": "levy"}, "weights='levy': allowed are"),
    "too many": ({"sigma_w": np.ones(1000), "sigma_b": np.ones(1000)}, "1000 sigma_w by 1000 sigma_b"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    arguments, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        rj.phase_diagram(**arguments)


def test_heavy_tails_have_no_variance():
    with pytest.raises(rj.HeavyTailError, match="weights='cauchy'"):
        rj.phase_diagram(weights="cauchy")
    with pytest.raises(TypeError, match=r"depths\[0\]=2.5"):
        rj.phase_diagram(depths=2.5)


# Pictures


def test_the_picture_holds_the_critical_line_and_the_curves(erf, axes):
    artists = plot_phase(erf, axes)
    mesh, critical, tuned = artists[:3]
    np.testing.assert_allclose(mesh.get_array().reshape(2, 3), np.log10(erf.chi))
    np.testing.assert_array_equal(critical.get_data(), [erf.critical_sigma_w, erf.sigma_b])
    np.testing.assert_array_equal(tuned.get_xdata(), erf.tuned_sigma_w[:, 1])
    np.testing.assert_allclose(artists[3].get_ydata(), np.log10(erf.lam_max[0, :, 0]) / 2)
    assert axes[0].get_xlabel() == r"$\sigma_w$"


@pytest.mark.parametrize("grid", [(1.0, 0.0), ([3.0, 1.0], 0.3), (2.5, [0.1, 0.2])])
def test_every_grid_can_be_rendered(grid):
    diagram = rj.phase_diagram("gelu", *grid, 3)
    one, two = (render(plot_phase(diagram)) for _ in range(2))
    assert one == two
    assert one.startswith(b"<?xml")
