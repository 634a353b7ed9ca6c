"""A2: encoding and decoding K identities (example 2): K standard images as K attracting fixed points.

An identity is a digit, its pictures are those that people wrote, its standard image is the one nearest to their mean.
The encoder is the first half of the layers, to a code of 16 numbers, the decoder the second half.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import rmtjac as rj
from rmtjac.plotting import BLUE, GREEN, VERMILION
from validation.applications.digits import Digits, lit, load, nearest, noisy, shifted, standard_images
from validation.applications.limits import is_attracting_fixed_point, limits_of, matches
from validation.applications.pictures import draw_sheet
from validation.applications.training import trained_network
from validation.case import Case, Result

Floats = NDArray[np.float64]

IDENTITIES = (1, 3, 10)
# widths between the image's and back to it; the narrowest is the code
HIDDEN = {2: (16,), 4: (128, 16, 128), 6: (128, 128, 16, 128, 128), 8: (128, 128, 128, 16, 128, 128, 128)}
DEPTH = 4
STEPS, QUICK_STEPS = 400, 250
QUICK_PICTURES = 300
NOISES = (0.25, 0.5, 1.0)
GAINS = (0.5, 0.75, 1.5)
SHOWN_NOISE = 0.5
SEED = 1


class Measured(NamedTuple):
    """What one trained pair of encoder and decoder does."""

    net: rj.Network
    standards: Floats
    certified: int
    others: int
    recall: float
    template: float
    impostors: float


def run(quick: bool) -> Result:
    """Certified standard images, recall of unseen pictures by K and by depth, and under disturbances."""
    training, unseen = load()
    if quick:
        training = Digits(training.images[:QUICK_PICTURES], training.classes[:QUICK_PICTURES])
    steps = QUICK_STEPS if quick else STEPS
    table: list[list[Any]] = [
        [
            "pictures",
            "K",
            "L",
            "certified",
            "other attractors",
            "recall",
            "nearest standard",
            "impostors taken in",
        ]
    ]
    by_k = {k: measure(training, unseen, k, DEPTH, steps) for k in IDENTITIES}
    for k, each in by_k.items():
        table.append(_row(k, DEPTH, each))
    depths = [DEPTH] if quick else list(HIDDEN)
    by_depth = {d: by_k[10] if d == DEPTH else measure(training, unseen, 10, d, steps) for d in depths}
    for d, each in by_depth.items():
        if d != DEPTH:
            table.append(_row(10, d, each))
    ten = by_k[10]
    disturbed = disturbances(ten, unseen)
    for name, (recall, template) in disturbed.items():
        table.append([name, 10, DEPTH, "", "", recall, template, ""])
    return Result(
        verdict="reproduced" if ten.certified == 10 else "reproduced under a stated reading",
        sentence=_sentence(by_k, by_depth, disturbed),
        table=table,
        artists=_picture(ten, by_depth, unseen),
    )


def measure(training: Digits, unseen: Digits, k: int, depth: int, steps: int) -> Measured:
    """Train on the pictures of the identities 0, ..., K - 1, each to its standard image, and measure."""
    own, known = training.of(list(range(k))), unseen.of(list(range(k)))
    standards = standard_images(own, list(range(k)))
    net = trained_network(own.images, standards[own.classes], HIDDEN[depth], steps)
    limits = limits_of(net, unseen.images)
    reached = limits.reached(standards)
    insiders = unseen.classes < k
    return Measured(
        net=net,
        standards=standards,
        certified=sum(is_attracting_fixed_point(net, image) for image in standards),
        others=int((matches(limits.points, limits.periods, standards) < 0).sum()),
        recall=float((reached == unseen.classes)[insiders].mean()),
        template=float((nearest(known.images, standards) == known.classes).mean()),
        impostors=float((reached >= 0)[~insiders].mean()) if k < 10 else float("nan"),
    )


def disturbances(trained: Measured, unseen: Digits) -> dict[str, tuple[float, float]]:
    """Recall of disturbed unseen pictures, by the limit and by the nearest standard image."""
    rng = np.random.default_rng(SEED)
    images = {f"noise {sd:g} a pixel": noisy(unseen.images, sd, rng) for sd in NOISES}
    images |= {f"ink times {gain:g}": lit(unseen.images, gain) for gain in GAINS}
    images |= {
        f"shift by a pixel, {name}": shifted(unseen.images, right, down)
        for name, right, down in (("sideways", 1, 0), ("down", 0, 1))
    }
    return {
        name: (
            float((limits_of(trained.net, each).reached(trained.standards) == unseen.classes).mean()),
            float((nearest(each, trained.standards) == unseen.classes).mean()),
        )
        for name, each in images.items()
    }


def _row(k: int, depth: int, each: Measured) -> list[Any]:
    return [
        "unseen pictures",
        k,
        depth,
        f"{each.certified} of {k}",
        each.others,
        each.recall,
        each.template,
        each.impostors,
    ]


def _sentence(
    by_k: dict[int, Measured], by_depth: dict[int, Measured], disturbed: dict[str, tuple[float, float]]
) -> str:
    ten = by_k[10]
    recalls = ", ".join(f"{each.recall:.3f} at L = {d}" for d, each in by_depth.items())
    weak = min(disturbed, key=lambda name: disturbed[name][0])
    return (
        f"{ten.certified} of 10 standard images are certified, stable fixed points: these, rounded to the 17 grey "
        "levels, are the images bit for bit, so that nothing is lost by coding. Of the unseen pictures of 10 "
        f"identities a share of {ten.recall:.3f} flows to its own standard image ({recalls}); the nearest standard "
        f"image is right for {ten.template:.3f}. Two things the source does not say: there are other attractors "
        f"({ten.others} at K = 10), and pictures of strangers flow to an identity too, a share of "
        f"{by_k[1].impostors:.2g} at K = 1 and of {by_k[3].impostors:.2g} at K = 3, so that a fixed point is no proof "
        f"of identity. The weakest point is '{weak}', where {disturbed[weak][0]:.2g} are recalled."
    )


def _picture(ten: Measured, by_depth: dict[int, Measured], unseen: Digits) -> list[Any]:
    """A picture of each identity with noise, one pass, the limit; recall by depth."""
    chosen = np.array([np.flatnonzero(unseen.classes == k)[0] for k in range(10)])
    pictures = unseen.images[chosen]
    starts = noisy(pictures, SHOWN_NOISE, np.random.default_rng(SEED))
    rows = {
        "another picture": pictures,
        f"with noise {SHOWN_NOISE:g}": starts,
        "decoded once": ten.net(starts),
        "limit": limits_of(ten.net, starts).ends(starts),
        "standard image": ten.standards,
    }
    left, right = Figure(figsize=(11.0, 4.2), layout="constrained").subplots(1, 2, width_ratios=(2, 1))
    artists = draw_sheet(left, rows)
    depths = list(by_depth)
    artists += right.plot(
        depths, [e.recall for e in by_depth.values()], "o-", color=BLUE, label="recall, unseen pictures"
    )
    artists += right.plot(
        depths,
        [e.certified / 10 for e in by_depth.values()],
        "s--",
        color=GREEN,
        label="standard images certified",
    )
    artists.append(
        right.axhline(ten.template, color=VERMILION, lw=1.0, ls=":", label="nearest standard image")
    )
    right.set(xlabel="depth $L$", ylabel="share", ylim=(0.0, 1.04), xticks=depths)
    right.legend(edgecolor="none", loc="lower right")
    return artists


CASE = Case(
    name="A2",
    claim="Encoder and decoder trained on K identities have their K standard images as fixed points (example 2)",
    run=run,
)
