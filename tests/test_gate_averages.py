"""Averages over gate laws against Arb's rigorous integrals, closed forms, and each other."""

import cmath
import math

import numpy as np
import pytest
from conftest import read_data
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erfc

import rmtjac as rj
from rmtjac.model.activations import activation
from rmtjac.model.gates import GateLaw
from rmtjac.theory.gate_averages import divide, gate_phases, gate_terms
from rmtjac.theory.gate_tables import gate_tables

ROWS = read_data("smooth_gates.json")["rows"]
EPS = 2.3e-16
SMOOTH = sorted(ROWS)


def eta_of(law, zeta):
    """log(-zeta) in units of the largest gate, zeta real or in the lower half plane."""
    angle = math.atan2(zeta.imag, zeta.real)
    turned = math.pi + angle if zeta.imag < 0.0 else (math.pi if zeta.real > 0.0 else 0.0)
    return complex(math.log(abs(zeta)) + law.log_largest, turned)


def averages(tables, eta, group=0):
    """m, zeta m', E 1/(1 - zeta k), a bound on the error of the last, and both phases."""
    terms = gate_terms(tables, group, eta)
    scale = math.exp(terms.log_scale)
    # zeta e^reach
    shrunk = -cmath.exp(eta + terms.reach)
    return (
        shrunk * terms.ratio,
        scale * terms.slope,
        scale * terms.total,
        scale * terms.error,
        *gate_phases(tables, group, eta),
    )


def compare(law, row, tables=None):
    """The relative errors of m, E 1/(1 - zeta k) and zeta m', and the absolute one of the phase, less conditioning."""
    zeta = complex(row[1], row[2])
    m, slope, total, log = (complex(*row[i : i + 2]) for i in (3, 5, 7, 9))
    eta = eta_of(law, zeta)
    found = averages(tables or gate_tables([law]), eta)
    # log zeta is known to its rounding only
    moved = 2.0 * EPS * (1.0 + abs(eta) + abs(law.log_largest))
    return (
        (abs(found[0] - m) - moved * abs(slope)) / abs(m),
        (abs(found[2] - total) - moved * abs(slope)) / abs(total),
        abs(found[1] - slope) / abs(slope),
        abs(found[4] - log.imag) - moved * abs(m.imag),
    )


@pytest.mark.parametrize("name", SMOOTH)
def test_averages_are_the_reference_values(name):
    for row in ROWS[name]:
        law = activation(name).gate_law(row[0])
        m, total, slope, phase = compare(law, row)
        assert m <= 1e-12
        assert total <= 1e-12
        # next to the end of the cut the slope moves as its own slope, which is 1e4 times as large
        assert slope <= 1e-10
        assert phase <= 1e-14


@pytest.mark.jit_off
@pytest.mark.parametrize("name", SMOOTH)
def test_some_averages_are_the_reference_values(name):
    """Few points: interpreted panels are slow."""
    for row in ROWS[name][:24:12]:
        m, total, slope, phase = compare(activation(name).gate_law(row[0]), row)
        assert max(m, total) <= 1e-12
        assert slope <= 1e-10
        assert phase <= 1e-14


def test_another_q_is_noticed():
    """Negative control: q one part in a million off."""
    row = ROWS["tanh"][0]
    assert max(compare(activation("tanh").gate_law(row[0] * (1.0 + 1e-6)), row)[:3]) > 1e-9


@pytest.mark.parametrize("name", SMOOTH)
def test_small_imaginary_parts_keep_their_digits(name):
    """Im E 1/(1 - zeta k) beside the cut is the density of the gates: relative to itself, not to the real part."""
    for row in ROWS[name]:
        zeta, total = complex(row[1], row[2]), complex(row[7], row[8])
        if zeta.imag == 0.0 or -zeta.imag < 1e-6 * abs(zeta):
            continue  # Im zeta itself is lost in log zeta
        law = activation(name).gate_law(row[0])
        found = averages(gate_tables([law]), eta_of(law, zeta))[2]
        moved = EPS * (2.0 + abs(eta_of(law, zeta)) * abs(zeta / zeta.imag))
        assert abs(found.imag / total.imag - 1.0) <= 1e-11 + 20.0 * moved


