"""A map as a list of steps, each of which makes one flat array from earlier ones: what a certificate stores.

Steps are tuples of a name, the numbers of the steps that are taken, and parameters:

    ("input", size)                            x, always the first step
    ("constant", low, high)                    numbers known to lie between two arrays, which may be the same
    ("take", a, entries)                       a[entries]
    ("join", (a, b, ...))                      one behind the other
    ("add", a, b), ("multiply", a, b)          entry by entry
    ("power", a, exponent)                     an integer >= 2
    ("apply", a, name)                         a function of one variable: elementary.FUNCTIONS, or an activation
    ("declared", a, range, slopes, name)       a function of which two intervals are all that is known
    ("sum", a, group)                          sums over groups of so many neighbours
    ("dot", a, matrix)                         matrix @ a, a of shape (inner, columns) in row-major order
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtjac.model.activations import USER_CODE, Activation
from rmtjac.model.network import Network

__all__ = ["Program", "Step", "network_program"]

Floats = NDArray[np.float64]
Step = tuple[Any, ...]

EVERYTHING = (-math.inf, math.inf)


@dataclass(frozen=True)
class Program:
    """The steps of a map of `size` numbers; its value is the last step. `name` says what it is, in words."""

    steps: tuple[Step, ...]
    size: int
    name: str

    @property
    def widest(self) -> int:
        """The largest number of entries of a step, or a little more."""
        return max(_entries(step) for step in self.steps)


def network_program(net: Network) -> Program:
    """The steps of a network, three a layer."""
    steps: list[Step] = [("input", net.widths[0])]
    for weights, biases, phi in zip(net.weights, net.biases, net.activations, strict=True):
        steps.append(("dot", len(steps) - 1, weights))
        if biases.any():
            steps += [("constant", biases, biases), ("add", len(steps) - 1, len(steps))]
        if phi.name != "linear":
            steps.append(_activation_step(len(steps) - 1, phi))
    names = ", ".join(sorted({phi.name for phi in net.activations}))
    widths = "-".join(map(str, net.widths))
    return Program(tuple(steps), net.widths[0], f"network of widths {widths}, {names}")


def _activation_step(a: int, phi: Activation) -> Step:
    if phi.code == USER_CODE:
        return ("declared", a, phi.range or EVERYTHING, phi.derivative_range or EVERYTHING, phi.name)
    return ("apply", a, phi.name)


def _entries(step: Step) -> int:
    """Entries of steps that are not entry by entry; columns of a product are not counted."""
    if step[0] == "input":
        return int(step[1])
    if step[0] in ("take", "dot"):
        return len(step[2])
    return len(step[1]) if step[0] == "constant" else 1
