"""Law against sample: distances by definition, and a comparison that notices a wrong law."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy.stats import t as student

import rmtjac as rj

WIDTH, REPLICATES, SEED = 200, 20, 7


def sample_of(ens, replicates=REPLICATES):
    return rj.sample_spectrum(ens, replicates, SEED)


@pytest.fixture(scope="module")
def relu():
    ens = rj.Ensemble(depth=3, width=WIDTH, activation="relu", sigma_w=2**0.5)
    return ens, sample_of(ens)


def test_kolmogorov_distance_is_its_definition(relu):
    ens, sample = relu
    law = rj.spectral_law(ens)
    values = np.sort(sample.eigenvalues, axis=None)
    places = np.unique(values)
    above = np.searchsorted(values, places, side="right") / values.size
    below = np.searchsorted(values, places, side="left") / values.size
    left = law.cdf(places) - np.where(places == 0.0, law.atoms[0, 1], 0.0)
    expected = max(np.abs(above - law.cdf(places)).max(), np.abs(below - left).max())
    assert rj.compare(law, sample).ks == pytest.approx(expected, abs=1e-12)


def test_wasserstein_distance_is_the_area_between_distribution_functions(relu):
    ens, sample = relu
    law = rj.spectral_law(ens)
    x = np.linspace(0.0, 40.0, 400_001)
    empirical = (
        np.searchsorted(np.sort(sample.eigenvalues, axis=None), x, side="right") / sample.eigenvalues.size
    )
    area = np.abs(empirical - law.cdf(x)).mean() * 40.0
    assert rj.compare(law, sample).wasserstein == pytest.approx(area, rel=2e-3)


def test_gaps_are_differences_of_means(relu):
    ens, sample = relu
    law = rj.spectral_law(ens)
    comparison = rj.compare(law, sample)
    assert comparison.mean_gap == pytest.approx(sample.eigenvalues.mean() - 1.0, abs=1e-12)
    assert comparison.edge_gap == pytest.approx(sample.eigenvalues[:, -1].mean() - law.edges[-1])
    assert comparison.zero_mass_gap == pytest.approx(sample.zero_mass - 0.5)
    low, high = comparison.ks_interval
    assert low <= comparison.ks <= high


@pytest.mark.parametrize(
    ("activation", "weights", "depth"),
    [
        ("linear", "gaussian", 2),
        ("relu", "gaussian", 2),
        ("hard_tanh", "gaussian", 4),
        ("hard_tanh", "orthogonal", 3),
        ("leaky_relu(0.3)", "gaussian", 2),
        (["hard_tanh", "tanh"], "gaussian", 2),
        (["relu", "tanh"], "orthogonal", 2),
    ],
)
def test_the_law_at_realised_gates_is_that_of_the_network(activation, weights, depth):
    # measured distances: .002 to .006 at this size; a law off by 5 % in sigma_w is at .02 and more
    ens = rj.Ensemble(depth=depth, width=WIDTH, activation=activation, weights=weights, sigma_w=1.1)
    sample = sample_of(ens)
    assert rj.compare(rj.realised_laws(ens, sample), sample).ks < 0.01
    wrong = rj.Ensemble(depth=depth, width=WIDTH, activation=activation, weights=weights, sigma_w=1.1 * 1.05)
    laws = [rj.spectral_law(wrong, gates=gates) for gates in rj.realised_gates(ens, sample)]
    assert rj.compare(laws, sample).ks > 0.012


def test_a_dropped_layer_is_noticed():
    ens = rj.Ensemble(depth=3, width=WIDTH)
    sample = sample_of(ens)
    assert rj.compare(rj.spectral_law(ens), sample).ks < 0.01
    assert rj.compare(rj.spectral_law(ens.with_depth(2)), sample).ks > 0.05


def test_a_mixture_of_equal_laws_is_the_law(relu):
    ens, sample = relu
    law = rj.spectral_law(ens)
    mixture = rj.compare([law] * REPLICATES, sample)
    assert mixture.ks == pytest.approx(rj.compare(law, sample).ks, abs=2e-5)
    assert mixture.wasserstein == pytest.approx(rj.compare(law, sample).wasserstein, rel=1e-3)


def test_the_p_value_is_bonferronis_over_replicates(relu):
    ens, sample = relu
    assert rj.compare(rj.spectral_law(ens), sample).p_value == 1.0
    wrong = rj.spectral_law(ens, q=1.0, gates=[np.ones(WIDTH)] * 3)
    values, x = sample.eigenvalues, wrong.ppf(np.linspace(0.0, 1.0, 2000))
    gaps = np.array([np.searchsorted(row, x, side="right") / WIDTH for row in values]) - wrong.cdf(x)
    error = gaps.std(axis=0, ddof=1).max() / REPLICATES**0.5
    t = (np.abs(gaps.mean(axis=0)).max() - rj.compare(wrong, sample).band.distribution) / error
    assert rj.compare(wrong, sample).p_value == pytest.approx(
        131 * 2 * student.sf(t, REPLICATES - 1), rel=0.5
    )


def test_realised_laws_are_far_sharper_than_the_limit(relu):
    ens, sample = relu
    laws = rj.realised_laws(ens, sample)
    sharp = rj.compare(laws, sample)
    assert sharp.p_value > 1e-7
    assert sharp.zero_mass_p_value == 1.0
    wrong = rj.Ensemble(depth=3, width=WIDTH, activation="relu", sigma_w=2**0.5 * 1.04)
    laws = [rj.spectral_law(wrong, gates=gates) for gates in rj.realised_gates(ens, sample)]
    assert rj.compare(laws, sample).p_value < 1e-7
    assert rj.compare(rj.spectral_law(wrong), sample).p_value == 1.0


def test_a_wrong_mass_at_zero_is_no_chance(relu):
    ens, sample = relu
    laws = rj.realised_laws(ens, sample)
    assert rj.compare(laws[1:] + laws[:1], sample).zero_mass_p_value == pytest.approx(1.0)
    fewer = replace(sample, ranks=sample.ranks - 1)
    assert rj.compare(laws, fewer).zero_mass_p_value < 1e-100


def test_the_top_is_compared_on_its_own_scale():
    ens = rj.Ensemble(depth=1, width=WIDTH)
    sample = sample_of(ens, 100)
    comparison = rj.compare(rj.fuss_catalan(1), sample)
    scale = 2 ** (4 / 3) * WIDTH ** (-2 / 3) / 4.0
    exact = (np.log(sample.eigenvalues[:, -1]) - math.log(4.0)) / scale
    assert comparison.edge_z == pytest.approx(exact, rel=1e-4)
    assert comparison.edge_p_value > 1e-7
    higher = rj.spectral_law(rj.Ensemble(depth=1, width=WIDTH, sigma_w=1.03))
    assert rj.compare(higher, sample).edge_p_value < 1e-7
    with pytest.raises(ValueError, match="read-only"):
        comparison.edge_z[0] = 0.0


def test_bands_are_those_of_the_docstring():
    def band(activation, laws=1, **settings):
        ens = rj.Ensemble(widths=[60, 40, 50], activation=activation, **settings)
        sample = sample_of(ens, 3)
        return rj.compare([rj.spectral_law(ens, q=1.0)] * laws, sample).band

    n, depth = 40, 2
    linear, realised, limit = band("linear"), band("relu", 3), band("relu")
    assert asdict(linear) == {
        "distribution": 1 / (3 * n),
        "mean": 0.0,
        "log_top": depth / n,
        "zero_mass": 0.0,
    }
    assert asdict(realised) == {
        "distribution": 1 / n,
        "mean": depth / n,
        "log_top": 2 * depth / n,
        "zero_mass": 0.0,
    }
    m = 0.6  # 20 of 50 are open
    assert (
        limit.distribution
        == limit.zero_mass
        == pytest.approx(2 / n + (2 * math.log(2) * m * (1 - m) / n) ** 0.5)
    )
    assert np.isnan(list(asdict(band("linear", weights="student_t:5")).values())).all()


def test_one_replicate_has_distances_and_no_p_values(relu):
    ens, _ = relu
    comparison = rj.compare(rj.spectral_law(ens), sample_of(ens, 1))
    assert 0.0 < comparison.ks < 0.2
    assert comparison.ks_interval == (0.0, 1.0)
    found = [
        comparison.p_value,
        comparison.mean_p_value,
        comparison.edge_p_value,
        comparison.zero_mass_p_value,
    ]
    assert np.isnan(found).all()


def test_closed_networks():
    # all gates closed in some replicates
    ens = rj.Ensemble(widths=[30, 20, 1, 20], activation="relu")
    with pytest.warns(UserWarning, match="width 1"):
        law = rj.spectral_law(ens)
    sample = sample_of(ens, 10)
    assert set(sample.ranks) == {0, 1}
    with pytest.warns(UserWarning, match="width 1"):
        laws = rj.realised_laws(ens, sample)
    for comparison in (rj.compare(law, sample), rj.compare(laws, sample)):
        assert 0.0 <= comparison.p_value <= 1.0
        assert np.isnan(comparison.edge_p_value)


@pytest.mark.parametrize(
    "settings",
    [{"depth": 60, "width": 60}, {"depth": 3, "width": 30, "activation": "hard_tanh", "sigma_w": 1e6}],
    ids=["as deep as wide", "hardly an open gate"],
)
def test_a_mean_of_rare_networks_is_not_tested(settings):
    ens = rj.Ensemble(**settings)
    comparison = rj.compare(rj.spectral_law(ens), rj.sample_spectrum(ens, 20, SEED, accuracy="relative"))
    assert np.isnan(comparison.mean_p_value)
    assert comparison.p_value > 1e-7


def test_eigenvalues_beyond_the_doubles():
    ens = rj.Ensemble(depth=2, width=50, sigma_w=1e90)
    comparison = rj.compare(rj.spectral_law(ens), rj.sample_spectrum(ens, 5, SEED, accuracy="relative"))
    ones = rj.Ensemble(depth=2, width=50)
    same = rj.compare(rj.spectral_law(ones), rj.sample_spectrum(ones, 5, SEED, accuracy="relative"))
    assert comparison.ks == pytest.approx(same.ks, rel=1e-9)
    assert comparison.edge_z == pytest.approx(same.edge_z, rel=1e-9)


def test_a_law_in_another_variable_is_the_same_law(relu):
    ens, sample = relu
    law = rj.spectral_law(ens)
    assert rj.compare(law.of("log_singular_values"), sample).mean_gap == rj.compare(law, sample).mean_gap


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
def test_deep_hard_gates_pass_at_their_own_gates(weights):
    ens = rj.Ensemble(depth=10, width=100, activation="hard_tanh", weights=weights, sigma_w=1.5)
    sample = sample_of(ens, 30)
    comparison = rj.compare(rj.realised_laws(ens, sample), sample)
    assert comparison.p_value > 1e-7
    assert comparison.zero_mass_p_value == 1.0
    assert rj.compare(rj.spectral_law(ens), sample).p_value > 1e-7


def test_wrong_number_of_laws_is_refused(relu):
    ens, sample = relu
    with pytest.raises(ValueError, match="3 laws given, allowed are 1 or one per replicate"):
        rj.compare([rj.spectral_law(ens)] * 3, sample)


@pytest.mark.parametrize("activation", ["relu", "linear", ["hard_tanh", "relu"]], ids=str)
def test_fractions_of_open_gates_tell_the_same_law_as_the_gates(activation):
    ens = rj.Ensemble(depth=2, width=40, activation=activation, sigma_w=1.3)
    sample = sample_of(ens, 3)
    x = np.linspace(0.01, 5.0, 20)
    for law, gates in zip(rj.realised_laws(ens, sample), rj.realised_gates(ens, sample), strict=True):
        np.testing.assert_array_equal(law.pdf(x), rj.spectral_law(ens, gates=gates).pdf(x))
        np.testing.assert_array_equal(law.atoms, rj.spectral_law(ens, gates=gates).atoms)


def test_gates_of_a_users_activation_are_never_guessed_from_fractions():
    # at q = 1 it looks linear: its second slope begins where no Gaussian of variance 1 ever is
    wide = rj.Activation("wide", bent, bent_slope)
    ens = rj.Ensemble(depth=1, width=50, activation=wide, sigma_w=100.0)
    sample = sample_of(ens, 2)
    assert (sample.gate_fractions == 1.0).all()
    for law, (gates,) in zip(rj.realised_laws(ens, sample), rj.realised_gates(ens, sample), strict=True):
        assert set(gates) == {0.25, 1.0}
        assert law.mean() == pytest.approx(1e4 * gates.mean(), rel=1e-9)


def bent(h):
    return np.where(np.abs(h) < 60.0, h, 0.5 * h + 30.0 * np.sign(h))


def bent_slope(h):
    return np.where(np.abs(h) < 60.0, 1.0, 0.5)


def test_realised_laws_of_another_ensemble_are_refused(relu):
    ens, sample = relu
    with pytest.raises(ValueError, match="ens: q0"):
        rj.realised_laws(ens.with_q0(2.0), sample)


RECTANGLES = [
    ([300, 200, 100], "linear", "gaussian"),
    ([100, 300, 200], "linear", "gaussian"),
    ([200, 60, 150], "linear", "gaussian"),
    ([300, 200, 150], "relu", "gaussian"),
    ([250, 150, 200], ["hard_tanh", "leaky_relu(0.3)"], "gaussian"),
]


@pytest.mark.parametrize("side", ["output", "input"])
@pytest.mark.parametrize(("widths", "activation", "weights"), RECTANGLES, ids=str)
def test_both_sides_of_rectangular_networks(widths, activation, weights, side):
    # measured distances at realised gates: .002 to .010; the other side's law differs by its mass at 0
    ens = rj.Ensemble(widths=widths, activation=activation, weights=weights, sigma_w=1.2)
    sample = sample_of(ens).of_side(side)
    laws = rj.realised_laws(ens, sample)
    comparison = rj.compare(laws, sample)
    assert comparison.ks < 0.015
    assert comparison.zero_mass_gap == pytest.approx(0.0, abs=1e-12)
    other = "input" if side == "output" else "output"
    wrong = rj.spectral_law(ens, side=other)
    n, n_other = (widths[0 if which == "input" else -1] for which in (side, other))
    gap = rj.compare(wrong, sample).ks
    assert gap > 0.5 * abs(1 - n / n_other) * min(1.0, n_other / n) * (1 - sample.zero_mass)


@pytest.mark.parametrize("widths", [[100, 250], [250, 100]], ids=str)
def test_both_sides_of_one_layer_are_marchenko_pastur(widths):
    n_in, n_out = widths
    sample = sample_of(rj.Ensemble(widths=widths))
    output = rj.marchenko_pastur(n_out / n_in)
    transposed = rj.marchenko_pastur(n_in / n_out, sigma=(n_out / n_in) ** 0.5)
    for law, side in ((output, "output"), (transposed, "input")):
        comparison = rj.compare(law, sample.of_side(side))
        assert comparison.ks < 0.01
        assert comparison.zero_mass_gap == pytest.approx(0.0, abs=1e-12)
        assert abs(comparison.mean_gap) < 0.02 * law.mean()
        other = "input" if side == "output" else "output"
        assert rj.compare(law, sample.of_side(other)).ks > 0.5


def test_sides_differ_by_their_zeros_alone():
    ens = rj.Ensemble(widths=[60, 90, 30], activation="relu")
    sample = sample_of(ens)
    ours, theirs = (
        rj.compare(rj.spectral_law(ens, side=side), sample.of_side(side)) for side in ("output", "input")
    )
    assert theirs.mean_gap == pytest.approx(0.5 * ours.mean_gap)
    assert theirs.wasserstein == pytest.approx(0.5 * ours.wasserstein, rel=1e-6)
    assert theirs.edge_gap == pytest.approx(ours.edge_gap)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu(0.1)"])  # the second has a gap
def test_a_mixture_is_interpolated_between_few_points(activation):
    ens = rj.Ensemble(depth=1, width=WIDTH, activation=activation)
    sample = sample_of(ens)
    laws = rj.realised_laws(ens, sample)
    values = np.unique(sample.nonzero_eigenvalues)
    share = np.searchsorted(np.sort(sample.eigenvalues, axis=None), values, side="right")
    before = np.searchsorted(np.sort(sample.eigenvalues, axis=None), values, side="left")
    mean = np.mean([law.cdf(values) for law in laws], axis=0)
    exact = max(np.abs(n / sample.eigenvalues.size - mean).max() for n in (share, before))
    assert rj.compare(laws, sample).ks == pytest.approx(exact, abs=2e-5)


def test_an_eigenvalue_on_an_atom_counts_as_the_atom():
    # all singular values of an orthogonal linear network are 1 up to rounding
    ens = rj.Ensemble(depth=4, width=50, weights="orthogonal", sigma_w=1.3)
    assert rj.compare(rj.spectral_law(ens), sample_of(ens, 3)).ks == pytest.approx(0.0, abs=1e-12)
