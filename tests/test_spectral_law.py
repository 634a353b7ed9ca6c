"""The methods of a law: consistent with each other in all four variables, for any input, for every kind of law."""

import math

import mpmath as mp
import numpy as np
import pytest
from conftest import ATOMIC, LAWS, law_of
from hypothesis import given
from hypothesis import strategies as st
from naive.continuation import follow_root
from naive.master_equation import NaiveEquation

import rmtjac as rj

VARIABLES = ("eigenvalues", "singular_values", "log_eigenvalues", "log_singular_values")
FLOAT_METHODS = ("pdf", "logpdf", "cdf", "sf", "ppf", "s_transform")
names = st.sampled_from(sorted(LAWS))
variables = st.sampled_from(VARIABLES)
SMALLEST = -745.0  # log of the smallest double


def points(law):
    """Log lambda across the support and around it."""
    law = law.of("log_eigenvalues")
    places = np.concatenate([law.support.ravel(), law.atoms[:, 0]])
    high = places.max()
    low = max(places[np.isfinite(places)].min(), high - 40.0) - 1.0
    return np.linspace(low, high + 1.0, 61)


def x_of(t, variable):
    power = 2.0 if variable.endswith("singular_values") else 1.0
    return t / power if variable.startswith("log_") else np.exp(t / power)


# Distribution


@pytest.mark.parametrize("variable", VARIABLES)
def test_cdf_and_sf_add_up_to_one_and_cdf_ascends(law, variable):
    view = law.of(variable)
    x = x_of(points(law), variable)
    cdf, sf = view.cdf(x), view.sf(x)
    assert cdf + sf == pytest.approx(1.0, abs=1e-11)
    assert (np.diff(cdf) >= -1e-11).all()
    assert ((cdf >= 0.0) & (cdf <= 1.0 + 1e-12)).all()


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("name", LAWS)
def test_ppf_inverts_cdf(name, variable):
    # the distribution starts like a root at a top edge lambda = 1, which is known to its rounding, or the gates'
    tolerance = {"arcsine": 1e-7, "orthogonal, one tanh layer": 3e-7}.get(name, 1e-9)
    view = law_of(*LAWS[name]).of(variable)
    u = np.concatenate(
        [10.0 ** np.arange(-9.0, 0.0), np.linspace(0.05, 0.95, 19), 1.0 - 10.0 ** -np.arange(1.0, 10.0)]
    )
    x = view.ppf(u)
    # a law of lambda has no quantile among the subnormal numbers, nor below the mass at zero
    there = np.isfinite(x) if variable.startswith("log_") else x > 1e-300
    excess = (view.cdf(x) - u)[there]
    jump = np.array([view.atoms[view.atoms[:, 0] == v, 1].sum() for v in x])[there]
    assert (excess >= -tolerance).all()
    assert (excess <= jump + tolerance).all()


@pytest.mark.parametrize("depth", [1, 2, 10, 100, 10_000])
@pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu(0.1)", "hard_tanh"])
@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
def test_ppf_inverts_cdf_in_log_lambda(depth, activation, weights):
    law = law_of(activation, depth, weights).of("log_eigenvalues")
    u = np.concatenate([np.geomspace(1e-9, 0.5, 60), 1.0 - np.geomspace(1e-9, 0.5, 60)])
    t = law.ppf(u)
    on_atom = np.isin(t, law.atoms[:, 0])
    inverse_root = depth == 2 and weights == "orthogonal" and activation.endswith(("relu", ")"))
    tolerance = 1e-7 if inverse_root else 1e-9
    assert (law.cdf(t) >= u - tolerance).all()
    assert np.abs(law.cdf(t) - u)[~on_atom].max(initial=0.0) <= tolerance


@pytest.mark.parametrize(
    ("slope", "sigma_w"), [(0.9553590481553, 0.187), (0.980868228017, 0.5), (4.55444e-07, 0.187)]
)
def test_small_quantiles_lie_at_the_lower_end(slope, sigma_w):
    law = law_of(f"leaky_relu({slope})", 2, "orthogonal", 1.0, sigma_w).of("log_eigenvalues")
    assert law.ppf(1e-9) < law.support.mean()


