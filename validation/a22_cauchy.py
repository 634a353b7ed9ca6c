"""A22, Cauchy part: what differs between activations, what becomes of the mass, and whether the norm falls.

Linear and relu layers have laws at any depth; for the others these are sampled, with laws of the networks' own gates
beside the samples where they take seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

import rmtjac as rj

__all__ = ["Findings", "draw_tails", "measure"]

FREE = ("linear", "relu")  # gates that do not depend on the sizes of weights
BOUNDED, QUICK_BOUNDED = ("hard_tanh", "tanh", "erf", "sigmoid"), ("hard_tanh", "tanh", "sigmoid")
OWN: dict[str, tuple[int, ...]] = {"hard_tanh": (1, 2), "tanh": (1, 2), "erf": (1, 2)}  # depths with a law
QUICK_OWN: dict[str, tuple[int, ...]] = {"hard_tanh": (1,), "tanh": (1,)}
SCALES = (1.0, 3.0)
WIDTH, REPLICATES, SEED = 100, 20, 22
SMALL = 1e-3
TAIL_WIDTH, TAIL_REPLICATES = 400, 20
FAR = np.array([1e3, 1e4])  # singular values between which a law's tail is measured
COLOURS = dict(
    zip((*FREE, *BOUNDED), ("#000000", "#E69F00", "#0072B2", "#D55E00", "#009E73", "#CC79A7"), strict=True)
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Rows of the table of A22, and what they say."""

    rows: list[list[Any]]
    sentence: str


def measure(quick: bool, depths: tuple[int, ...]) -> Findings:
    """Mass near 0, median of ln(top) and share of networks with a norm below 1, against depth; tails, atoms."""
    bounded = QUICK_BOUNDED if quick else BOUNDED
    rows: list[list[Any]] = []
    near: dict[tuple[str, float], float] = {}
    falls: dict[str, float] = {}
    for name in (*FREE, *bounded):
        for sigma in SCALES:
            masses, tops, contracting = _sampled(name, sigma, depths)
            if name in FREE:
                masses = [_small_mass(name, sigma, depth) for depth in depths]
            near[name, sigma], falls[name] = masses[-1], max(falls.get(name, 0.0), contracting[-1])
            rows.append([f"P(lambda < {SMALL:g}), Cauchy {name}", sigma, "-", *masses])
            rows.append([f"median of ln(top), Cauchy {name}", sigma, "-", *tops])
            rows.append([f"networks with a norm below 1, Cauchy {name}", sigma, "-", *contracting])
    rows += _laws_beside(QUICK_OWN if quick else OWN, depths)
    indices = {name: _index(name) for name in (*FREE, *bounded)}
    rows += [
        [f"tail index of s, L = 1, Cauchy {name}", 1.0, "-", index, *[""] * (len(depths) - 1)]
        for name, index in indices.items()
    ]
    return Findings(rows=rows, sentence=_sentence(near, falls, depths[-1]))


def _ensemble(name: str, depth: int, sigma: float, width: int = WIDTH) -> rj.Ensemble:
    return rj.Ensemble(depth, width, name, weights="cauchy", sigma_w=sigma)


def _sampled(
    name: str, sigma: float, depths: tuple[int, ...]
) -> tuple[list[float], list[float], list[float]]:
    """Mass below SMALL, median of ln(top), and share of networks whose J has a norm below 1."""
    masses, tops, contracting = [], [], []
    for depth in depths:
        sample = rj.sample_spectrum(_ensemble(name, depth, sigma), REPLICATES, SEED, accuracy="relative")
        logs = 2.0 * sample.log_singular_values
        masses.append(float((logs < math.log(SMALL)).mean()))
        tops.append(float(np.median(logs[:, -1])))
        contracting.append(float((logs[:, -1] < 0.0).mean()))
    return masses, tops, contracting


@cache
def _law(name: str, depth: int) -> rj.SpectralLaw:
    return rj.spectral_law(_ensemble(name, depth, 1.0))


def _small_mass(name: str, sigma: float, depth: int) -> float:
    """Of a law without a scale in its gates: sigma_w moves log lambda alone."""
    return float(_law(name, depth).of("log_eigenvalues").cdf(math.log(SMALL) - 2.0 * depth * math.log(sigma)))


def _laws_beside(own: dict[str, tuple[int, ...]], depths: tuple[int, ...]) -> list[list[Any]]:
    """The mass near 0 by the laws of the networks' own gates."""
    return [
        [
            f"  law: P(lambda < {SMALL:g}), Cauchy {name}",
            1.0,
            "-",
            *(float(_law(name, depth).cdf(SMALL)) if depth in known else "-" for depth in depths),
        ]
        for name, known in own.items()
    ]


def _index(name: str) -> str:
    """b in P(s > x) ~ x^-b of one layer, by Hill's estimate from samples, and by the law where there is one."""
    fit = rj.fit_tail(rj.sample_spectrum(_ensemble(name, 1, 1.0, TAIL_WIDTH), TAIL_REPLICATES, SEED))
    text = f"{fit.index:.2f} ({fit.interval[0]:.2f} to {fit.interval[1]:.2f})"
    if name == "sigmoid":
        return text
    log_sf = np.log(_law(name, 1).of("singular_values").sf(FAR))
    return f"{text}; law {-float(np.diff(log_sf)[0] / np.diff(np.log(FAR))[0]):.2f}"


def _sentence(near: dict[tuple[str, float], float], falls: dict[str, float], deepest: int) -> str:
    """What differs in kind, and what follows for contraction."""
    pressed = [f"{name} {near[name, 1.0]:.2f}" for name in falls if name not in FREE]
    falling = [name for name, share in falls.items() if share > 0.5] or ["no activation"]
    return (
        f"Cauchy weights: P(lambda < {SMALL:g}) at L = {deepest} is {', '.join(pressed)} with bounded activations. "
        f"Linear and relu layers do not tend to delta_0: linear {near['linear', 1.0]:.2f} at sigma_w = 1, "
        f"{near['linear', 3.0]:.2f} at 3. P(s > x) falls like x^-1 for linear and relu, and like x^-2 where gates "
        "close at large |h|: a difference in kind, as are the atoms of hard_tanh and relu. No law has a top edge, so "
        f"that the norm grows with the width; at width {WIDTH} and L = {deepest} it is below 1 "
        f"in most networks with {' and '.join(falling)} alone."
    )


def draw_tails(ax: Any, quick: bool) -> list[Any]:
    """P(s > x) of one layer: slopes -1 and -2; sigmoid, which has no law, by sampling."""
    x = np.geomspace(1e-3, 1e3, 200)
    artists: list[Any] = []
    for name in (*FREE, *(QUICK_OWN if quick else OWN)):
        artists += ax.plot(x, _law(name, 1).of("singular_values").sf(x), color=COLOURS[name], label=name)
    sample = rj.sample_spectrum(_ensemble("sigmoid", 1, 1.0, TAIL_WIDTH), TAIL_REPLICATES, SEED)
    values = np.sort(sample.singular_values, axis=None)
    artists += ax.plot(
        values,
        1.0 - np.arange(1, values.size + 1) / values.size,
        ".",
        ms=2,
        color=COLOURS["sigmoid"],
        label="sigmoid, sampled",
    )
    ax.set(
        xscale="log",
        yscale="log",
        xlim=(1e-3, 1e3),
        ylim=(1e-5, 1.5),
        xlabel="x",
        ylabel="P(s > x), Cauchy, L = 1",
    )
    ax.legend(frameon=False)
    return artists
