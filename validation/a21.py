"""A21: "there is an optimal depth L0": the depth of the largest mean Q, with its uncertainty over networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from validation.case import Case, Result
from validation.depth_census import DEPTHS, counts_at

Floats = npt.NDArray[np.float64]

RESAMPLES, SEED, LEVEL = 4000, 21, 0.95
READINGS = ("scheme (7)-(9)", "points that starts reach", "points and cycles", "attractors, others as one")


def run(quick: bool) -> Result:
    """The depth of the maximum in resampled networks, and how much the maximum is above the first depth."""
    values = {depth: counts_at(depth, quick).readings() for depth in DEPTHS}
    places = {name: _places([values[depth][name] for depth in DEPTHS]) for name in READINGS}
    table: list[list[Any]] = [
        ["P(L0 = L) in the bootstrap", *(f"L = {depth}" for depth in DEPTHS), "95 % set"]
    ]
    for name, place in places.items():
        shares = np.bincount(place, minlength=len(DEPTHS)) / RESAMPLES
        table.append([name, *shares.tolist(), _words(_likely(shares))])
    points, attractors = table[2], table[4]
    return Result(
        verdict="reproduced under a stated reading" if attractors[1] < 1.0 - LEVEL else "contradicted",
        sentence=(
            f"For attractors, cycles and others included, L0 is in {attractors[-1]} with {100 * LEVEL:g} % confidence; "
            f"for attracting points it is in {points[-1]} (L = 2 is the least depth with a hidden layer, and L = 1 is "
            "not in the list): to have many fixed points the shallowest network is the best one, and depth buys "
            "cycles and chaos. By choosing the depth one gets at most the mean numbers of case A10."
        ),
        table=table,
        artists=[],
    )


def _places(values: list[Floats]) -> npt.NDArray[np.int64]:
    """Index of the depth with the largest mean, for resampled networks."""
    rng = np.random.default_rng(SEED)
    means = [each[rng.integers(each.size, size=(RESAMPLES, each.size))].mean(axis=1) for each in values]
    return np.asarray(np.argmax(means, axis=0))


def _likely(shares: Floats) -> list[int]:
    """The fewest depths that hold L0 with the confidence, in order."""
    order = np.argsort(-shares, kind="stable")
    size = int(np.searchsorted(np.cumsum(shares[order]), LEVEL)) + 1
    return sorted(DEPTHS[k] for k in order[:size])


def _words(depths: list[int]) -> str:
    return "{" + ", ".join(map(str, depths)) + "}"


CASE = Case(
    name="A21",
    claim="There is an optimal depth L0 for a wanted number of fixed points",
    run=run,
)
