"""A4: unsupervised classes as basins of attraction (example 3, loss (6)): how many, and how good.

Two readings of the "generalised image" that every image is trained to go to. One for all, as (6) is printed: the mean
of all images. One for each, without the features of the single image: the mean of its nearest neighbours. No label is
used by either; the number of neighbours sets how much is a class.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rmtjac.plotting import BLACK, BLUE, VERMILION
from validation.applications.digits import Digits, load
from validation.applications.limits import Limits, limits_of
from validation.applications.pictures import draw_sheet
from validation.applications.training import trained_network
from validation.case import Case, Result

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

HIDDEN = (128, 16, 128)
PENALTY = 1e-4
STEPS = 300
LITERAL_STEPS, QUICK_LITERAL_STEPS = (1, 10, 100), (10,)
NEIGHBOURS, QUICK_NEIGHBOURS = (10, 20, 30, 45, 60, 100), (30,)
SHOWN = 30
SEED, SEEDS = 0, (1, 2, 3)


class Partition(NamedTuple):
    """How the unseen images fall into basins, and how k-means with as many classes divides them."""

    limits: Limits
    purity: float
    rand: float
    means_purity: float
    means_rand: float


def run(quick: bool) -> Result:
    """Number of basins, purity and adjusted Rand index by reading, beside k-means."""
    training, unseen = load()
    table: list[list[Any]] = [
        ["target", "Q", "cycles", "without", "largest", "purity", "Rand", "k-means, Q: purity", "Rand"]
    ]
    mean = np.tile(training.images.mean(axis=0), (len(training.images), 1))
    literal = {}
    for steps in QUICK_LITERAL_STEPS if quick else LITERAL_STEPS:
        literal[steps] = partition(training, unseen, mean, steps)
        table.append([f"one for all, {steps} steps", *_row(literal[steps])])
    own = {}
    for k in QUICK_NEIGHBOURS if quick else NEIGHBOURS:
        own[k] = partition(training, unseen, generalised(training.images, k), STEPS)
        table.append([f"mean of {k} nearest", *_row(own[k])])
    again = [] if quick else [_again(training, unseen, seed) for seed in SEEDS]
    table += [
        [f"mean of {SHOWN} nearest, seed {seed}", *_row(each)]
        for seed, each in zip(SEEDS, again, strict=False)
    ]
    ten = by_means(training, unseen, 10)
    table.append(["k-means, told 10", 10, "", "", "", *ten, "", ""])
    most = max(len(each.limits.periods) for each in literal.values())
    shown = [own[SHOWN], *again]
    numbers, rands = [len(each.limits.periods) for each in shown], [each.rand for each in shown]
    counts = ", ".join(f"{len(each.limits.periods)} at {k}" for k, each in own.items())
    return Result(
        verdict="reproduced under a stated reading" if np.mean(rands) > 0.5 else "contradicted",
        sentence=(
            f"As printed, with one target for all images, training makes no classes: {most} attractor for all images "
            "after any number of steps, since the loss is least for a constant map. With a generalised image for "
            f"each, the mean of its {SHOWN} nearest, {min(numbers)} to {max(numbers)} basins come out over "
            f"{len(shown)} first weights, of adjusted Rand index {min(rands):.2f} to {max(rands):.2f}, mean "
            f"{np.mean(rands):.2f}; k-means, told as many, has {np.mean([each.means_rand for each in shown]):.2f}, and "
            f"{ten[1]:.2f} if told that there are 10. The number is not given, but it is not free either: the "
            f"neighbours stand for it (Q = {counts})."
        ),
        table=table,
        artists=_picture(own, ten[1]),
    )


def _again(training: Digits, unseen: Digits, seed: int) -> Partition:
    """The reading that is shown, from other first weights."""
    return partition(training, unseen, generalised(training.images, SHOWN), STEPS, seed)


def generalised(images: Floats, neighbours: int) -> Floats:
    """For each image the mean of its nearest ones, itself among them."""
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=neighbours).fit(images).kneighbors(images, return_distance=False)
    return np.asarray(images[near].mean(axis=1))


def partition(training: Digits, unseen: Digits, targets: Floats, steps: int, seed: int = 0) -> Partition:
    """Train without labels, and let the unseen images flow; those without a limit are one more class."""
    net = trained_network(training.images, targets, HIDDEN, steps, seed, PENALTY)
    limits = limits_of(net, unseen.images)
    means = by_means(training, unseen, len(limits.periods)) if len(limits.periods) > 1 else (np.nan, np.nan)
    return Partition(limits, *scores(limits.labels, unseen.classes), *means)


def by_means(training: Digits, unseen: Digits, count: int) -> tuple[float, float]:
    """Purity and adjusted Rand index of k-means."""
    from sklearn.cluster import KMeans

    model = KMeans(count, n_init=4, random_state=SEED).fit(training.images)
    return scores(model.predict(unseen.images), unseen.classes)


def scores(labels: Indices, classes: Indices) -> tuple[float, float]:
    """Purity (share in the commonest class of their label) and adjusted Rand index."""
    from sklearn.metrics import adjusted_rand_score

    commonest = sum(np.bincount(classes[labels == k]).max() for k in np.unique(labels))
    return float(commonest / len(classes)), float(adjusted_rand_score(classes, labels))


def _row(each: Partition) -> list[Any]:
    limits = each.limits
    sizes = np.bincount(limits.labels[limits.labels >= 0], minlength=1)
    largest = float(sizes.max() / len(limits.labels))
    without = float((limits.labels < 0).mean())
    cycles = int((limits.periods > 1).sum())
    return [len(limits.periods), cycles, without, largest, *each[1:]]


def _picture(own: dict[int, Partition], told: float) -> list[Any]:
    """The attractors of the reading that is shown, by the sizes of their basins; Q and the Rand index by neighbours."""
    left, right = Figure(figsize=(11.0, 4.2), layout="constrained").subplots(1, 2, width_ratios=(3, 2))
    limits = own[SHOWN].limits
    _, unseen = load()
    order = np.argsort(-np.bincount(limits.labels[limits.labels >= 0], minlength=len(limits.points)))[:10]
    rows = {"attractor": limits.points[order]}
    members = [unseen.images[limits.labels == k] for k in order]
    for j, name in enumerate(("in its basin", "", " ")):
        rows[name] = np.array([each[min(j, len(each) - 1)] for each in members])
    shares = [f"{100 * len(each) / len(unseen.images):.0f} %" for each in members]
    artists = draw_sheet(left, rows, shares)
    counts = [len(each.limits.periods) for each in own.values()]
    artists += right.plot(list(own), counts, "o-", color=BLACK, label="Q, number of basins")
    right.set(xlabel="neighbours that make the generalised image", ylabel="Q", ylim=(0, None))
    other = right.twinx()
    artists += other.plot(
        list(own), [e.rand for e in own.values()], "s--", color=BLUE, label="Rand index, basins"
    )
    artists.append(other.axhline(told, color=VERMILION, ls=":", label="Rand index, k-means told 10"))
    other.set(ylabel="adjusted Rand index", ylim=(0.0, 1.0))
    right.legend(handles=artists[1:], edgecolor="none", loc="upper right")
    return artists


CASE = Case(
    name="A4",
    claim="Trained to a generalised image (loss (6)), a network makes classes, its basins (example 3)",
    run=run,
)
