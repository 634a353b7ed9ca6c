"""Superattracting activations: 60 digits of mpmath, samples in ranges and about lines, moments, names, refusals."""

import math
import pickle

import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import rmtjac as rj
from rmtjac.errors import UnsupportedError
from rmtjac.model import superattracting_enclosures as enclosures
from rmtjac.model.activation_enclosures import slope_range, value_range
from rmtjac.model.activation_kernels import phi, phi_prime
from rmtjac.model.activations import activation
from rmtjac.model.linear_enclosures import linear_enclosure

POLYNOMIALS = ("cubic", "quintic", "hermite(2)", "hermite(4)", "hermite(5)", "hermite(8)")
NAMES = (*POLYNOMIALS, "exp_cubic")
INF = math.inf
# where something turns, and sizes at which something overflows
PLACES = [
    0.0,
    0.5,
    1.0,
    math.e,
    1.5,
    2.0,
    3.5,
    2.1232877,
    3.3914051,
    40.0,
    1e5,
    1e51,
    1e110,
    1e160,
    1e300,
    1e-200,
]
PLACES += [-h for h in PLACES]
ends = st.one_of(st.sampled_from(PLACES), st.floats(-4, 4), st.floats(-50, 50), st.floats(-1e308, 1e308))


def interpolated(count):
    """Hermite's interpolation by divided differences in mpmath, not by linear equations: value and derivative."""
    nodes = [mp.mpf(j) / 2 for j in range(1 - count, count, 2) for _ in range(2)]
    table = list(nodes)
    newton = [table[0]]
    for order in range(1, 2 * count):
        table = [
            mp.mpf(0)
            if nodes[i + order] == nodes[i]
            else (table[i + 1] - table[i]) / (nodes[i + order] - nodes[i])
            for i in range(2 * count - order)
        ]
        newton.append(table[0])

    def value(h):
        total, slope = newton[-1], mp.mpf(0)
        for c, s in zip(newton[-2::-1], nodes[-2::-1], strict=True):
            total, slope = total * (h - s) + c, slope * (h - s) + total
        return total, slope

    return lambda h: value(h)[0], lambda h: value(h)[1]


def exp_cubic(h):
    t = (h - 1) / (mp.e - 1)
    return mp.exp(3 * t**2 - 2 * t**3)


def exact(name):
    if name == "cubic":
        return lambda h: 3 * h**2 - 2 * h**3, lambda h: 6 * h - 6 * h**2
    if name == "quintic":
        return lambda h: (5 * h**3 - 3 * h**5) / 2, lambda h: 15 * (h**2 - h**4) / 2
    if name == "exp_cubic":
        return exp_cubic, lambda h: exp_cubic(h) * 6 * (h - 1) * (mp.e - h) / (mp.e - 1) ** 3
    return interpolated(int(name[8:-1]))


def ranges(name, low, high):
    f = activation(name)
    return value_range(f.code, f.parameter, low, high), slope_range(f.code, f.parameter, low, high)


@pytest.mark.parametrize("name", NAMES)
def test_true_values_lie_in_the_ranges_of_points(name):
    near = [float(np.nextafter(h, way)) for h in PLACES[:8] for way in (-INF, INF)]
    points = [*PLACES, *near, *np.random.default_rng(5).uniform(-9, 9, 400).tolist()]
    with mp.workdps(60):
        value, slope = exact(name)
        for h in points:
            # there numbers of 60 digits have no exponent, or no zero
            if (name == "exp_cubic" and h < -1e8) or (name.startswith("hermite") and abs(h) < 1e-50):
                continue
            values, slopes = ranges(name, h, h)
            assert values[0] <= value(mp.mpf(h)) <= values[1], h
            assert slopes[0] <= slope(mp.mpf(h)) <= slopes[1], h
            if abs(h) < 9.0:
                assert values[1] - values[0] <= 1e-9 * (1.0 + abs(values[0])) or abs(h) > 2.5
                assert float(activation(name).value(h)) == pytest.approx(
                    float(value(mp.mpf(h))), rel=1e-9, abs=1e-9
                )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.jit_off
