"""Row: Jacobians of saved networks against PyTorch's automatic differentiation."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import rmtjac as rj
from validation.targets.table import Figure, at_most

WIDTHS = (
    (40, 60, 50, 30),
    (30, 80, 30, 80, 30, 30),
)
NAMES = (
    "linear",
    "relu",
    "leaky_relu(0.1)",
    "hard_tanh",
    "erf",
    "tanh",
    "sigmoid",
    "gelu",
    "silu",
    "softplus",
)
SIGMA_W, SIGMA_B, POINTS = 1.6, 0.3, 10
LIMIT = 1e-12


def jacobian() -> list[Figure]:
    """Jacobian of a network read from .npz against torch.func.jacrev, in units of its largest entry."""
    try:
        import torch
    except ImportError:
        return [Figure(what="PyTorch is not installed: not measured", value="-", target="-", met=True)]
    functions = _functions(torch)
    return [
        at_most(name, max(_error(torch, name, functions[name], widths) for widths in WIDTHS), LIMIT)
        for name in NAMES
    ]


def _functions(torch: Any) -> dict[str, Callable[[Any], Any]]:
    """The activations as PyTorch has them; erf(h) is that of the package, erf(sqrt(pi) h/2)."""
    f = torch.nn.functional
    return {
        "linear": lambda h: h,
        "relu": f.relu,
        "leaky_relu(0.1)": lambda h: f.leaky_relu(h, 0.1),
        "hard_tanh": f.hardtanh,
        "erf": lambda h: torch.erf(0.5 * np.sqrt(np.pi) * h),
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "gelu": f.gelu,
        "silu": f.silu,
        "softplus": f.softplus,
    }


def _error(torch: Any, name: str, phi: Callable[[Any], Any], widths: tuple[int, ...]) -> float:
    """The largest difference of an entry at random points, over the largest entry."""
    drawn = rj.Ensemble(widths=widths, activation=name, sigma_w=SIGMA_W, sigma_b=SIGMA_B).sample(1)
    with tempfile.TemporaryDirectory() as folder:
        net = rj.load_network(drawn.save(Path(folder) / "net.npz"))
    layers = [(torch.tensor(w), torch.tensor(b)) for w, b in zip(net.weights, net.biases, strict=True)]

    def forward(x: Any) -> Any:
        for weights, bias in layers:
            x = phi(weights @ x + bias)
        return x

    x = np.random.default_rng(2).standard_normal((POINTS, widths[0]))
    theirs = torch.func.vmap(torch.func.jacrev(forward))(torch.from_numpy(x)).numpy()
    return float(np.abs(net.jacobian(x) - theirs).max() / np.abs(theirs).max())
