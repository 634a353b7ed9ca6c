"""Tests with replicates as the unit: false alarms no more often than stated, however few replicates there are."""

import math

import numpy as np
import pytest

from rmtjac.comparison.replicates import check_distinct, mean_deviation, mean_p_value

POINTS = 40


def processes(rng, replicates, trials, shift=0.0):
    """Brownian bridges about `shift`: as far from independent points as distribution functions are."""
    walks = rng.standard_normal((trials, replicates, POINTS + 1)).cumsum(axis=2) / math.sqrt(POINTS)
    return walks[..., :-1] - np.linspace(0.0, 1.0, POINTS) * walks[..., -1:] + shift


@pytest.mark.parametrize("replicates", [2, 3, 5, 20])
def test_false_alarms_are_no_more_frequent_than_stated(rng, replicates):
    # 500 trials at 5 %: more than 60 alarms have probability 1e-7
    right = [mean_deviation(rows).p_value(0.0) for rows in processes(rng, replicates, 500)]
    assert np.sum(np.array(right) < 0.05) <= 60
    # at the border of the band
    shifted = [mean_deviation(rows).p_value(0.3) for rows in processes(rng, replicates, 500, shift=0.3)]
    assert np.sum(np.array(shifted) < 0.05) <= 60


def test_a_wrong_mean_is_caught(rng):
    rows = processes(rng, 50, 1, shift=1.0)[0]
    assert mean_deviation(rows).p_value(0.0) < 1e-7
    assert mean_deviation(rows).p_value(0.4) < mean_deviation(rows).p_value(0.5)
    assert mean_deviation(rows).p_value(1.5) == 1.0


def test_few_replicates_prove_little(rng):
    rows = processes(rng, 2, 1, shift=10.0)[0]
    assert mean_deviation(rows).p_value(0.0) > 1e-3
    alone = mean_deviation(rows[:1])
    assert math.isnan(alone.p_value(0.0))
    assert alone.interval(0.3) == (0.0, 1.0)


def test_counts_that_no_replicate_changes_are_no_certainty():
    # an eigenvalue expected in every third replicate beyond the last point, and seen in none of three
    rows = np.array([[0.1, 0.0, -0.01], [-0.1, 0.02, -0.01], [0.0, -0.02, -0.01]])
    assert mean_deviation(rows).p_value(0.0) == 1.0


def test_replicates_without_noise():
    rows = np.full((5, 3), 0.2)
    assert mean_deviation(rows).p_value(0.1) == 0.0
    assert mean_deviation(rows).p_value(0.2) == 1.0
    assert mean_deviation(rows).interval(0.2) == (pytest.approx(0.2), pytest.approx(0.2))


def test_errors_of_two_samples_add_up(rng):
    a, b = processes(rng, 30, 2)
    together = mean_deviation(a, -b)
    variance = (a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / 30
    assert together.error == pytest.approx(math.sqrt(variance.max()))
    assert together.supremum == pytest.approx(np.abs(a.mean(axis=0) - b.mean(axis=0)).max())
    assert mean_deviation(a, -b[:2]).freedom == 1


def test_the_spread_is_that_of_the_supremum(rng):
    suprema = [mean_deviation(rows).supremum for rows in processes(rng, 20, 400, shift=1.0)]
    found = [mean_deviation(rows).spread for rows in processes(rng, 20, 40, shift=1.0)]
    assert np.mean(found) == pytest.approx(np.std(suprema), rel=0.2)


def test_means_are_tested_by_student(rng):
    values = rng.standard_normal((2000, 4))
    alarms = np.sum([mean_p_value(row, 0.0) < 0.05 for row in values])
    assert 50 <= alarms <= 155  # 100 expected; both ends have probability 1e-7
    assert mean_p_value(np.array([1.0, 1.1, 0.9, 1.0]), 0.0) < 1e-3
    assert mean_p_value(np.array([1.0, 1.1, 0.9, 1.0]), 1.0) == 1.0
    assert mean_p_value(np.full(3, 1e-14), 0.0) == 1.0
    for values in ([1.0], [1.0, math.nan], [1.0, math.inf]):
        assert math.isnan(mean_p_value(np.array(values), 0.0))
    assert math.isnan(mean_p_value(np.ones(3), math.nan))


def test_repeated_spectra_are_named(rng):
    spectra = np.sort(rng.random((5, 12)))
    check_distinct(spectra)
    spectra[4] = spectra[1]
    with pytest.raises(ValueError, match=r"replicates 1 and 4 have the same spectrum.*allowed are"):
        check_distinct(spectra)
    check_distinct(np.tile(np.sort(rng.random(3)), (2, 5)))  # of few values: no proof
    check_distinct(np.full((3, 20), -np.inf))
