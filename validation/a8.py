"""A8: Fig. 2a, normal weights and biases, L = 2, sigma_l = 1/n_l: one fixed point, x = 0, whose basin is the square."""

from __future__ import annotations

from typing import Any

import numpy as np

import rmtjac as rj
from validation.case import Case, Result

WIDTH, DRAWS, QUICK_DRAWS, SEED = 100, 200, 10, 8
STEP = 0.05
BIASES = {"with bias": "as_weights", "without bias": 0.0}
SHOWN = "sigma_l = standard deviation, with bias"


def run(quick: bool) -> Result:
    """Networks of each reading: number of points by the scheme and by enumeration, and where the point is."""
    draws = QUICK_DRAWS if quick else DRAWS
    rows = {name: _row(ens, draws) for name, ens in _readings().items()}
    header = ["reading", *next(iter(rows.values()))]
    table: list[list[Any]] = [header, *([name, *row.values()] for name, row in rows.items())]
    first, usual = rows[SHOWN], rows["sigma_l = variance, with bias"]
    good = first["P(one point, of all)"] == 1.0 and first["P(Q = 1)"] == 1.0
    return Result(
        verdict="reproduced under a stated reading" if good else "contradicted",
        sentence=(
            f"With standard deviation 1/n_l: P(Q = 1) = {first['P(Q = 1)']:.4g} over {draws} networks, and there is "
            f"no other point, stable or not, with probability {first['P(one point, of all)']:.4g}; with biases the "
            f"point is not 0 but {first['median |x*|']:.2g} away from it, which Fig. 2a cannot show; it is 0 without "
            "them. With variance "
            f"1/n_l Q = 1 in {usual['P(Q = 1)']:.3g} (0: {usual['P(Q = 0)']:.2g}; {usual['points, mean']:.3g} points "
            f"in the mean), at a median distance {usual['median |x*|']:.2g} from 0."
        ),
        table=table,
        artists=rj.basins(_readings()[SHOWN].sample(SEED)).plot(),
    )


def _readings() -> dict[str, rj.Ensemble]:
    """Both readings of sigma_l, both of the biases."""
    scales = {"standard deviation": lambda fan_in: fan_in**-0.5, "variance": 1.0}
    return {
        f"sigma_l = {word}, {name}": rj.Ensemble.self_map(
            2, WIDTH, 2, activation="hard_tanh", sigma_w=scale, sigma_b=bias
        )
        for word, scale in scales.items()
        for name, bias in BIASES.items()
    }


def _row(ens: rj.Ensemble, draws: int) -> dict[str, float]:
    nets = [ens.sample(SEED + k) for k in range(draws)]
    listed = np.array([len(rj.basins(net, rule="paper", step=STEP).attractors) for net in nets])
    found = [rj.find_fixed_points(net) for net in nets]
    counts = np.array([len(each.points) for each in found])
    bounds = np.array([rj.product_of_norms(net) for net in nets])
    away = [np.linalg.norm(each.points[0]) for each in found if len(each.points) == 1]
    return {
        "P(Q = 0)": float((listed == 0).mean()),
        "P(Q = 1)": float((listed == 1).mean()),
        "P(one point, of all)": float((counts == 1).mean()),
        "proven to be all": float(np.mean([each.complete for each in found])),
        "points, mean": float(counts.mean()),
        "P(product of norms < 1)": float((bounds < 1.0).mean()),
        "median |x*|": float(np.median(away)),
    }


CASE = Case(
    name="A8",
    claim="Fig. 2a: normal weights and biases, L = 2, sigma_l = 1/n_l: the only fixed point is x = 0, Q = 1",
    run=run,
)