@pytest.mark.parametrize("name", SMOOTH)
def test_the_phases_differ_by_the_phase_of_zeta(name):
    """arg(1 - zeta k) - arg(1 - 1/(zeta k)) = arg(-zeta) = Im eta for every k."""
    for row in ROWS[name]:
        law = activation(name).gate_law(row[0])
        eta = eta_of(law, complex(row[1], row[2]))
        up, down = gate_phases(gate_tables([law]), 0, eta)
        assert up - down == pytest.approx(eta.imag, abs=1e-14)


@pytest.mark.parametrize("name", [*SMOOTH, "linear", "leaky_relu(0.3)", "hard_tanh"])
def test_ratio_and_total_are_two_forms_of_one_average(name, rng):
    """E 1/(1 - zeta k) = 1 + zeta E k/(1 - zeta k), and the same of slopes and of the bend."""
    law = activation(name).gate_law(0.7)
    tables = gate_tables([law])
    for _ in range(50):
        eta = complex(rng.uniform(-8.0, 8.0), math.pi * rng.uniform(0.01, 0.99))
        terms = gate_terms(tables, 0, eta)
        zeta = -cmath.exp(eta)
        scale, reach = math.exp(terms.log_scale), math.exp(terms.reach)
        size = 1.0 + abs(zeta * reach * terms.ratio)
        assert abs(scale * terms.total - 1.0 - zeta * reach * terms.ratio) <= 4e-15 * size
        slope = zeta * reach * (terms.ratio + terms.ratio_slope)
        assert abs(scale * terms.slope - slope) <= 1e-13 * (1.0 + abs(slope))
        assert abs(reach * terms.ratio - tables.mean[0] - terms.bend) <= 4e-15


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("imag", [1.0, 3.0])
def test_slopes_are_derivatives(name, imag):
    law = activation(name).gate_law(0.7)
    tables = gate_tables([law])
    for real in (-9.0, -1.0, 0.3, 5.0, 40.0):
        h = 1e-3 * (math.pi - imag)
        around = [gate_terms(tables, 0, complex(real + n * h, imag)) for n in (-2, -1, 1, 2)]
        terms = gate_terms(tables, 0, complex(real, imag))
        for value, slope in (("total", "slope"), ("ratio", "ratio_slope")):
            scales = [
                math.exp(x.log_scale - terms.log_scale if value == "total" else x.reach - terms.reach)
                for x in around
            ]
            f = [getattr(x, value) * s for x, s in zip(around, scales, strict=True)]
            stencil = (f[0] - 8.0 * f[1] + 8.0 * f[2] - f[3]) / (12.0 * h)
            assert abs(getattr(terms, slope) - stencil) <= 1e-8 * (
                abs(getattr(terms, slope)) + abs(getattr(terms, value))
            )


@pytest.mark.parametrize("q", [0.01, 0.3, 2.0, 30.0])
def test_the_phase_on_the_cut_is_the_distribution_of_the_gates(q):
    """erf: P(k > e^-s) = P(pi q xi^2/2 < s), and the mirror of it."""
    tables = gate_tables([activation("erf").gate_law(q)])
    for s in (1e-9, 1e-3, 0.1, 1.0, 10.0, 300.0):
        up, down = gate_phases(tables, 0, complex(s, np.nextafter(math.pi, 0.0)))
        below = erfc(math.sqrt(s / (math.pi * q)))
        assert up / math.pi == pytest.approx(1.0 - below, rel=1e-7, abs=2e-16)
        assert -down / math.pi == pytest.approx(below, rel=1e-12, abs=2e-16)


@pytest.mark.parametrize("name", [*SMOOTH, "linear", "leaky_relu(0.3)"])
@pytest.mark.parametrize("real", [-650.0, -300.0, 300.0, 650.0, 720.0, 1e4, 1e6])
def test_nothing_overflows_however_far_out(name, real):
    terms = gate_terms(gate_tables([activation(name).gate_law(0.7)]), 0, complex(real, 1.0))
    assert np.isfinite(np.array(terms)).all()
    if real < 0.0:  # zeta = 0
        assert math.exp(terms.log_scale) * terms.total == pytest.approx(1.0, abs=1e-12)
    assert np.isfinite(
        gate_phases(gate_tables([activation(name).gate_law(0.7)]), 0, complex(real, 1.0))
    ).all()


