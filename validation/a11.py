"""A11: "the choice of activation function does not change the number of fixed points", on the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from validation.case import Case, Result
from validation.depth_census import census, ensemble, mean_and_error, shown

ACTIVATIONS = ("hard_tanh", "tanh", "erf", "relu", "linear")
SIGMOIDS = ACTIVATIONS[:3]
DEPTHS = (3, 5)
DRAWS, QUICK_DRAWS = 30, 2
STEP = 0.1
READINGS = ("scheme (7)-(9)", "attracting points", "points and cycles", "all points")
BEYOND = 3.0  # standard errors


def run(quick: bool) -> Result:
    """Q in four readings, by depth and activation, and in how many networks it differs from that of hard_tanh."""
    draws = QUICK_DRAWS if quick else DRAWS
    values = {(depth, name): _values(depth, name, draws) for depth in DEPTHS for name in ACTIVATIONS}
    table: list[list[Any]] = [["reading", "activation", *_columns()]]
    for reading in READINGS:
        for name in ACTIVATIONS:
            cells = [_cells(values, depth, name, reading) for depth in DEPTHS]
            table.append([reading, name, *(cell for pair in cells for cell in pair)])
    changed = [_changed(values, 5, name, READINGS[2]) for name in SIGMOIDS[1:]]
    gaps = {name: _gap(values, 5, name, READINGS[2]) for name in ACTIVATIONS[1:]}
    return Result(
        verdict="contradicted",
        sentence=(
            f"In one network the activation does change the number: with the weights of hard_tanh kept, tanh and erf "
            f"give another number of attracting points and cycles in {changed[0]:.2g} and {changed[1]:.2g} of {draws} "
            "networks (L = 5). In the mean over networks the change from hard_tanh is "
            + ", ".join(f"{gap:.2g} +- {error:.2g} ({name})" for name, (gap, error) in gaps.items())
            + ". relu and linear, which the source lists too, are not bounded: their points may lie outside of the "
            "square, and most trajectories of theirs escape or tend to a point alone."
        ),
        table=table,
        artists=[],
    )


def _columns() -> list[str]:
    return [text for depth in DEPTHS for text in (f"mean, L = {depth}", "not hard_tanh's")]


def _values(depth: int, activation: str, draws: int) -> dict[str, Any]:
    """Counts in the networks of one depth; the weights are those of every other activation."""
    ens = ensemble(activation=activation)
    robust = census(depth, draws, ens=ens, step=STEP)
    return {
        READINGS[0]: census(depth, draws, ens=ens, rule="paper", step=STEP).counts[0],
        READINGS[1]: robust.points[0],
        READINGS[2]: robust.counts[0],
        READINGS[3]: census(depth, draws, "all", ens).counts[0],
    }


def _cells(values: Any, depth: int, name: str, reading: str) -> tuple[str, Any]:
    other = "-" if name == ACTIVATIONS[0] else _changed(values, depth, name, reading)
    return shown(values[depth, name][reading]), other


def _changed(values: Any, depth: int, name: str, reading: str) -> float:
    """The share of networks with another number than under hard_tanh."""
    return float(np.mean(values[depth, name][reading] != values[depth, ACTIVATIONS[0]][reading]))


def _gap(values: Any, depth: int, name: str, reading: str) -> tuple[float, float]:
    """Mean change from hard_tanh, and its standard error, over the same weights."""
    return mean_and_error(values[depth, name][reading] - values[depth, ACTIVATIONS[0]][reading])


CASE = Case(
    name="A11",
    claim="The choice of activation function does not change the number of fixed points ('weak similarity')",
    run=run,
)