def test_distribution_of_the_arcsine_law_next_to_its_edge():
    law = law_of(*LAWS["arcsine"]).of("log_eigenvalues")
    t = -np.array([1e-14, 1e-18, 1e-22, 1e-26])
    # the rounding of log z counts as eps/|t|; what is left of the digits is more than that
    assert law.sf(t) == pytest.approx(np.sqrt(-t) / math.pi, rel=2e-3, abs=0.0)


def test_cdf_jumps_by_the_mass_of_an_atom(law):
    for place, mass in law.atoms:
        below = np.nextafter(place, -1.0) if place == 0.0 else place * (1.0 - 1e-13)
        if place == 0.0 or law.pdf(below) == 0.0:
            assert law.cdf(place) - law.cdf(below) == pytest.approx(mass, abs=1e-12)


@given(name=names, u=st.floats(0.0, 1.0))
def test_ppf_is_monotone(name, u):
    law = law_of(*LAWS[name]).of("log_eigenvalues")
    assert law.ppf(u) <= law.ppf(min(1.0, u + 1e-6))


def test_quantiles_of_impossible_probabilities_are_nan(law):
    assert np.isnan(law.ppf([-0.1, 1.1, np.nan])).all()


def test_median_and_interval_are_quantiles(law):
    law = law.of("log_eigenvalues")
    assert law.median() == law.ppf(0.5)
    assert law.interval(0.8) == (law.ppf(0.5 * (1 - 0.8)), law.ppf(0.5 * (1 + 0.8)))


def test_draws_follow_the_law_and_their_seed():
    law = law_of(*LAWS["hard_tanh"])
    x = law.rvs(4000, rng=1)
    assert np.array_equal(x, law.rvs(4000, rng=1))
    assert law.rvs(rng=1).shape == ()
    assert law.rvs((2, 3), rng=np.random.SeedSequence(1)).shape == (2, 3)
    grid = np.linspace(0.0, 4.0, 50)
    distance = np.abs((x[:, None] <= grid).mean(axis=0) - law.cdf(grid)).max()
    # Massart: exceeded with probability 2 exp(-2 n d^2) = 1e-7
    limit = math.sqrt(math.log(2e7) / 2 / x.size)
    assert distance < limit
    assert np.abs((x[:, None] <= grid).mean(axis=0) - law_of(*LAWS["relu"]).cdf(grid)).max() > limit


# Densities


@pytest.mark.parametrize(
    "name",
    [
        "linear",
        "gap",
        "leaky",
        "hard_tanh",
        "orthogonal, atom on top",
        "deep",
        "rectangular, hard gates",
        "narrow input",
        "two leaky layers",
        "erf",
        "gelu",
        "orthogonal, one tanh layer",
        "smooth, mixed",
    ],
)
def test_pdf_is_the_derivative_of_cdf(name):
    law = law_of(*LAWS[name]).of("log_eigenvalues")
    low, high = law.support[-1]
    t = np.linspace(max(low, high - 9.0), high, 12)[1:-1]
    h = 1e-3
    stencil = (-law.cdf(t + 2 * h) + 8 * law.cdf(t + h) - 8 * law.cdf(t - h) + law.cdf(t - 2 * h)) / (12 * h)
    assert law.pdf(t) == pytest.approx(stencil, rel=1e-7)


