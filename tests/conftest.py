"""Shared by the tests: reference values (scripts/make_reference_values.py made them) and laws at hand."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import hypothesis
import numpy as np
import pytest

import rmtjac as rj

DATA = Path(__file__).parent / "data"

hypothesis.settings.register_profile(
    "rmtjac",
    deadline=None,
    max_examples=25,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.load_profile("rmtjac")


@cache
def read_data(name: str):
    return json.loads((DATA / name).read_text())


@cache
def law_of(activation="linear", depth=1, weights="gaussian", q=1.0, sigma_w=1.0):
    """A law, made once a session; q may be a tuple, one per layer."""
    ens = rj.Ensemble(depth=depth, activation=activation, weights=weights, sigma_w=sigma_w)
    return rj.spectral_law(ens, q=q)


def equation_of(*args, **kwargs):
    return law_of(*args, **kwargs)._spectrum.equation


def case_law(case):
    """The law of one case of gates.json."""
    activation = f"leaky_relu({case['slope']})" if case["activation"] == "leaky_relu" else case["activation"]
    q = tuple(case["q"]) if isinstance(case["q"], list) else case["q"]
    return law_of(activation, case["depth"], case["weights"], q, case["sigma_w"])


def case_name(case):
    return f"{case['activation']}-{case['weights']}-{case['depth']}"


@pytest.fixture
def rng():
    return np.random.default_rng(20240611)


# a bit of everything: hard edge and lower edge, one and two gate values, a gap, layers that differ, an atom
LAWS = {
    "linear": ("linear", 3),
    "marchenko-pastur": ("linear", 1),
    "relu": ("relu", 4, "gaussian", 1.0, 2.0**0.5),
    "relu, one layer": ("relu", 1),
    "gap": ("leaky_relu(0.1)", 1),
    "leaky": ("leaky_relu(0.3)", 5, "gaussian", 1.0, 1.3),
    "hard_tanh": ("hard_tanh", 2),
    "layers that differ": ("hard_tanh", 3, "gaussian", (0.3, 1.0, 4.0), 0.8),
    "orthogonal, atom on top": ("hard_tanh", 2, "orthogonal"),
    "orthogonal, no atom": ("hard_tanh", 5, "orthogonal", 2.0, 1.5),
    "orthogonal, leaky": ("leaky_relu(0.5)", 3, "orthogonal"),
    "orthogonal, layers that differ": ("hard_tanh", 3, "orthogonal", (0.3, 1.0, 4.0)),
    "arcsine": ("relu", 2, "orthogonal"),
    "deep": ("hard_tanh", 100),
    "depth 10,000": ("linear", 10_000),
}


@pytest.fixture(params=LAWS, ids=str)
def law(request):
    return law_of(*LAWS[request.param])
