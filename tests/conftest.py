"""Shared by the tests: reference values (scripts/make_*_reference*.py made them) and laws at hand."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import hypothesis
import numpy as np
import pytest

import rmtjac as rj
from rmtjac.theory.network_law import _layers
from rmtjac.theory.normal_form import normal_form

DATA = Path(__file__).parent / "data"
# the built-in activations of bounded slope
ACTIVATIONS = [
    "linear",
    "relu",
    "leaky_relu(-0.3)",
    "hard_tanh",
    "erf",
    "tanh",
    "sigmoid",
    "gelu",
    "silu",
    "softplus",
]

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


def ensemble_of(activation="linear", depth=1, weights="gaussian", q=1.0, sigma_w=1.0, widths=None):
    """The network of an entry of LAWS; activation may be a tuple, one per layer, and q is not used."""
    size = {"widths": widths} if widths is not None else {"depth": depth}
    return rj.Ensemble(activation=activation, weights=weights, sigma_w=sigma_w, **size)


@cache
def law_of(activation="linear", depth=1, weights="gaussian", q=1.0, sigma_w=1.0, widths=None, side="output"):
    """A law, made once a session; activation, q and sigma_w may be tuples, one per layer."""
    ens = ensemble_of(activation, depth, weights, q, sigma_w, widths)
    return rj.spectral_law(ens, q=q, side=side)


@cache
def normal_form_of(activation="linear", depth=1, weights="gaussian", q=1.0, sigma_w=1.0, widths=None):
    ens = ensemble_of(activation, depth, weights, q, sigma_w, widths)
    return normal_form(ens, _layers(ens, q, "network", None))


def equation_of(*args, **kwargs):
    """The functional equation, without tracing its curve."""
    return normal_form_of(*args, **kwargs).equation


def case_args(case):
    """The arguments of `law_of` for one case of gates.json."""
    activation = f"leaky_relu({case['slope']})" if case["activation"] == "leaky_relu" else case["activation"]
    q = tuple(case["q"]) if isinstance(case["q"], list) else case["q"]
    return activation, case["depth"], case["weights"], q, case["sigma_w"]


def case_law(case):
    return law_of(*case_args(case))


def case_name(case):
    return f"{case['activation']}-{case['weights']}-{case['depth']}"


@pytest.fixture
def rng():
    return np.random.default_rng(20240611)


# a bit of everything: hard edge and lower edge, one and two gate values, a gap, layers that differ, an atom
ATOMIC = {
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
    "rectangular": ("linear", None, "gaussian", 1.0, 1.0, (50, 80, 40, 60)),
    "rectangular, hard gates": ("hard_tanh", None, "gaussian", (0.3, 1.0, 4.0), 0.8, (90, 60, 80, 70)),
    "narrow input": ("hard_tanh", None, "gaussian", 0.5, 1.2, (30, 60, 80)),
    "two leaky layers": (("leaky_relu(0.1)", "leaky_relu(0.4)"), 2),
    "mixed": (
        ("leaky_relu(0.3)", "hard_tanh", "leaky_relu(0.6)", "linear"),
        None,
        "gaussian",
        (1.0, 0.7, 1.0, 1.0),
        (1.2, 1.0, 0.8, 1.0),
        (40, 60, 50, 80, 40),
    ),
    "orthogonal, mixed": (("leaky_relu(0.5)", "hard_tanh", "leaky_relu(0.8)"), 3, "orthogonal", 0.3),
}
SMOOTH = {
    "erf": ("erf", 2, "gaussian", 0.8),
    "gelu": ("gelu", 3, "gaussian", 1.0, 1.4),
    "softplus, one layer": ("softplus", 1, "gaussian", 2.0),
    "orthogonal, erf": ("erf", 2, "orthogonal", 0.8),
    "orthogonal, one tanh layer": ("tanh", 1, "orthogonal", 0.5),
    "orthogonal, silu and hard_tanh": (("silu", "hard_tanh"), 2, "orthogonal", 0.7),
    "smooth, mixed": (
        ("tanh", "relu", "gelu"),
        None,
        "gaussian",
        (0.5, 1.0, 1.5),
        (1.0, 1.4, 0.9),
        (60, 50, 90, 40),
    ),
}
LAWS = ATOMIC | SMOOTH


@pytest.fixture(params=LAWS, ids=str)
def law(request):
    return law_of(*LAWS[request.param])
