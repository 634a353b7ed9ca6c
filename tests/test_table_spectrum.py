"""Tables: mass that is missing, and laws of which only the mass is known below the table.

The latter are cut from the law of a product of Cauchy matrices, which is known everywhere.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

import rmtjac as rj
from rmtjac.errors import ConvergenceError, UnsupportedError
from rmtjac.theory.spectrum import PowerTail
from rmtjac.theory.table_spectrum import TableSpectrum

CUT = -3.0  # log lambda
VARIABLES = ("eigenvalues", "singular_values", "log_eigenvalues", "log_singular_values")


@cache
def whole():
    return rj.stable_product_law(1.0, 1)


@cache
def cut_law(opened=1.0, lowest=CUT):
    """Of mass `opened`, known from `lowest` on."""
    view = whole().of("log_eigenvalues")

    def log_density(t):
        return view.logpdf(t) + math.log(opened), np.full(t.shape, 1e-12)

    table = TableSpectrum(log_density, np.linspace(lowest, 300.0, 100), opened, 0.0, PowerTail(0.5))
    return rj.SpectralLaw(table, "cut")


def gaussian_table(mass, exponent, missing):
    return TableSpectrum(
        lambda t: (-0.5 * t * t - 0.5 * math.log(2 * math.pi), np.full(t.shape, 1e-12)),
        np.linspace(-3.0, 9.0, 7),
        mass,
        exponent,
        PowerTail(9.0),
        missing,
    )


def test_tables_that_miss_mass():
    with pytest.raises(ConvergenceError, match="integrates"):
        gaussian_table(1.0, math.inf, 1e-9)
    scaled = gaussian_table(1.0, math.inf, 1e-2)
    assert scaled.mass_below(np.array([20.0]))[0] == pytest.approx(1.0, abs=1e-12)
    rest = gaussian_table(1.0, 0.0, 1e-9).mass_below(np.array([-3.0, -3.1, -math.inf]))
    np.testing.assert_allclose(rest, [0.5 * math.erfc(3.0 / math.sqrt(2.0)), math.nan, 0.0], rtol=1e-9)


def test_the_missing_mass_is_part_of_the_error():
    lost = 0.5 * math.erfc(3.0 / math.sqrt(2.0))
    scaled = gaussian_table(1.0, math.inf, 1e-2)
    t = np.array([0.0, 1.0])
    true = np.exp(-0.5 * t * t) / math.sqrt(2.0 * math.pi)
    code, bound = scaled.density_error(t)
    assert (code == 0).all()
    assert (np.abs(scaled.density(t) - true) <= bound).all()
    np.testing.assert_allclose(bound / scaled.density(t), lost, rtol=1e-6)


@pytest.mark.parametrize("variable", VARIABLES)
def test_from_the_cut_on_nothing_is_lost(variable):
    law, full = cut_law().of(variable), whole().of(variable)
    x = full.ppf(np.linspace(full.cdf(law.known_from) + 1e-9, 0.999, 40))
    for name in ("pdf", "logpdf", "cdf", "sf"):
        np.testing.assert_allclose(getattr(law, name)(x), getattr(full, name)(x), rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(law.ppf(law.cdf(x)), x, rtol=1e-9)
    assert (law.status(x).code == 0).all()


@pytest.mark.parametrize("variable", VARIABLES)
def test_below_the_cut_only_the_mass_is_known(variable):
    law = cut_law(0.75).of(variable)
    zero, inside = (-math.inf, 2.0 * CUT) if law.variable.startswith("log") else (0.0, math.exp(2.0 * CUT))
    assert law.known_from == pytest.approx(law._values(CUT))
    for x in (
        law.pdf(inside),
        law.logpdf(inside),
        law.cdf(inside),
        law.sf(inside),
        law.pdf(zero),
        law.logpdf(zero),
    ):
        assert math.isnan(x)
    assert (law.cdf(zero), law.sf(zero)) == pytest.approx((0.25, 0.75))
    status = law.status([zero, inside, law.known_from])
    assert status.code.tolist() == [1, 1, 0]
    assert np.isinf(status.bound).tolist() == [True, True, False]
    below = float(whole().cdf(math.exp(CUT)))
    assert law.cdf(law.known_from) == pytest.approx(0.25 + 0.75 * below)
    held = 0.25 + 0.75 * below * np.array([1.0 - 1e-9, 1.0 + 1e-9])
    quantiles = law.ppf([0.0, 0.25, 0.2500001, *held])
    np.testing.assert_allclose(quantiles, [zero, zero, math.nan, math.nan, law.known_from], rtol=1e-8)


def test_laws_without_a_cut_are_known_everywhere():
    assert whole().known_from == 0.0
    assert whole().of("log_singular_values").known_from == -math.inf
    assert rj.fuss_catalan(2).known_from == 0.0
    assert rj.fuss_catalan(2).rvs(3, 1).shape == (3,)


def test_averages_say_where_the_unknown_counts():
    law, logs = cut_law(), cut_law().of("log_eigenvalues")
    assert law.moment(0) == pytest.approx(1.0, abs=1e-9)
    assert [law.moment(k) for k in (0.5, 1.0)] == [math.inf, math.inf]
    unknown = (
        law.moment(0.25),
        law.moment(-0.1),
        law.log_moment(),
        law.log_moment(True),
        logs.mean(),
        logs.std(),
    )
    assert np.isnan(unknown).all()
    closed = cut_law(0.75)
    assert closed.moment(-0.1) == math.inf
    assert (closed.log_moment(), closed.of("log_eigenvalues").moment(2)) == (-math.inf, math.inf)
    assert math.isnan(closed.log_moment(continuous_only=True))


def test_mass_too_small_to_count_is_no_hindrance():
    """Below e^-120 there is e^-60 of it."""
    assert cut_law(lowest=-120.0).moment(0.25) == pytest.approx(whole().moment(0.25), rel=1e-9)


@pytest.mark.parametrize("variable", VARIABLES)
def test_nothing_is_drawn_and_grids_start_at_the_cut(variable):
    law = cut_law().of(variable)
    with pytest.raises(UnsupportedError, match="has the mass"):
        law.rvs(3, 1)
    grid = law.grid(50)
    assert grid[0] == pytest.approx(law.known_from)
    assert (law.status(grid).code == 0).all()


def test_samples_are_compared_from_the_cut_on():
    """The distance by hand: from both sides of every jump above the cut, and at the cut."""
    sample = rj.sample_spectrum(rj.Ensemble(1, 100, "linear", weights="cauchy"), 5, 1)
    found = rj.compare(cut_law(), sample)
    pooled = np.sort(np.log(sample.eigenvalues), axis=None)
    above = np.concatenate([[CUT], pooled[pooled > CUT]])
    share = np.searchsorted(pooled, above, side="right") / pooled.size
    law = whole().of("log_eigenvalues").cdf(above)
    before = np.abs(share[1:] - 1.0 / pooled.size - law[1:])
    assert found.ks == pytest.approx(max(np.abs(share - law).max(), before.max()), abs=1e-9)
    assert found.ks <= rj.compare(whole(), sample).ks + 1e-9
    assert (found.wasserstein, found.zero_mass_gap) == (math.inf, 0.0)
