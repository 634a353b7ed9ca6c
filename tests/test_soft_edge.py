"""Scale of the largest eigenvalue: against Johnstone's for Wishart matrices, and where there is none."""

import math

import numpy as np
import pytest
from conftest import LAWS, law_of

import rmtjac as rj
from rmtjac.theory.soft_edge import soft_edge

N = 400
SOFT = (
    "linear",
    "marchenko-pastur",
    "relu",
    "gap",
    "leaky",
    "hard_tanh",
    "mixed",
    "rectangular",
    "erf",
    "gelu",
)
NOT_SOFT = ("orthogonal, atom on top", "arcsine", "orthogonal, one tanh layer")


@pytest.mark.parametrize("ratio", [0.25, 1.0, 3.0])
def test_scale_of_wishart_matrices_is_johnstones(ratio):
    # (sqrt m + sqrt n)(1/sqrt m + 1/sqrt n)^(1/3) over (sqrt m + sqrt n)^2
    rows, columns = math.sqrt(N), math.sqrt(N / ratio)
    edge = soft_edge(rj.marchenko_pastur(ratio), N)
    assert edge.scale == pytest.approx((1 / rows + 1 / columns) ** (1 / 3) / (rows + columns), rel=1e-5)
    assert edge.log_top == pytest.approx(2.0 * math.log1p(math.sqrt(ratio)))


@pytest.mark.parametrize("depth", [1, 2, 10, 100])
def test_scale_of_products_from_their_angle(depth):
    # log lambda falls by depth (depth + 1) phi^2/2 from the edge, and its density is (depth + 1) phi/(pi depth)
    slope = (depth + 1) / depth * math.sqrt(2.0 / (depth * (depth + 1)))
    assert soft_edge(rj.fuss_catalan(depth), 10_000).scale == pytest.approx(
        (10_000 * slope) ** (-2 / 3), rel=1e-4
    )


@pytest.mark.parametrize("name", SOFT)
def test_the_density_is_the_square_root_of_the_scale(name):
    law = law_of(*LAWS[name])
    edge = soft_edge(law, 10**8)
    d = 1e-5
    root = math.sqrt(d) / (math.pi * 1e8 * edge.scale**1.5)
    assert law.of("log_eigenvalues").pdf(edge.log_top - d) == pytest.approx(root, rel=1e-3)


@pytest.mark.parametrize("name", NOT_SOFT)
def test_tops_that_are_no_soft_edges(name):
    law = law_of(*LAWS[name])
    edge = soft_edge(law, N)
    assert math.isnan(edge.scale)
    assert edge.log_top == pytest.approx(law.of("log_eigenvalues").ppf(1.0))


def test_laws_without_a_density():
    closed = rj.spectral_law(rj.Ensemble(depth=1, width=50, activation="relu"), gates=[np.zeros(50)])
    assert soft_edge(closed, N).log_top == -math.inf
    assert math.isnan(soft_edge(closed, N).scale)
    assert math.isnan(soft_edge(law_of("linear", 3, "orthogonal"), N).scale)


def test_a_width_too_small_for_the_square_root():
    nearly_hard = rj.critical_depth_limit(1.1, "hard")  # at 1 an atom begins at its top
    assert math.isnan(soft_edge(nearly_hard, 20).scale)
    assert soft_edge(nearly_hard, N).scale > 0.0