@pytest.mark.parametrize("variable", VARIABLES)
def test_views_are_one_law(law, variable):
    t = points(law)
    log_view, view = law.of("log_eigenvalues"), law.of(variable)
    x = x_of(t, variable)
    power = 2.0 if variable.endswith("singular_values") else 1.0
    jacobian = power / (1.0 if variable.startswith("log_") else x)
    away = np.abs(t[:, None] - log_view.edges).min(axis=1, initial=np.inf) > 1e-3
    away &= np.abs(t[:, None] - log_view.atoms[:, 0]).min(axis=1, initial=np.inf) > 1e-3
    assert view.pdf(x)[away] == pytest.approx((log_view.pdf(t) * jacobian)[away], rel=1e-9)
    assert view.cdf(x)[away] == pytest.approx(log_view.cdf(t)[away], abs=1e-11)
    assert view.logpdf(x)[away] == pytest.approx((log_view.logpdf(t) + np.log(jacobian))[away], abs=1e-9)
    assert view.edges == pytest.approx(x_of(log_view.edges, variable))
    assert view.of("log_eigenvalues").ppf(0.7) == log_view.ppf(0.7)


def test_moments_of_singular_values_are_half_moments(law):
    assert law.of("singular_values").moment(2) == pytest.approx(law.moment(1), rel=1e-10)
    assert law.of("singular_values").moment(1) == pytest.approx(law.moment(0.5), rel=1e-10)


def test_density_of_singular_values_at_zero():
    views = [
        law_of(*args).of("singular_values")
        for args in (("linear", 1), ("hard_tanh", 3), ("relu", 1), ("relu", 2))
    ]
    quarter_circle, diverging, gap, flat = (view.pdf(0.0) for view in views)
    assert quarter_circle == pytest.approx(2.0 / math.pi, rel=1e-12)
    assert diverging == math.inf
    assert gap == 0.0
    assert flat == pytest.approx(views[3].pdf(1e-100), rel=1e-9)
    assert [view.logpdf(0.0) for view in views[:3]] == pytest.approx(
        [math.log(2.0 / math.pi), math.inf, -math.inf]
    )


# Inputs of every kind


@pytest.mark.parametrize("method", FLOAT_METHODS)
def test_shape_and_company_do_not_change_a_value(law, method):
    if method == "s_transform" and not hasattr(law._spectrum, method):
        pytest.skip("the law of the gates alone")
    x = np.linspace(0.01, 0.99, 12)
    flat = getattr(law, method)(x)
    assert flat.shape == (12,)
    assert np.array_equal(getattr(law, method)(x.reshape(3, 4)), flat.reshape(3, 4), equal_nan=True)
    assert np.array_equal([getattr(law, method)(v) for v in x], flat, equal_nan=True)
    assert np.array_equal(getattr(law, method)(x[::-1]), flat[::-1], equal_nan=True)
    assert getattr(law, method)([]).shape == (0,)
    assert getattr(law, method)(np.empty((0, 3))).shape == (0, 3)
    assert np.ndim(getattr(law, method)(0.5)) == 0


@pytest.mark.parametrize("variable", VARIABLES)
def test_strange_points_have_their_limits(law, variable):
    view = law.of(variable)
    with np.errstate(all="raise", under="ignore"):
        assert view.pdf([np.inf, -np.inf, 1e300]).tolist() == [0.0, 0.0, 0.0]
        assert view.logpdf([np.inf, -np.inf]).tolist() == [-np.inf, -np.inf]
        assert view.cdf(np.inf) == pytest.approx(1.0, abs=1e-14)
        assert view.sf(np.inf) == 0.0
        assert np.isnan(
            [view.pdf(np.nan), view.logpdf(np.nan), view.cdf(np.nan), view.sf(np.nan), view.ppf(np.nan)]
        ).all()
        if not variable.startswith("log_"):
            assert view.pdf(-1.0) == view.cdf(-1.0) == view.cdf(-np.inf) == 0.0
            assert view.sf(-1.0) == 1.0
            assert view.pdf(-0.0) == view.pdf(0.0)


def test_the_largest_log_singular_value_is_above_the_spectrum():
    assert law_of("linear", 2).of("log_singular_values").sf(1.7e308) == 0.0


def test_density_at_the_smallest_singular_value():
    assert law_of("linear", 1).of("singular_values").pdf(5e-324) == pytest.approx(2.0 / math.pi, rel=1e-12)