@given(
    q=st.floats(0.02, 20.0),
    real=st.floats(-6.0, 12.0),
    distance=st.floats(-8.0, -0.5),
    name=st.sampled_from(SMOOTH),
)
def test_averages_in_the_strip_have_the_signs_of_a_transform(q, real, distance, name):
    """m, 1 + m and m/zeta: one half plane each, beside the cut as well."""
    tables = gate_tables([activation(name).gate_law(q)])
    eta = complex(real, math.pi * (1.0 - 10.0**distance))
    m, _, total, error, up, down = averages(tables, eta)
    assert total.imag < error
    assert m.imag < 2.0 * error
    assert -1e-14 <= up <= math.pi
    assert -math.pi <= down <= 1e-14


def test_atoms_are_sums(rng):
    values, masses = np.array([0.04, 0.3, 1.0]), np.array([0.2, 0.3, 0.4])
    tables = gate_tables([GateLaw(values * 7.0, masses, 0.1)])
    opened = masses / masses.sum()
    for _ in range(20):
        eta = complex(rng.uniform(-5.0, 5.0), math.pi * rng.uniform(0.01, 0.99))
        zeta = -cmath.exp(eta)
        m, slope, total, _, up, down = averages(tables, eta)
        assert m == pytest.approx(opened @ (zeta * values / (1.0 - zeta * values)), rel=1e-13)
        assert slope == pytest.approx(opened @ (zeta * values / (1.0 - zeta * values) ** 2), rel=1e-13)
        assert total == pytest.approx(opened @ (1.0 / (1.0 - zeta * values)), rel=1e-13)
        assert up == pytest.approx(opened @ np.angle(1.0 - zeta * values), rel=1e-13)
        assert down == pytest.approx(opened @ np.angle(1.0 - 1.0 / (zeta * values)), rel=1e-13)


def elu():
    return rj.Activation(
        "elu",
        lambda h: np.where(h > 0.0, h, np.expm1(np.minimum(h, 0.0))),
        lambda h: np.where(h > 0.0, 1.0, np.exp(np.minimum(h, 0.0))),
    )


def test_atoms_and_panels_of_one_law_add_up(rng):
    """elu: half its gates are 1, the others e^(2h): direct quadrature in h."""
    q = 0.6
    tables = gate_tables([elu().gate_law(q)])
    x, w = np.polynomial.legendre.leggauss(60)
    ends = -np.linspace(0.0, 12.0, 25)[::-1]
    half = 0.5 * np.diff(ends)[:, None]
    xi = (0.5 * (ends[1:] + ends[:-1])[:, None] + half * x).ravel()
    weight = (half * w).ravel() * np.exp(-0.5 * xi**2) / math.sqrt(2.0 * math.pi)
    k = np.exp(2.0 * math.sqrt(q) * xi)
    for _ in range(20):
        eta = complex(rng.uniform(-5.0, 5.0), math.pi * rng.uniform(0.01, 0.9))
        zeta = -cmath.exp(eta)
        total = averages(tables, eta)[2]
        assert total == pytest.approx(0.5 / (1.0 - zeta) + weight @ (1.0 / (1.0 - zeta * k)), rel=1e-13)


def test_groups_do_not_see_each_other():
    laws = [
        activation("tanh").gate_law(0.5),
        activation("leaky_relu(0.3)").gate_law(1.0),
        elu().gate_law(2.0),
    ]
    together = gate_tables(laws)
    eta = 0.7 + 2.0j
    for group, law in enumerate(laws):
        assert averages(together, eta, group) == averages(gate_tables([law]), eta)


def test_largest_gate_is_one():
    """Scaled gates: the tables of phi and of 3 phi are the same."""
    scaled = rj.Activation(
        "3 tanh", lambda h: 3.0 * np.tanh(h), lambda h: 3.0 / np.cosh(np.minimum(abs(h), 300.0)) ** 2
    )
    law, plain = scaled.gate_law(0.8), activation("tanh").gate_law(0.8)
    assert law.log_largest - plain.log_largest == pytest.approx(2.0 * math.log(3.0), abs=1e-15)
    eta = 1.3 + 1.5j
    assert averages(gate_tables([law]), eta)[:3] == pytest.approx(
        averages(gate_tables([plain]), eta)[:3], rel=1e-13
    )


@pytest.mark.jit_off
def test_division_by_zero_is_infinite():
    assert divide(1j, 0j).real == math.inf
    assert divide(1j, 2j) == 0.5
