"""Pictures show what they are given: axes, histogram, curve, edges and atoms."""

from __future__ import annotations

import matplotlib.figure
import numpy as np
import pytest

import rmtjac as rj
from rmtjac.plotting import plot_comparison, plot_law, plot_sample, render


@pytest.fixture
def ax():
    return matplotlib.figure.Figure().subplots()


def test_a_shallow_law_has_a_log_density_axis(ax):
    artists = plot_law(rj.spectral_law(rj.Ensemble(depth=2)), ax)
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "log")
    x, y = artists[0].get_data()
    law = rj.spectral_law(rj.Ensemble(depth=2))
    drawn = np.isfinite(y)
    np.testing.assert_allclose(y[drawn], law.pdf(x[drawn]))


def test_a_deep_law_is_drawn_over_log_lambda(ax):
    law = rj.spectral_law(rj.Ensemble(depth=20))
    x, y = plot_law(law, ax)[0].get_data()
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")
    drawn = np.isfinite(y)
    np.testing.assert_allclose(y[drawn], law.of("log_eigenvalues").pdf(np.log(10.0) * x[drawn]), rtol=1e-9)


def test_edges_and_atoms_are_drawn(ax):
    law = rj.spectral_law(rj.Ensemble(depth=2, activation="hard_tanh", weights="orthogonal"), q=1.0)
    plot_law(law, ax)
    lines = [line.get_xdata()[0] for line in ax.lines[1:]]
    np.testing.assert_allclose(sorted(lines), [law.edges[-1], 1.0])
    assert "0.3173" in ax.texts[0].get_text()


def test_the_histogram_integrates_to_the_mass_off_zero(ax):
    sample = rj.sample_spectrum(rj.Ensemble(depth=2, width=40, activation="relu"), 5, 1)
    bars = plot_sample(sample, ax)[0]
    values, edges, _ = bars.get_data()
    assert (values * np.diff(edges)).sum() == pytest.approx(1.0 - sample.zero_mass)


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_all_zero_and_pure_atom_laws_can_be_drawn(activation, ax):
    plot_law(rj.spectral_law(rj.Ensemble(depth=1, activation=activation, weights="orthogonal")), ax)
    plot_law(
        rj.spectral_law(rj.Ensemble(depth=2, width=30, activation=activation), gates=[np.zeros(30)] * 2), ax
    )


def test_the_same_picture_is_the_same_bytes():
    ens = rj.Ensemble(depth=2, width=30)
    sample = rj.sample_spectrum(ens, 3, 1)
    one, two = (render(plot_comparison(rj.spectral_law(ens), sample)) for _ in range(2))
    assert one == two
    assert one.startswith(b"<?xml")


@pytest.mark.parametrize("activation", ["linear", "leaky_relu(0.2)"])
@pytest.mark.parametrize("depth", [1, 1000])
@pytest.mark.parametrize("sigma_w", [0.5, 3.0])
def test_every_law_can_be_rendered(activation, depth, sigma_w):
    for weights in ("gaussian", "orthogonal"):
        ens = rj.Ensemble(depth=depth, activation=activation, weights=weights, sigma_w=sigma_w)
        assert render(plot_law(rj.spectral_law(ens)))