def test_status_covers_every_point(law):
    x = np.concatenate([np.exp(points(law)), [5e-324, -1.0, np.inf]])
    status = law.status(x)
    assert (status.code == 0).all()
    assert not np.isnan(status.bound).any()
    assert (status.bound >= 0.0).all()


def test_status_where_the_density_diverges():
    status = law_of("linear", 2).status(0.0)
    assert status.code == 0
    assert not np.isnan(status.bound)


def test_status_of_nan_is_not_certified():
    status = law_of("linear", 2).status(np.nan)
    assert status.code != 0 or np.isnan(status.bound) or status.bound == np.inf


@given(name=names, t=st.floats(-1e6, 1e3), variable=variables)
def test_no_point_is_left_unconverged(name, t, variable):
    law = law_of(*LAWS[name]).of(variable)
    # panels resolve gates down to e^-3000, which is far below all doubles
    t = t if name in ATOMIC else max(t, SMALLEST)
    with np.errstate(over="ignore", under="ignore"):
        x = x_of(np.float64(t), variable)
    status = law.status(x)
    assert status.code == 0
    assert not np.isnan(law.pdf(x))
    assert law.cdf(x) + law.sf(x) == pytest.approx(1.0, abs=1e-8 if name == "arcsine" else 1e-10)


def log_density_slope(law, t):
    """Mean slope of the log density of log lambda between 0 and t."""
    return law.of("log_eigenvalues").logpdf(t) / t


HARD_EDGES = [
    "linear",
    "marchenko-pastur",
    "relu",
    "leaky",
    "hard_tanh",
    "orthogonal, no atom",
    "deep",
    "depth 10,000",
]


@pytest.mark.parametrize("name", HARD_EDGES)
@pytest.mark.parametrize("exponent", [8.0, 12.0, 16.0])
def test_however_far_down_the_log_density_is_the_power_of_the_hard_edge(name, exponent):
    law = law_of(*LAWS[name])
    assert log_density_slope(law, -(10.0**exponent)) == pytest.approx(
        law._spectrum.hard_edge_exponent, rel=1e-2
    )


@pytest.mark.parametrize("t", [-1e30, -1e300])
def test_no_log_lambda_is_too_small(t):
    law = law_of("linear", 3)
    assert log_density_slope(law, t) == pytest.approx(0.25, rel=1e-9)


def test_status_bounds_the_rounding_of_the_edge():
    """The last doubles below an edge: if pdf says 0, the bound must cover the true square root."""
    for depth in (1, 2, 3, 5, 10):
        law = law_of("linear", depth)
        with mp.workdps(40):
            edge = mp.mpf(depth + 1) ** (depth + 1) / mp.mpf(depth) ** depth
            c = mp.mpf(depth) * (depth + 1) / 2
            x = float(edge)
            for _ in range(6):
                if x < edge:
                    angle = mp.sqrt((mp.log(edge) - mp.log(mp.mpf(x))) / c)
                    # next to the edge 1 + w -> (L+1)/L, density of log lam ~ angle (L+1)/(pi L)
                    exact = float(angle * (depth + 1) / (mp.pi * depth) / x)
                    assert abs(law.pdf(x) - exact) <= 1.001 * law.status(x).bound + 1e-14
                x = float(np.nextafter(x, 0.0))


# Transforms


TRANSFORMED = [name for name in LAWS if name not in ("deep", "depth 10,000")]


@pytest.mark.parametrize("name", TRANSFORMED)
def test_stieltjes_is_the_integral_over_the_law(name):
    law = law_of(*LAWS[name])
    z = np.array([-1.0, 0.3 + 0.5j, 2.0 + (0.01j if name in ATOMIC else 0.1j), 40.0, -1e-3 + 1j])
    t = law.of("log_eigenvalues")
    count = 4000 if name in ATOMIC else 400
    u = (np.arange(count) + 0.5) / count
    x = law.ppf(u)
    expected = (1.0 / (x[:, None] - z)).mean(axis=0)
    assert law.stieltjes(z) == pytest.approx(expected, rel=2e-2, abs=2e-3)
    assert t.name == law.name


