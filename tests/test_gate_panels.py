"""The continuous laws of gates: moments by mpmath, distributions by inverting phi', one law by two routes."""

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rmtjac as rj
from rmtjac.model.activations import activation as as_activation
from rmtjac.model.gate_panels import ORDER, REACH, to_series
from validation.gate_transforms import gate_moment
from validation.networks import SMOOTH

Q = st.floats(0.01, 10.0)


def gates_of(activation, q):
    return as_activation(activation).gate_law(q)


def _tanh_derivative(h):
    return 1.0 / np.cosh(np.clip(h, -350.0, 350.0)) ** 2


def panel_masses(panels):
    return panels.weight[:, :ORDER].sum(), panels.weight[:, ORDER:].sum()


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("q", [0.01, 0.7, 10.0])
@pytest.mark.parametrize("order", [1, 2, 5])
def test_moments_of_gates_are_the_mpmath_values(activation, q, order):
    assert gates_of(activation, q).moment(order) == pytest.approx(
        float(gate_moment(activation, q, order)), rel=2e-14
    )


@given(activation=st.sampled_from(SMOOTH), q=Q)
def test_panels_hold_all_gates(activation, q):
    law = gates_of(activation, q)
    for mass in panel_masses(law.panels):
        assert mass + law.masses.sum() + law.closed == pytest.approx(1.0, abs=2e-14)


@given(activation=st.sampled_from(SMOOTH), q=Q)
def test_panels_tile_the_axis_without_overlap(activation, q):
    panels = gates_of(activation, q).panels
    order = np.argsort(panels.center)
    ends = (panels.center + panels.half)[order][:-1]
    starts = (panels.center - panels.half)[order][1:]
    assert ends == pytest.approx(starts, abs=1e-12)
    assert panels.center[order][-1] + panels.half[order][-1] <= REACH + 1e-9
    assert (np.diff(panels.log_top) <= 0.0).all()


@pytest.mark.parametrize("q", [0.3, 1.0, 4.0])
def test_distribution_of_erf_gates(q):
    """phi' = e^(-pi h^2/4): the gate is above k where |h| is below a closed form."""
    law = rj.spectral_law(rj.Ensemble(depth=1, activation="erf", weights="orthogonal"), q=q)
    k = np.array([1e-8, 0.01, 0.5, 0.9, 0.999, 1.0 - 1e-9])
    h = np.sqrt(-2.0 / math.pi * np.log(k))
    exact = [float(mp.erf(mp.mpf(x) / mp.sqrt(2 * q))) for x in h]
    assert law.sf(k) == pytest.approx(exact, rel=1e-6)
    assert law.sf(k[:-1]) == pytest.approx(exact[:-1], rel=1e-13)
    assert law.edges[-1] == 1.0


def test_another_q_changes_the_distribution():
    law = rj.spectral_law(rj.Ensemble(depth=1, activation="erf", weights="orthogonal"), q=1.0 + 1e-9)
    h = math.sqrt(2.0 / math.pi * math.log(2.0))
    assert law.sf(0.5) != pytest.approx(math.erf(h / math.sqrt(2.0)), rel=1e-13)


def test_density_of_one_orthogonal_layer_is_that_of_its_gates():
    """Density of phi'(h)^2 for erf: 2 n(h) |dh/dk|."""
    q = 0.8
    law = rj.spectral_law(rj.Ensemble(depth=1, activation="erf", weights="orthogonal"), q=q)
    k = np.array([1e-6, 0.02, 0.3, 0.9, 0.99])
    h = np.sqrt(-2.0 / math.pi * np.log(k))
    exact = 2.0 * np.exp(-0.5 * h * h / q) / np.sqrt(2.0 * math.pi * q) / (math.pi * h * k)
    assert law.pdf(k) == pytest.approx(exact, rel=1e-12)


@given(q=Q)
def test_an_own_function_has_the_gates_of_the_built_in_one(q):
    own = rj.Activation("own", np.tanh, _tanh_derivative)
    one, two = gates_of("tanh", q), own.gate_law(q)
    for k in (0.5, 1, 2):
        assert two.moment(k) == pytest.approx(one.moment(k), rel=1e-12)


def test_kinks_flats_and_jumps_of_an_own_function():
    """phi' = 0 below -1, h + 1 up to 0, then 1/2: a mass at zero, a ramp, an atom at 1/4 behind a jump."""

    def derivative(h):
        return np.where(h < -1.0, 0.0, np.where(h < 0.0, h + 1.0, 0.5))

    def phi(h):
        ramp = 0.5 * (np.clip(h, -1.0, 0.0) + 1.0) ** 2
        return ramp + 0.5 * np.maximum(h, 0.0)

    law = rj.Activation("ramp", phi, derivative).gate_law(1.0)
    lowest = 0.5 * math.erfc(math.sqrt(0.5))
    assert law.closed == pytest.approx(lowest, rel=1e-12)
    assert law.values == pytest.approx([0.25])
    assert law.masses == pytest.approx([0.5], abs=1e-13)
    ramp = mp.quad(lambda x: (x + 1) ** 2 * mp.npdf(x), [-1, 0])
    assert law.moment(1) == pytest.approx(float(ramp) + 0.125, rel=1e-13)


@pytest.mark.parametrize("size", [4, 16, 17])
def test_series_of_legendre_polynomials_are_unit_vectors(size):
    nodes, weights = np.polynomial.legendre.leggauss(size)
    values = np.polynomial.legendre.legvander(nodes, size - 1).T
    assert values @ to_series(nodes, weights) == pytest.approx(np.eye(size), abs=2e-15)
