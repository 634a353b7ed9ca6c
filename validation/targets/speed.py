"""Speed targets of the main job: densities a second, very deep networks, start-up."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import rmtjac as rj
from validation.paper_scheme import paper_density
from validation.targets.accuracy import DATA, EPS
from validation.targets.table import Figure, at_least, at_most


def speed() -> list[Figure]:
    """Densities a second, depth 10, hard_tanh, 200,000 shuffled points, construction included; one core."""
    count, ens = 200_000, rj.Ensemble(depth=10, activation="hard_tanh")
    top = float(rj.spectral_law(ens, q=1.0).edges[-1])
    rng = np.random.default_rng(1)
    lam = top * rng.permutation(
        np.concatenate([np.linspace(1e-9, 1.0, count // 2), np.logspace(-30, 0, count // 2)])
    )
    lam = lam * (1.0 - 1e-12)

    def ours() -> np.ndarray:
        return np.asarray(rj.spectral_law(ens, q=1.0).pdf(lam))

    few = lam[:2000]
    opened = math.erf(math.sqrt(0.5))
    mine, paper = [], []
    for _ in range(5):
        mine.append(_seconds(ours) / count)
        paper.append(_seconds(lambda: paper_density(few, 10, opened)) / few.size)
    values = ours()
    alone = np.array([rj.spectral_law(ens, q=1.0).pdf(float(x)) for x in lam[:50]])
    return [
        at_least("densities a second (median of 5)", 1.0 / float(np.median(mine)), 400_000.0),
        at_least(
            "times faster than the paper's scheme, per point",
            float(np.median(np.array(paper) / np.array(mine))),
            100.0,
        ),
        at_most("largest change of a value computed alone", float(np.abs(alone - values[:50]).max()), 0.0),
        at_most("points not converged", float(rj.spectral_law(ens, q=1.0).status(lam).code.sum()), 0.0),
    ]


def depth() -> list[Figure]:
    """Depth 10,000 against depth 10: time for 200,000 points, and accuracy of the log density of log lambda."""
    figures = [
        at_most(f"{name}: time at depth 10,000 / depth 10", _depth_ratio(name, q), 2.0)
        for name, q in (("linear", None), ("hard_tanh", 1.0))
    ]
    table = json.loads((DATA / "deep.json").read_text())
    n, (t, log_rho) = table["depth"], np.array(table["rows"]).T
    law = rj.spectral_law(rj.Ensemble(depth=n)).of("log_eigenvalues")
    error = np.abs(law.logpdf(t) - log_rho)
    distance = -np.expm1(t - ((n + 1) * math.log1p(1.0 / n) + math.log(n)))
    far = distance >= 1e-4
    scaled = error[~far] * distance[~far] / (20.0 * n * EPS)
    return [
        *figures,
        at_most(f"L = {n}: median error of log density (mpmath)", float(np.median(error)), 1e-13),
        at_most(f"L = {n}: largest where 1 - lam/edge >= 1e-4", float(error[far].max()), 1e-10),
        at_most(f"L = {n}: largest closer, in units of 20 L eps/(1 - lam/edge)", float(scaled.max()), 1.0),
        at_most(f"L = {n}: points not converged", float(law.status(t).code.sum()), 0.0),
    ]


def _depth_ratio(activation: str, q: float | None) -> float:
    """Median ratio of the times of depth 10,000 and depth 10, law and 200,000 log densities, in turn."""
    u = np.random.default_rng(2).random(200_000)
    runs = []
    for n in (10, 10_000):
        ens = rj.Ensemble(depth=n, activation=activation)
        view = rj.spectral_law(ens, q=q).of("log_eigenvalues")
        zero = float(view.cdf(-np.inf))
        runs.append((ens, view.ppf(zero + (1.0 - zero) * u)))

    def seconds(ens: rj.Ensemble, t: np.ndarray) -> float:
        return _seconds(lambda: rj.spectral_law(ens, q=q).of("log_eigenvalues").logpdf(t))

    return float(np.median([seconds(*runs[1]) / seconds(*runs[0]) for _ in range(5)]))


def startup() -> list[Figure]:
    """Start-up of the command line and the package: medians of 5 new processes; and a cold compile."""
    command = [sys.executable, "-m", "rmtjac"]
    script = Path(sys.executable).with_name("rmtjac")
    fast = [str(script)] if script.exists() else command
    law = [*fast, "law", "--depth", "3"]
    subprocess.run(law, check=True, capture_output=True)
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache}
        cold = _seconds(lambda: subprocess.run(law, check=True, capture_output=True, env=environment))
    return [
        at_most("rmtjac --help, s", _process([*fast, "--help"]), 0.1),
        at_most("import rmtjac, s", _process([sys.executable, "-c", "import rmtjac"]), 0.2),
        at_most("second rmtjac law --depth 3, s", _process(law), 1.5),
        at_most("first rmtjac law --depth 3, cold compile, s", cold, 30.0),
    ]


def _process(command: list[str]) -> float:
    return float(
        np.median(
            [_seconds(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(5)]
        )
    )


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