@pytest.mark.parametrize(
    "name", ["linear", "gap", "layers that differ", "orthogonal, leaky", "rectangular", "two leaky layers"]
)
def test_stieltjes_is_that_of_the_naive_twin(name):
    law = law_of(*LAWS[name])
    eq = law._spectrum.equation
    naive = NaiveEquation(eq)
    for z in (0.3 + 0.5j, 2.0 + 1e-3j, -3.0 + 1e-2j):
        etas = follow_root(naive, mp.log(mp.mpc(z)) - mp.mpf(eq.log_scale), 100)
        zero = law._spectrum.zero_mass
        exact = -(zero + (1 - zero) * (1 + naive.u(etas))) / mp.mpc(z)
        assert law.stieltjes(z) == pytest.approx(complex(exact), rel=1e-10)


def test_stieltjes_is_conjugate_symmetric_in_the_upper_half_plane(law, rng):
    z = rng.normal(size=20) + 1j * rng.uniform(1e-6, 5.0, 20)
    f = law.stieltjes(z)
    assert (f.imag > 0.0).all()
    assert np.array_equal(law.stieltjes(z.conj()), f.conj())


@pytest.mark.parametrize(
    "name",
    [
        "linear",
        "gap",
        "leaky",
        "hard_tanh",
        "orthogonal, no atom",
        "rectangular",
        "mixed",
        "erf",
        "orthogonal, one tanh layer",
        "smooth, mixed",
    ],
)
def test_density_is_the_imaginary_part_of_stieltjes(name):
    law = law_of(*LAWS[name])
    low, high = law.support[-1]
    x = np.linspace(max(low, 1e-3), high, 20)[1:-1]
    assert law.stieltjes(x).imag / math.pi == pytest.approx(law.pdf(x), rel=1e-9)


def test_stieltjes_tends_to_minus_one_over_z(law):
    for z in (1e9j, -1e12, 1e200, -1e200, 1e200 + 1e200j):
        if abs(z) > 1e3 * law.edges.max(initial=1.0):
            assert law.stieltjes(z) * z == pytest.approx(-1.0, rel=2.0 * law.mean() / abs(z) + 1e-12)


@pytest.mark.parametrize("name", ["linear", "relu", "leaky", "hard_tanh", "orthogonal, leaky"])
def test_stieltjes_is_real_off_the_support(name):
    law = law_of(*LAWS[name])
    z = np.array([-10.0, -1.0, -1e-6, law.edges[-1] * 1.001, 1e3 + law.edges[-1]])
    f = law.stieltjes(z)
    assert np.abs(f.imag / f.real).max() < 1e-13
    assert (f[:3].real > 0.0).all()
    assert (f[3:].real < 0.0).all()


def test_stieltjes_on_the_negative_axis_does_not_see_the_sign_of_zero():
    law = law_of("linear", 2)
    assert law.stieltjes(complex(-1.0, -0.0)) == pytest.approx(law.stieltjes(complex(-1.0, 0.0)), rel=1e-14)


@pytest.mark.parametrize(
    "args",
    [("leaky_relu(0.5)", 3, "orthogonal"), ("leaky_relu(0.5)", 2, "orthogonal"), ("linear", 3, "orthogonal")],
)
def test_stieltjes_at_zero_is_the_inverse_moment_where_zero_is_outside(args):
    law = law_of(*args)
    assert law.stieltjes(0.0) == pytest.approx(law.moment(-1), rel=1e-10)


def test_stieltjes_at_zero_is_infinite_at_a_hard_edge():
    assert law_of("linear", 2).stieltjes(0.0).real == math.inf


@pytest.mark.parametrize("z", [np.inf, -np.inf, complex(0.0, np.inf)])
def test_stieltjes_vanishes_at_infinity(z):
    assert law_of("linear", 2).stieltjes(z) == 0.0