def test_samples_lie_in_the_ranges_and_about_the_line(name):
    f = activation(name)

    @given(ends, ends)
    @example(-0.3, 1.4)
    @settings(max_examples=60)
    @np.errstate(over="ignore", invalid="ignore")  # not compiled, kernels warn
    def check(a, b):
        low, high = min(a, b), max(a, b)
        values, slopes = ranges(name, low, high)
        spread = np.linspace(0.0, 1.0, 80)
        h = np.concatenate([low * (1.0 - spread) + high * spread, PLACES])
        h = h[(h >= low) & (h <= high)]
        for got, kernel, function in ((values, phi, f.value), (slopes, phi_prime, f.derivative)):
            samples = np.array([kernel(f.code, f.parameter, x) for x in h.tolist()])
            for each in (samples, function(h)):
                assert got[0] <= each.min()
                assert each.max() <= got[1]
        slope, offset, error = linear_enclosure(f.code, f.parameter, low, high)
        gaps = np.abs(f.value(h) - slope * h - offset)
        rounding = 4e-16 * (np.abs(slope * h) + np.abs(f.value(h)) + abs(offset))
        assert (gaps <= error + rounding).all() or error == INF

    check()


@pytest.mark.parametrize("name", NAMES)
def test_ranges_are_tight(name):
    f = activation(name)
    edge = float(f.points[-1]) + 0.5
    for low, high in np.sort(np.random.default_rng(3).uniform(f.points[0] - 0.5, edge, (200, 2))):
        h = np.concatenate([np.linspace(low, high, 20_001), f.points[(f.points > low) & (f.points < high)]])
        for got, samples in zip(ranges(name, low, high), (f.value(h), f.derivative(h)), strict=True):
            width = samples.max() - samples.min()
            assert got[1] - got[0] <= width * (1.0 + 1e-5) + 1e-5 * width**0.5 + 1e-10


@pytest.mark.parametrize("name", NAMES)
def test_true_values_are_within_the_error_of_a_line(name):
    rng = np.random.default_rng(1)
    f = activation(name)
    with mp.workdps(60):
        value = exact(name)[0]
        for _ in range(120):
            low = rng.uniform(f.points[0] - 1, f.points[-1] + 1)
            high = low + 10 ** rng.uniform(-16, 0)
            slope, offset, error = linear_enclosure(f.code, f.parameter, low, high)
            for h in (low, high, *rng.uniform(low, high, 4)):
                assert abs(value(mp.mpf(h)) - mp.mpf(slope) * mp.mpf(h) - mp.mpf(offset)) <= error


@pytest.mark.parametrize("name", NAMES)
def test_the_error_of_a_line_is_of_second_order(name):
    f = activation(name)
    at = float(f.points[-1]) + 0.07
    errors = [linear_enclosure(f.code, f.parameter, at - w, at + w)[2] for w in (1e-3, 1e-4)]
    assert 80 < errors[0] / errors[1] < 130


@pytest.mark.parametrize("name", NAMES)
def test_turns_are_those_of_60_digits(name):
    """All real zeros of phi' and of phi'', no others: signs between the tabled ones alternate or touch."""
    f = activation(name)
    row = enclosures._row(f.code, f.parameter)
    with mp.workdps(60):
        slope = exact(name)[1]
        for function, table in ((slope, enclosures.TURNS), (lambda h: mp.diff(slope, h), enclosures.BENDS)):
            turns = table[row][~np.isnan(table[row])]
            for turn in turns:
                assert abs(function(mp.mpf(turn))) <= 1e-8 * (1 + abs(mp.diff(function, mp.mpf(turn))))
            grid = np.linspace(turns[0] - 3, turns[-1] + 3, 2_001) + 1e-4
            signs = [int(mp.sign(function(mp.mpf(h)))) for h in grid]
            changes = [k for k in range(1, len(grid)) if signs[k] != signs[k - 1]]
            for k in changes:
                assert ((turns > grid[k - 1]) & (turns < grid[k])).any()


def test_without_margins_a_true_value_would_be_outside(monkeypatch):
    """Negative control."""
    monkeypatch.setattr(enclosures, "superattracting_value_error", lambda code, parameter, h, value: 0.0)
    bare = getattr(enclosures._value_ends, "py_func", enclosures._value_ends)
    f = activation("exp_cubic")
    with mp.workdps(60):
        outside = [h for h in np.linspace(0.6, 3.1, 100) if bare(f.code, 0.0, h)[0] > exp_cubic(mp.mpf(h))]
    assert len(outside) > 10


