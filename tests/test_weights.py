"""Weight laws: scales, laws of the entries, orthogonality, blocks, names.

Statistical tests reject at 6 standard errors: a false alarm has probability 2e-9 each.
"""

import math
import pickle

import numpy as np
import pytest
from scipy import stats

from rmtjac.errors import UnsupportedError
from rmtjac.model.stable import draw_stable
from rmtjac.model.weights import BLOCK_ROWS, WeightLaw, weight_law

LIGHT = ["gaussian", "uniform", "rademacher", "student_t:9", "orthogonal"]
HEAVY = ["cauchy", "stable:0.5", "stable:0.99999", "stable:1.5"]
SIX_SIGMA = 6.0


def rng(seed=0):
    return np.random.default_rng(seed)


def variance_z(name, shape, scale=1.0):
    """(mean square * n_in - 1) in standard errors, for independent entries."""
    squares = (weight_law(name).draw(rng(), shape) * scale) ** 2 * shape[1]
    return (squares.mean() - 1) / (squares.std() / math.sqrt(squares.size) + 1e-12)


@pytest.mark.parametrize("shape", [(7,), (31, 17), (100, 100), (256, 300)])
@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937])
def test_gaussian_numbers_are_numpys(shape, bits):
    """To the bit and in any number, as the compiled loop and NumPy share generators."""
    ours, numpys = (np.random.Generator(bits(3)) for _ in range(2))
    for _ in range(2):
        numbers = weight_law("gaussian").entries(ours, shape)
        np.testing.assert_array_equal(numbers, numpys.standard_normal(shape))


@pytest.mark.parametrize("name", ["gaussian", "uniform", "rademacher", "student_t:9"])
def test_variance_is_one_over_fan_in(name):
    assert abs(variance_z(name, (600, 300))) < SIX_SIGMA


@pytest.mark.parametrize("name", ["gaussian", "uniform", "rademacher", "student_t:9"])
def test_variance_test_sees_five_per_cent(name):
    assert abs(variance_z(name, (600, 300), scale=1.05)) > SIX_SIGMA


LAWS = {
    "gaussian": stats.norm(),
    "uniform": stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)),
    "student_t:3": stats.t(3, scale=1 / math.sqrt(3)),
    "cauchy": stats.cauchy(),
}


@pytest.mark.parametrize("name", LAWS)
def test_law_of_the_entries(name):
    """Kolmogorov-Smirnov at p = 1e-8, and a shift of 0.05 as negative control."""
    law = weight_law(name)
    n_in = 400
    entries = law.draw(rng(), (100, n_in)).ravel() / law.scale(n_in)
    assert stats.kstest(entries, LAWS[name].cdf).pvalue > 1e-8
    assert stats.kstest(entries + 0.05, LAWS[name].cdf).pvalue < 1e-8


@pytest.mark.parametrize("name", HEAVY)
def test_stable_characteristic_function(name):
    """E cos(tZ) = exp(-|t|^alpha); with alpha + 0.1 it must fail."""
    law = weight_law(name)
    numbers = draw_stable(rng(1), (200_000,), law.alpha)
    for t in (0.2, 0.5, 2.0):
        waves = np.cos(t * numbers)
        error = waves.std() / math.sqrt(waves.size)
        assert abs(waves.mean() - math.exp(-(t**law.alpha))) < SIX_SIGMA * error
        if t != 0.5:
            assert abs(waves.mean() - math.exp(-(t ** (law.alpha + 0.1)))) > SIX_SIGMA * error


def test_stable_is_continuous_at_one():
    at, near = (draw_stable(rng(), (1000,), alpha) for alpha in (1.0, 1.0 + 1e-9))
    np.testing.assert_allclose(near, at, rtol=1e-6)


def test_stable_of_two_is_gaussian_of_variance_two():
    numbers = draw_stable(rng(), (50_000,), 2.0)
    assert stats.kstest(numbers, stats.norm(scale=math.sqrt(2)).cdf).pvalue > 1e-8


def test_stable_refuses_to_overflow():
    with pytest.raises(ValueError, match="range of doubles"):
        draw_stable(rng(), (100_000,), 0.01)


@pytest.mark.parametrize("shape", [(7, 7), (5, 9), (9, 5), (1, 4), (4, 1), (300, 200)])
def test_orthogonal(shape):
    n_out, n_in = shape
    matrix = weight_law("orthogonal").draw(rng(), shape)
    if n_out <= n_in:
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(n_out), atol=1e-12)
    else:
        np.testing.assert_allclose(matrix.T @ matrix, np.eye(n_in) * n_out / n_in, atol=1e-12)
    assert np.mean(matrix**2) == pytest.approx(1 / n_in)