def test_stieltjes_of_nan_is_nan():
    assert np.isnan(law_of("linear", 2).stieltjes(complex(np.nan, 1.0)))


@pytest.mark.parametrize("z", [5e-324, 1e308 + 1e308j])
def test_stieltjes_of_extreme_numbers_raises_no_warning(z):
    assert not np.isnan(law_of("linear", 2).stieltjes(z))


def test_stieltjes_where_lambda_itself_underflows():
    law = law_of("linear", 10, "gaussian", 1.0, 1e-100)
    assert law.stieltjes(1.0) == pytest.approx(-1.0, rel=1e-12)


@given(
    depth=st.integers(1, 20), w=st.floats(-0.999, 1e6), weights=st.sampled_from(["gaussian", "orthogonal"])
)
def test_s_transform_of_bernoulli_gates(depth, w, weights):
    """(1 + w)/(w + p) a layer, times 1/(1 + w) for independent entries."""
    law = law_of("relu", depth, weights)
    layer = 1.0 / (w + 0.5) if weights == "gaussian" else (1.0 + w) / (w + 0.5)
    exact = layer**depth if w > -0.5 else math.nan
    if abs(w + 0.5) > 1e-3 and w != 0.0:
        assert law.s_transform(w) == pytest.approx(exact, rel=1e-11, nan_ok=True)


@pytest.mark.parametrize("w", [-1.0 + 1e-6, -1.0 + 1e-10, -1.0 + 2.0**-53])
def test_s_transform_next_to_its_pole(w):
    assert law_of("linear", 2).s_transform(w) == pytest.approx((1.0 + w) ** -2.0, rel=1e-12)


@pytest.mark.parametrize("w", [1e-300, -1e-300, 0.0, 1e3])
def test_s_transform_of_extreme_numbers(w):
    assert law_of("linear", 2).s_transform(w) == pytest.approx((1.0 + w) ** -2.0, rel=1e-12, abs=0.0)


@pytest.mark.parametrize("w", [5e-324, 1e10, 1e100])
def test_s_transform_of_the_most_extreme_numbers(w):
    assert law_of("linear", 2).s_transform(w) == pytest.approx((1.0 + w) ** -2.0, rel=1e-12, abs=0.0)


def test_s_transform_inverts_stieltjes():
    law = law_of(*LAWS["leaky"])
    z = np.array([-3.0, -0.1, 200.0, 1e3])
    w = -1.0 - z * law.stieltjes(z).real
    assert law.s_transform(w) == pytest.approx((1.0 + w) / (w * z), rel=1e-10)


# What is refused


def test_an_unknown_variable_is_refused():
    with pytest.raises(ValueError, match=r"variable='eigen'.*log_singular_values"):
        law_of("linear", 1).of("eigen")


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_an_interval_of_impossible_mass_is_refused(p):
    with pytest.raises(ValueError, match=r"^p="):
        law_of("linear", 1).interval(p)


@pytest.mark.parametrize("k", [0.5, -1, math.nan, math.inf])
def test_log_variables_have_integer_moments_only(k):
    with pytest.raises(ValueError, match=r"^k=.*integer"):
        law_of("linear", 1).of("log_eigenvalues").moment(k)


@pytest.mark.parametrize("method", ["stieltjes", "s_transform"])
def test_transforms_are_those_of_the_eigenvalues(method):
    with pytest.raises(ValueError, match="of the eigenvalues"):
        getattr(law_of("linear", 1).of("singular_values"), method)(0.5)
    with pytest.raises(rj.UnsupportedError, match=method):
        getattr(rj.marchenko_pastur(1.0), method)(0.5)


def test_a_law_says_what_it_is():
    assert "leaky_relu" in repr(law_of(*LAWS["leaky"]))
    assert "log_eigenvalues" in repr(law_of(*LAWS["leaky"]).of("log_eigenvalues"))