@pytest.mark.parametrize("name", NAMES)
def test_ends_without_order_or_at_infinity(name):
    (below, above), slopes = ranges(name, -INF, INF)
    assert (below, above) == ((0.0, INF) if name == "exp_cubic" else (-INF, INF))
    assert slopes[0] == -INF
    assert slopes[1] < INF
    assert ranges(name, math.nan, 1.0) == ranges(name, 2.0, 1.0) == ((below, above), slopes)
    assert linear_enclosure(activation(name).code, activation(name).parameter, -1e300, 1.0)[2] == INF


@pytest.mark.parametrize("name", NAMES)
def test_points_are_superattracting(name):
    f = activation(name)
    k = {"cubic": 2, "quintic": 3, "exp_cubic": 2}.get(name) or int(name[8:-1])
    assert f.points.size == k
    np.testing.assert_allclose(f.value(f.points), f.points, atol=1e-11)
    np.testing.assert_allclose(f.derivative(f.points), 0.0, atol=1e-10)


def test_hermite_is_the_cubic_and_the_quintic_in_other_coordinates():
    h = np.linspace(-2, 2, 101)
    np.testing.assert_allclose(
        activation("hermite(2)").value(h), activation("cubic").value(h + 0.5) - 0.5, atol=1e-14
    )
    np.testing.assert_array_equal(activation("hermite:3").value(h), activation("quintic").value(h))


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_moments_of_polynomials(name):
    f = activation(name)
    value, slope = exact(name)
    with mp.workdps(30):
        for q in (0.01, 1.0, 30.0):
            scale = mp.sqrt(mp.mpf(q))
            for moment, function in ((f.second_moment, value), (f.derivative_moment, slope)):
                due = mp.quad(
                    lambda x, g=function, s=scale: g(s * x) ** 2 * mp.npdf(x),
                    np.linspace(-20, 20, 21).tolist(),
                )
                assert moment(q) == pytest.approx(float(due), rel=1e-11)
    assert f.second_moment(1e300) == INF


def test_what_theory_does_not_exist_is_refused_in_a_sentence():
    with pytest.raises(UnsupportedError, match="no mean of phi"):
        rj.mean_field(rj.Ensemble(depth=3, width=10, activation="exp_cubic"))
    for name in ("cubic", "exp_cubic", "hermite(4)"):
        with pytest.raises(UnsupportedError, match=r"no (top edge|mean of)"):
            rj.spectral_law(rj.Ensemble(depth=2, width=50, activation=name))
    field = rj.mean_field(rj.Ensemble(depth=3, width=10, activation="cubic", sigma_w=0.1, q0=0.1))
    assert field.q[1] == pytest.approx(0.01 * (27 * 0.001**2 + 4 * 15 * 0.001**3), rel=1e-12)
    assert field.q_star == 0.0


@pytest.mark.parametrize(
    "name", ["hermite(1)", "hermite(9)", "hermite(2.5)", "hermite()", "hermite", "hermite(-3)", "Cubic"]
)
def test_bad_names(name):
    with pytest.raises(ValueError, match=r"allowed|POINTS"):
        activation(name)


@pytest.mark.parametrize("name", NAMES)
def test_networks_of_them_are_pickled_and_saved(name, tmp_path):
    net = rj.Network([np.eye(2), 0.5 * np.eye(2)], [np.full(2, 0.1), np.zeros(2)], name)
    again = rj.load_network(net.save(tmp_path / "net.npz"))
    x = np.array([[0.3, 0.7], [-0.2, 1.4]])
    np.testing.assert_array_equal(again(x), net(x))
    assert pickle.loads(pickle.dumps(net.activations[0])) == again.activations[0] == net.activations[0]


def test_all_fixed_points_of_a_cubic_layer_are_found_and_their_basins_proven():
    """Nine of them: 0, 1/2 and 1 in each coordinate, moved by W - I and b; four attract."""
    net = rj.Network(
        [np.eye(2) + 0.005 * np.array([[1.0, -1.0], [0.5, 1.0]])], [np.array([0.004, -0.003])], "cubic"
    )
    found = rj.find_fixed_points(net, -0.4, 1.4)
    assert found.complete
    assert found.certified.all()
    assert len(found.points) == 9
    assert found.stable.sum() == 4
    basins = rj.basins(net, -0.2, 1.2, 0.1)
    assert len(basins.attractors) == 4
    assert all(attractor.is_proven for attractor in basins.attractors)
    stable = found.points[found.stable]
    for attractor in basins.attractors:
        assert np.abs(stable - attractor.points[0]).max(axis=1).min() <= 1e-9
