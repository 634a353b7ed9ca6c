"""A9: Fig. 2b, c, d, Cauchy weights and biases: Q = 2, 3, 5 at L = 2, 3, 5, and 1 at L = 20: how likely each is."""

from __future__ import annotations

from typing import Any

import numpy as np

import rmtjac as rj
from validation.case import Case, Result
from validation.depth_census import counts_at, ensemble

PRINTED = {2: 2, 3: 3, 5: 5, 20: 1}  # Q by depth
MOST = 6
RARE = 0.01
SEEDS = 400  # networks looked through for the picture


def run(quick: bool) -> Result:
    """P(Q = k) in every reading at the depths of the figure."""
    table: list[list[Any]] = [
        ["reading", "L", "draws", *(f"P({k})" for k in range(MOST)), f"P({MOST}+)", "Q printed", "P(it)"]
    ]
    for depth, printed in PRINTED.items():
        for name, values in counts_at(depth, quick).readings().items():
            shares = np.bincount(np.minimum(values.astype(int), MOST), minlength=MOST + 1) / values.size
            table.append(
                [name, depth, values.size, *shares.tolist(), printed, float(np.mean(values == printed))]
            )
    points, attractors = (_chances(table, name) for name in ("scheme (7)-(9)", "attractors, others as one"))
    return Result(
        verdict="reproduced under a stated reading" if min(points) > RARE else "contradicted",
        sentence=(
            "The printed numbers are those of single networks. By the scheme that is printed, Q = 2, 3, 5 at L = 2, "
            f"3, 5 and 1 at L = 20 have the probabilities {_words(points)}; counting attractors, cycles and others "
            f"included, {_words(attractors)}. The most likely Q of the scheme is "
            f"{', '.join(str(_mode(table, depth)) for depth in PRINTED)} at L = {', '.join(map(str, PRINTED))}."
        ),
        table=table,
        artists=_picture(quick),
    )


def _rows(table: list[list[Any]], name: str) -> list[list[Any]]:
    return [row for row in table[1:] if row[0] == name]


def _chances(table: list[list[Any]], name: str) -> list[float]:
    return [row[-1] for row in _rows(table, name)]


def _words(chances: list[float]) -> str:
    return ", ".join(f"{chance:.2g}" for chance in chances)


def _mode(table: list[list[Any]], depth: int) -> int:
    row = next(row for row in _rows(table, "scheme (7)-(9)") if row[1] == depth)
    return int(np.argmax(row[3 : 4 + MOST]))


def _picture(quick: bool) -> list[Any]:
    """A network of depth 3 with three attracting points, as in Fig. 2c, if there is one among the first."""
    ens = ensemble().with_depth(3)
    for seed in range(20 if quick else SEEDS):
        if (rj.basins(ens.sample(seed), step=0.2).periods == 1).sum() >= PRINTED[3]:
            return rj.basins(ens.sample(seed)).plot()
    return []


CASE = Case(
    name="A9",
    claim="Fig. 2b-d: Cauchy weights and biases: Q = 2, 3, 5 at L = 2, 3, 5, and Q = 1 at L = 20",
    run=run,
)
