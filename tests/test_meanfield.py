"""Mean field: closed forms, honest answers where q_star does not exist, and finite networks beside it."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmtjac import Activation, Ensemble, HeavyTailError, mean_field
from rmtjac.model.activations import activation
from rmtjac.model.meanfield import variance_field


def field(activation="linear", sigma_w=1.0, sigma_b=0.0, depth=3, **parameters):
    return mean_field(
        Ensemble(depth, 50, activation=activation, sigma_w=sigma_w, sigma_b=sigma_b, **parameters)
    )


SMOOTH = ["erf", "tanh", "sigmoid", "gelu", "silu", "softplus"]


def tanh_slope(h):
    return 1 / np.cosh(h) ** 2


def identity_slope(h):
    return np.ones_like(h)


def test_layer_by_layer():
    np.testing.assert_allclose(field("relu", 2.0, 0.5, q0=3.0).q, [12.25, 24.75, 49.75])
    phi = activation("hard_tanh")
    q = field("hard_tanh", 1.2, 0.1).q
    assert q[0] == pytest.approx(1.45)
    assert q[2] == pytest.approx(1.44 * phi.second_moment(q[1]) + 0.01)
    with pytest.raises(ValueError, match="read-only"):
        q[0] = 0


def test_layers_of_different_kinds():
    ens = Ensemble(widths=[4, 9, 9], activation=["relu", "linear"], sigma_w=[1, 2], sigma_b="as_weights")
    result = mean_field(ens)
    np.testing.assert_allclose(result.q, [1 + 1 / 4, 4 * 0.625 + 4 / 9])
    assert math.isnan(result.q_star)
    assert math.isnan(result.chi)
    assert "differ" in result.q_star_reason


@pytest.mark.parametrize(
    ("name", "sigma_w", "sigma_b", "q_star"),
    [
        ("linear", 1.0, 0.0, math.nan),
        ("linear", 1.0, 0.1, math.inf),
        ("linear", 0.5, 0.3, 0.12),
        ("linear", 0.5, 0.0, 0.0),
        ("linear", 2.0, 0.0, math.inf),
        ("relu", math.sqrt(2), 0.0, math.nan),
        ("relu", math.sqrt(2), 0.1, math.inf),
        ("relu", 1.0, 0.3, 0.18),
        ("relu", 1.5, 0.0, math.inf),
        ("leaky_relu(-1)", 1.0, 0.0, math.nan),
        ("hard_tanh", 1.0, 0.0, 0.0),
        ("hard_tanh", 0.7, 0.0, 0.0),
    ],
)
def test_fixed_points_with_and_without_existence(name, sigma_w, sigma_b, q_star):
    result = field(name, sigma_w, sigma_b)
    assert result.q_star == pytest.approx(q_star, rel=1e-14, nan_ok=True)
    assert result.q_star_reason.endswith(".")


@given(
    sigma_w=st.floats(0.05, 5),
    sigma_b=st.floats(1e-4, 3),
)
@settings(deadline=None, max_examples=60)
def test_hard_tanh_fixed_point_is_one(sigma_w, sigma_b):
    result = field("hard_tanh", sigma_w, sigma_b)
    image = sigma_w**2 * activation("hard_tanh").second_moment(result.q_star) + sigma_b**2
    assert image == pytest.approx(result.q_star, rel=1e-12)


@pytest.mark.parametrize("sigma_w", [1 + 1e-12, 1 + 1e-6, 1.01, 1.5, 3.0])
def test_hard_tanh_without_bias_above_criticality(sigma_w):
    """(sigma_w^2 - 1)/sigma_w^2 = 1 - E phi^2/q, to many digits also where both sides are tiny."""
    result = field("hard_tanh", sigma_w)
    growth = (sigma_w - 1) * (sigma_w + 1) / sigma_w**2
    assert activation("hard_tanh").deficit(result.q_star) == pytest.approx(growth, rel=1e-8)
    assert result.chi > 1


def test_hard_tanh_with_a_tiny_bias():
    """A bias of 1e-9 holds q_star at 0.014: a fixed point 1e14 times the bias variance."""
    result = field("hard_tanh", 1.0, 1e-9)
    q = result.q_star
    assert q * activation("hard_tanh").deficit(q) == pytest.approx(1e-18, rel=1e-8)


@pytest.mark.parametrize("q0", [1e-8, 1e-3, 1.0, 1e6])
def test_hard_tanh_at_criticality_for_any_start(q0):
    assert field("hard_tanh", q0=q0).q_star == 0.0


@pytest.mark.parametrize("sigma_b", [0.0, 1e-100, 1.0, 1e100])
@pytest.mark.parametrize("sigma_w", [1e-100, 1.0, 1e100])
@pytest.mark.parametrize("q0", [1e-100, 1e100])
def test_the_ends_of_the_allowed_scales(sigma_w, sigma_b, q0):
    result = field("hard_tanh", sigma_w, sigma_b, q0=q0)
    assert math.isfinite(result.q_star)
    image = sigma_w**2 * activation("hard_tanh").second_moment(result.q_star) + sigma_b**2
    assert image == pytest.approx(result.q_star, rel=1e-12, abs=0)
    assert not math.isnan(field("relu", sigma_w, sigma_b, q0=q0).q_star)


@pytest.mark.parametrize("q0", [1e-6, 1.0, 1e6])
def test_fixed_point_does_not_depend_on_the_start(q0):
    assert field("hard_tanh", 1.7, 0.2, q0=q0).q_star == pytest.approx(
        field("hard_tanh", 1.7, 0.2).q_star, rel=1e-12
    )


def test_fixed_point_is_the_limit_of_the_layers():
    for sigma_w, sigma_b in ((1.5, 0.0), (0.8, 0.4)):
        result = field("hard_tanh", sigma_w, sigma_b, depth=300)
        assert result.q[-1] == pytest.approx(result.q_star, rel=1e-12)


@pytest.mark.parametrize("sigma_b", [0.0, 1e-3, 0.3, 2.0, "as_weights"])
@pytest.mark.parametrize("name", ["linear", "relu", "leaky_relu(0.5)", "hard_tanh"])
def test_chi_is_one_at_the_critical_scale(name, sigma_b):
    critical = field(name, 1.0, sigma_b).critical_sigma_w
    assert field(name, critical, sigma_b).chi == pytest.approx(1.0, rel=1e-9)
    assert field("relu").critical_sigma_w == pytest.approx(math.sqrt(2))
    assert field("hard_tanh").critical_sigma_w == 1.0


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("sigma_w", [0.5, 1.0, math.sqrt(2), 1.7])
@pytest.mark.parametrize("sigma_b", [0.0, 0.1, 1.0])
def test_smooth_fixed_points_are_where_the_layers_go(name, sigma_w, sigma_b):
    """After 2000 layers q is at q_star, or moves on slowly, towards it and as its reason says."""
    result = field(name, sigma_w, sigma_b, depth=2000)
    last, before, star = result.q[-1], result.q[-2], result.q_star
    if star == math.inf:
        assert last > before or last == math.inf
        assert "grows" in result.q_star_reason
    elif star == 0:
        assert last < before or last < 1e-300
        assert "decays" in result.q_star_reason
    else:
        assert last == pytest.approx(star, rel=1e-10)
        assert result.chi == sigma_w**2 * activation(name).derivative_moment(star)


@pytest.mark.parametrize("name", ["erf", "tanh"])
def test_marginal_decay(name):
    """At sigma_w = 1 without bias q_l falls as 1/l: q_star = 0 from any start, and chi = 1."""
    for q0 in (1e-20, 1e-3, 1.0, 1e6):
        result = field(name, q0=q0)
        assert (result.q_star, result.chi) == (0.0, pytest.approx(1.0))
    assert field(name).critical_sigma_w == pytest.approx(1.0)
    above = field(name, 1 + 1e-9)
    assert activation(name).deficit(above.q_star) == pytest.approx(2e-9, rel=1e-6)
    assert above.chi > 1 - 1e-9


def test_tiny_bias_at_the_edge():
    """q deficit(q) = sigma_b^2 with deficit = pi q/2 for erf: a fixed point far above the bias variance."""
    for sigma_b in (1e-6, 1e-12):
        assert field("erf", 1.0, sigma_b).q_star == pytest.approx(sigma_b * math.sqrt(2 / math.pi), rel=1e-5)


def test_several_fixed_points_of_silu():
    """Small q_l stay small and large ones grow; the fixed point between them repels."""
    small, large = (field("silu", 1.7, 0.1, q0=q0) for q0 in (1e-3, 10.0))
    assert 0.01 < small.q_star < 0.1
    assert large.q_star == math.inf
    assert large.chi == pytest.approx(1.7**2 / 2)


def test_fixed_points_close_to_each_other():
    """Just before two fixed points of gelu merge and vanish they lie closer than any grid: bisect to there."""
    low, high = 1.5, 1.6
    while high - low > 1e-9:
        sigma_w = (low + high) / 2
        low, high = (
            (sigma_w, high) if field("gelu", sigma_w, 0.2, q0=1e-3).q_star < math.inf else (low, sigma_w)
        )
    before, after = (field("gelu", sigma_w, 0.2, q0=1e-3, depth=3) for sigma_w in (low, high))
    q = before.q_star
    assert after.q_star == math.inf
    # there the map touches the diagonal: its slope in q is 1
    step = 1e-4 * q
    phi = activation("gelu")
    slope = low**2 * (phi.second_moment(q + step) - phi.second_moment(q - step)) / (2 * step)
    assert slope == pytest.approx(1.0, abs=1e-3)


def test_he_scale_of_half_linear_activations():
    """At sigma_w = sqrt(2) gelu and silu lose a little in every layer, softplus gains: no fixed point but 0."""
    for name in ("gelu", "silu"):
        assert field(name, math.sqrt(2), q0=1e30).q_star == 0.0
    assert field("softplus", math.sqrt(2)).q_star == math.inf
    assert field("softplus", 1.4).q_star > 10


@given(
    name=st.sampled_from(SMOOTH),
    sigma_w=st.floats(0.05, 4),
    sigma_b=st.just(0.0) | st.floats(1e-10, 3),
    q0=st.floats(1e-3, 1e3),
)
@settings(max_examples=60)
def test_smooth_fixed_points_lie_between(name, sigma_w, sigma_b, q0):
    """A fixed point is one, and the layers approach it from the side of q_1."""
    result = field(name, sigma_w, sigma_b, q0=q0)
    steps = np.diff(result.q)
    q = result.q_star
    assert not math.isnan(q)
    assert ((steps >= 0) == (q >= result.q[:-1])).all() or np.abs(steps[-1]) <= 1e-12 * result.q[-1]
    if 0 < q < math.inf:
        image = sigma_w**2 * activation(name).second_moment(q) + sigma_b**2
        assert image == pytest.approx(q, rel=1e-12)


def test_critical_scales_of_smooth_activations():
    for name in ("erf", "tanh", "sigmoid"):
        for sigma_b in (0.0, 1e-3, 0.3, "as_weights"):
            critical = field(name, 1.0, sigma_b).critical_sigma_w
            assert field(name, critical, sigma_b).chi == pytest.approx(1.0, rel=1e-9)
    for name in ("gelu", "silu"):
        assert field(name).critical_sigma_w == pytest.approx(2.0)
        critical = field(name, 1.0, 1.0).critical_sigma_w
        assert field(name, critical, 1.0).chi == pytest.approx(1.0, rel=1e-9)
    assert math.isnan(field("softplus").critical_sigma_w)


@pytest.mark.parametrize("name", SMOOTH)
def test_fifty_layers_are_fast(name):
    """Some 10 ms each; asked for are 50 for the layers and 100 for q_star, on a machine that does other things too."""
    field(name)
    ensembles = [Ensemble(50, 10, name, sigma_w=sigma_w, sigma_b=0.05) for sigma_w in (1.0, 1.98)]
    start = time.perf_counter()
    for ens in ensembles:
        mean_field(ens)
    assert time.perf_counter() - start < 0.3


def test_moments_that_end():
    """exp has E phi^2 = e^(2q), past every double at some q; exp(h^2) has none from q = 1/4 on."""
    own = Activation("own_exp", np.exp, np.exp)
    assert field(own, q0=0.01, depth=1).q_star == math.inf
    assert field(own, 0.3, 0.1, q0=0.01).q_star == pytest.approx(0.1257314725, rel=1e-9)
    steep = Activation("steep", lambda h: np.exp(h * h), lambda h: 2 * h * np.exp(h * h))
    assert field(steep, 0.3, 0.1).q_star == pytest.approx(0.16, rel=1e-9)
    with pytest.raises(ValueError, match="activation='steep'"):
        field(steep)


def test_user_activation_by_quadrature():
    tanh = Activation("own_tanh", np.tanh, tanh_slope)
    result = field(tanh, 1.3, 0.2)
    image = 1.69 * tanh.second_moment(result.q_star) + 0.04
    assert image == pytest.approx(result.q_star, rel=1e-9)
    assert field(tanh, result.critical_sigma_w, 0.2).chi == pytest.approx(1.0, rel=1e-8)
    assert field(tanh).q_star == 0.0
    own = Activation("own_identity", np.positive, identity_slope)
    assert math.isnan(field(own).q_star)
    assert field(own, 0.5).q_star == 0.0


def test_heavy_tails_have_no_variance():
    with pytest.raises(HeavyTailError, match="cauchy"):
        variance_field(Ensemble(3, 50, activation="hard_tanh", weights="cauchy"))


def test_finite_networks_follow():
    """Mean realised q of 64 networks of width 400, within 6 standard errors and 1 % for finite width."""
    ens = Ensemble(3, 400, "hard_tanh", sigma_w=1.5, sigma_b=0.3)
    x = np.ones(400)
    realised = np.array([[np.mean(h**2) for h in ens.sample(k).pre_activations(x)] for k in range(64)])
    error = 6 * realised.std(axis=0) / 8 + 0.01 * mean_field(ens).q
    assert (abs(realised.mean(axis=0) - mean_field(ens).q) < error).all()
    wrong = mean_field(Ensemble(3, 400, "hard_tanh", sigma_w=1.7, sigma_b=0.3)).q
    assert (abs(realised.mean(axis=0) - wrong) > error).all()
