"""Tail indices: exact power laws, stable laws, coverage of the intervals, invariances, the command line.

An interval of 95 % over R independent trials misses a binomial number of times; bounds on the hits are those of
probability 1e-7. Seeds are fixed.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

import rmtjac as rj
from rmtjac.cli import main
from rmtjac.comparison.hill import hill_estimates, nearest_start, tail_distance
from rmtjac.model.stable import draw_stable

ALARM = 1e-7


def pareto(rng, alpha, shape):
    return rng.random(shape) ** (-1.0 / alpha)


def holds(fit, alpha):
    return fit.interval[0] <= alpha <= fit.interval[1]


def least_hits(trials, level=0.95):
    return int(binom.ppf(ALARM, trials, level))


# estimates


def test_hill_is_the_mean_log_excess(rng):
    x = np.sort(pareto(rng, 1.5, 40))[::-1]
    exact = [1.0 / np.mean([math.log(x[i] / x[k]) for i in range(k)]) for k in range(1, 40)]
    np.testing.assert_allclose(hill_estimates(np.log(x)), exact, rtol=1e-10)


def test_the_distance_is_kolmogorovs(rng):
    x = np.sort(pareto(rng, 1.0, 30))[::-1]
    k, index = 12, 0.8
    points = np.linspace(x[k], x[0] * 1.01, 200_000)
    above = (x[:k, None] > points).mean(axis=0)
    gap = np.abs((points / x[k]) ** -index - above).max()
    assert tail_distance(np.log(x), k, index) == pytest.approx(gap, abs=1e-3)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("method", ["hill", "distance"])
def test_exact_power_laws(rng, alpha, method):
    fit = rj.fit_tail(pareto(rng, alpha, 20_000), method=method)
    assert abs(math.log(fit.index / alpha)) < 6.0 / math.sqrt(fit.k)
    assert fit.distance < 2.0 / math.sqrt(fit.k)
    assert fit.sf(fit.threshold) == pytest.approx(fit.k / fit.n)
    assert fit.sf(2.0 * fit.threshold) == pytest.approx(fit.k / fit.n * 2.0**-fit.index)
    assert math.isnan(fit.sf(0.5 * fit.threshold))
    assert fit.hill[fit.k - 1] == fit.index


def test_the_start_of_the_tail_is_found(rng):
    """Uniform below 1, index 2 above: 3,000 of 10,000 values."""
    x = np.where(rng.random(10_000) < 0.7, rng.random(10_000), pareto(rng, 2.0, 10_000))
    k = nearest_start(np.sort(np.log(x))[::-1])
    assert 1000 < k < 3300


# intervals


@pytest.mark.parametrize("level", [0.95, 0.5])
def test_coverage_for_power_laws(rng, level):
    trials = 400
    hits = sum(holds(rj.fit_tail(pareto(rng, 1.5, 400), 60, level=level), 1.5) for _ in range(trials))
    assert least_hits(trials, level) <= hits <= binom.isf(ALARM, trials, level)


@pytest.mark.parametrize("alpha", [0.7, 1.0, 1.5])
def test_coverage_for_stable_laws(rng, alpha):
    """With 2 sqrt(n) values the bias is within the error: less than 1 in 100 more misses."""
    trials = 200
    hits = sum(holds(rj.fit_tail(draw_stable(rng, (20_000,), alpha)), alpha) for _ in range(trials))
    assert hits >= least_hits(trials, 0.94)


def test_replicates_are_the_units():
    """Each value 4 times in its matrix: the interval of replicates holds, that of independent values does not."""
    rng, trials, hits, control = np.random.default_rng(3), 200, 0, 0
    sample = rj.sample_spectrum(rj.Ensemble(1, 80), 40, 1, workers=1)
    for _ in range(trials):
        values = np.sort(np.repeat(pareto(rng, 1.0, (40, 20)), 4, axis=1), axis=1)
        # a little apart, as those of no two matrices are equal
        values *= 1.0 + 1e-9 * rng.random(values.shape)
        fit = rj.fit_tail(replace(sample, singular_values=np.sort(values, axis=1)), 200)
        hits += holds(fit, 1.0)
        control += holds(rj.fit_tail(values, 200), 1.0)
    assert fit.replicates == 40
    assert hits >= least_hits(trials, 0.93)
    assert control < least_hits(trials)


# invariances

samples = st.tuples(st.integers(0, 2**32 - 1), st.integers(30, 300), st.floats(0.3, 3.0))


@given(samples, st.floats(1e-50, 1e50))
def test_scale_and_sign_change_nothing(sample, scale):
    seed, n, alpha = sample
    rng = np.random.default_rng(seed)
    x = pareto(rng, alpha, n)
    first, other = rj.fit_tail(x), rj.fit_tail(scale * x * rng.choice([-1.0, 1.0], n))
    assert other.index == pytest.approx(first.index, rel=1e-9)
    assert other.interval == pytest.approx(first.interval, rel=1e-9)
    assert other.threshold == pytest.approx(scale * first.threshold, rel=1e-9)


@given(samples)
def test_order_and_shape_change_nothing(sample):
    seed, n, alpha = sample
    rng = np.random.default_rng(seed)
    x = pareto(rng, alpha, (n, 2))
    mixed = rj.fit_tail(rng.permutation(x.ravel()).reshape(2, n))
    assert (mixed.index, mixed.interval, mixed.k) == (
        rj.fit_tail(x).index,
        rj.fit_tail(x).interval,
        rj.fit_tail(x).k,
    )


@given(samples, st.floats(0.2, 5.0))
def test_a_power_divides_the_index(sample, power):
    seed, n, alpha = sample
    x = pareto(np.random.default_rng(seed), alpha, n)
    assert rj.fit_tail(x**power).index == pytest.approx(rj.fit_tail(x).index / power, rel=1e-9)


# matrices and spectra


def test_singular_values_and_eigenvalues(rng):
    matrix = draw_stable(rng, (60, 40), 1.0)
    singular = rj.fit_tail(matrix, variable="singular_values")
    values = np.linalg.svd(matrix, compute_uv=False)
    assert singular.index == pytest.approx(rj.fit_tail(values).index)
    assert (singular.n, singular.replicates) == (40, 1)
    assert rj.fit_tail(matrix, variable="eigenvalues").index == pytest.approx(0.5 * singular.index)
    assert rj.fit_tail(np.stack([matrix, -2.0 * matrix]), variable="singular_values").replicates == 2


def test_a_sampled_spectrum():
    """One Cauchy matrix has the tail of its entries; its structural zeros count in n alone."""
    sample = rj.sample_spectrum(rj.Ensemble(widths=[60, 80], weights="cauchy"), 200, 1, workers=1)
    fit = rj.fit_tail(sample)
    assert (fit.n, fit.logs.size, fit.replicates) == (16_000, 12_000, 200)
    assert abs(math.log(fit.index)) < 6.0 * (fit.interval[1] - fit.interval[0]) / 4.0
    half = tuple(end / 2.0 for end in fit.interval)
    assert rj.fit_tail(sample, variable="eigenvalues").interval == pytest.approx(half)


def test_logarithms_beyond_the_doubles():
    """Of a sample of relative accuracy its logarithms count: lambda = e^2000 is no inf."""
    sample = rj.sample_spectrum(rj.Ensemble(1, 12), 8, 1, workers=1)
    with np.errstate(over="ignore"):
        logs = np.sort(np.log(sample.singular_values) + 1000.0, axis=1)
        far = replace(sample, singular_values=np.exp(logs), logs=logs)
    assert rj.fit_tail(far).index == pytest.approx(rj.fit_tail(sample).index, rel=1e-9)
    assert rj.fit_tail(far).threshold == math.inf
    with pytest.raises(ValueError, match="a singular value left the range of doubles"):
        rj.fit_tail(replace(far, logs=None))


def test_the_package_powerlaw_agrees(rng):
    pytest.importorskip("powerlaw")
    x = pareto(rng, 1.5, 1000)
    theirs = rj.fit_tail(x, method="powerlaw")
    assert theirs.index == pytest.approx(theirs.hill[theirs.k], rel=0.02)
    assert abs(math.log(theirs.index / 1.5)) < 6.0 / math.sqrt(theirs.k)


def test_the_picture(rng):
    artists = rj.fit_tail(draw_stable(rng, (5000,), 1.0)).plot()
    left, right = artists[0].figure.axes
    assert "fraction above" in left.get_ylabel()
    assert right.get_xscale() == "log"


BAD = {
    "few": (np.ones(5), {}, "values: 5 of them are not 0; allowed"),
    "zeros": (np.zeros((50, 2)), {}, "values: 0 of them are not 0"),
    "equal": (np.ones(100), {}, "largest are all equal; allowed"),
    "not finite": (np.array([1.0, np.nan] * 50), {}, "values has an entry that is not finite"),
    "words": (["a"] * 50, {}, "values: allowed are arrays"),
    "k": (np.arange(100.0), {"k": 3}, "k=3: allowed"),
    "large k": (np.arange(100.0), {"k": 99}, "k=99: allowed"),
    "k twice": (np.arange(100.0), {"k": 20, "method": "distance"}, "k=20 with method='distance'"),
    "method": (np.arange(100.0), {"method": "mle"}, "method='mle': allowed"),
    "variable": (np.arange(100.0), {"variable": "moduli"}, "variable='moduli': allowed"),
    "vector": (np.arange(100.0), {"variable": "singular_values"}, r"shape \(100,\) with variable"),
    "level": (np.arange(100.0), {"level": 1.0}, r"level=1.0: allowed"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    values, arguments, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        rj.fit_tail(values, **arguments)


# the command line

NETWORKS = [
    "tail",
    "--depth",
    "1",
    "--width",
    "40",
    "--weights",
    "cauchy",
    "--replicates",
    "20",
    "--seed",
    "1",
]


def run(capsys, *arguments):
    code = main(list(map(str, arguments)))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_tail_of_networks(capsys, tmp_path):
    code, out, _ = run(capsys, *NETWORKS, "--json", "--out", tmp_path / "x", "--workers", 1)
    found = json.loads(out)
    fit = rj.fit_tail(rj.load_sample(tmp_path / "x.npz"))
    assert code == 0
    assert (found["index"], found["k"]) == (fit.index, fit.k)
    assert found["interval"] == list(fit.interval)
    table = np.genfromtxt(tmp_path / "x.csv", delimiter=",", names=True)
    assert table["k"][-1] == fit.logs.size - 1
    assert run(capsys, "rerun", tmp_path / "x.npz")[0] == 0
    assert "values of 20 matrices" in run(capsys, "tail", "--sample", tmp_path / "x.npz")[1]


def test_tail_of_a_matrix(capsys, tmp_path, rng):
    matrix = draw_stable(rng, (50, 60), 1.0)
    np.save(tmp_path / "w.npy", matrix)
    code, out, _ = run(capsys, "tail", "--matrix", tmp_path / "w.npy", "--json", "--out", tmp_path / "x")
    assert code == 0
    assert json.loads(out)["index"] == rj.fit_tail(matrix).index
    assert run(capsys, "rerun", tmp_path / "x.npz")[0] == 0
    out = run(capsys, "tail", "--matrix", tmp_path / "w.npy", "--variable", "eigenvalues", "--k", 12)[1]
    assert "eigenvalues" in out
    assert "the 12 largest of 50 values of one matrix" in out
    assert "no sampling" in run(capsys, "tail", "--matrix", tmp_path / "w.npy", "--dry-run")[1]


def test_bad_files_are_one_line(capsys, tmp_path):
    (tmp_path / "x.npy").write_text("no array")
    for arguments in (
        ["--matrix", tmp_path / "none.npy"],
        ["--matrix", tmp_path / "x.npy"],
        ["--matrix", "a", "--sample", "b"],
        ["--sample", tmp_path / "none.npz"],
    ):
        code, out, err = run(capsys, "tail", *arguments)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert "allowed" in err or "no such file" in err