def trace_z(matrices):
    """Haar has E tr Q = 0 and E (tr Q)^2 = 1."""
    traces = np.array([np.trace(q) for q in matrices])
    return traces.mean() * math.sqrt(traces.size)


def test_orthogonal_is_haar():
    """Mean trace, 4000 matrices; NumPy's Q without the sign fix is the negative control."""
    stream = rng()
    haar = [weight_law("orthogonal").draw(stream, (4, 4)) for _ in range(4000)]
    plain = [np.linalg.qr(stream.standard_normal((4, 4)))[0] for _ in range(4000)]
    assert abs(trace_z(haar)) < SIX_SIGMA
    assert abs(trace_z(plain)) > SIX_SIGMA
    assert {round(np.linalg.det(q)) for q in haar[:50]} == {-1, 1}


@pytest.mark.parametrize("name", LIGHT + HEAVY)
def test_blocks_come_from_their_own_streams(name):
    """Rows of block j depend on stream j alone (but for orthogonal, where QR mixes them)."""
    law = weight_law(name)
    shape = (BLOCK_ROWS + 3, 5)
    whole = law.draw_blocks(lambda block: rng(block), shape)
    assert whole.shape == shape
    assert whole.flags.c_contiguous
    if not law.is_orthogonal:
        second = law.entries(rng(2), (3, 5)) * law.scale(5)
        np.testing.assert_array_equal(whole[BLOCK_ROWS:], second)
        np.testing.assert_array_equal(law.draw_rows(rng(2), (3, 5)), second)


def test_orthogonal_rows_are_not_drawn_alone():
    with pytest.raises(UnsupportedError, match=r"weights='orthogonal': .* allowed are laws of independent"):
        weight_law("orthogonal").draw_rows(rng(), (3, 5))


@pytest.mark.parametrize("name", LIGHT + HEAVY)
def test_biases(name):
    law = weight_law(name)
    bias = law.draw_bias(rng(), 20_000)
    expected = stats.norm() if law.has_variance else None
    if law.alpha == 1:
        expected = stats.cauchy()
    if expected is not None:
        assert stats.kstest(bias, expected.cdf).pvalue > 1e-8
    column = law.draw_bias_as_weights(rng(), 50, 16)
    np.testing.assert_allclose(column, law.entries(rng(), (50,)) * 16 ** (-1 / law.alpha))


def test_names():
    assert weight_law("stable:1") == weight_law("cauchy")
    assert weight_law("student_t:3.0").name == "student_t:3"
    assert weight_law("stable:1.5").alpha == 1.5
    assert not weight_law("stable:1.5").has_variance
    assert weight_law("orthogonal").is_orthogonal
    own = WeightLaw("laplace", np.random.Generator.standard_normal)
    assert weight_law(own) is own


@pytest.mark.parametrize("name", LIGHT + HEAVY)
def test_pickle_round_trip(name):
    law = pickle.loads(pickle.dumps(weight_law(name)))
    assert law == weight_law(name)
    np.testing.assert_array_equal(law.draw(rng(), (3, 4)), weight_law(name).draw(rng(), (3, 4)))


@pytest.mark.parametrize(
    "name",
    [
        "gauss",
        "student_t",
        "student_t:2",
        "student_t:nan",
        "student_t:inf",
        "stable:0",
        "stable:2",
        "stable:x",
        "stable:",
        "gaussian:1",
        "",
    ],
)
def test_unknown_names_are_one_line(name):
    with pytest.raises(ValueError, match="allowed") as caught:
        weight_law(name)
    assert "\n" not in str(caught.value)


def test_wrong_kinds():
    with pytest.raises(TypeError, match="allowed"):
        weight_law(None)
    with pytest.raises(ValueError, match="alpha"):
        WeightLaw("x", np.random.Generator.standard_normal, alpha=3.0)
    with pytest.raises(TypeError, match="entries"):
        WeightLaw("x", "gaussian")


def test_cauchy_numbers_are_those_of_the_general_formula():
    """alpha = 1 takes a short way: the same bits, and the generator goes on from the same place."""
    short, long = np.random.default_rng(3), np.random.default_rng(3)
    numbers = draw_stable(short, (300, 100), 1.0)
    angle = np.pi * (long.random((300, 100)) - 0.5)
    ratio = np.cos(0.0 * angle) / long.standard_exponential((300, 100))
    np.testing.assert_array_equal(numbers, np.sin(angle) * np.cos(angle) ** -1.0 * ratio**0.0)
    assert short.random() == long.random()
