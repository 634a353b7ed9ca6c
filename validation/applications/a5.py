"""A5: semi-supervised classes (example 4): train on 6 of 10 digits, find the other 4 by fixed points.

Two readings. As printed the training set has images of the 6 classes only, each to go to the image drawn for its class.
With unlabelled images, as classes "as described in the previous example" need them: of all 10 classes, each to go to
the mean of its nearest neighbours, where a labelled neighbour counts as the image drawn for its class.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

import rmtjac as rj
from rmtjac.plotting import BLUE, ORANGE
from validation.applications.digits import Digits, load
from validation.applications.limits import limits_of
from validation.applications.pictures import draw_sheet
from validation.applications.training import trained_network
from validation.case import Case, Result

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

KNOWN, UNKNOWN = list(range(6)), list(range(6, 10))
LABELLED = 500  # of the training images those of unknown classes among them are left out
HIDDEN = (128, 16, 128)
STEPS, PENALTY = 300, 1e-4
NEIGHBOURS, VOTERS = 15, 5
KEPT = 0.95  # share of the labelled images that a rejection by distance keeps
SEEDS, QUICK_SEEDS = (0, 1, 2, 3, 4), (0,)
ROWS = ("basins, as printed", "basins, with unlabelled images", "k nearest", "k nearest, far ones to k-means")


class Score(NamedTuple):
    """Shares: known and unknown classes told right, unknown ones kept apart from the known; and new classes made."""

    known: float
    unknown: float
    apart: float
    new: float


class Images(NamedTuple):
    """Labelled images with the image drawn for each known class (6, n), and unlabelled ones."""

    labelled: Digits
    drawn: Floats
    unlabelled: Floats


def run(quick: bool) -> Result:
    """Means over draws of the images that stand for the classes, beside nearest neighbours."""
    training, unseen = load()
    scores: dict[str, list[Score]] = {name: [] for name in ROWS}
    for seed in QUICK_SEEDS if quick else SEEDS:
        given = _given(training, seed)
        nets = printed(given, seed), with_unlabelled(given, seed)
        for name, net in zip(ROWS, nets, strict=False):
            scores[name].append(by_basins(net, given.drawn, unseen))
        scores[ROWS[2]].append(by_neighbours(given, unseen, seed, reject=False))
        scores[ROWS[3]].append(by_neighbours(given, unseen, seed, reject=True))
    means = {name: Score(*np.mean(each, axis=0)) for name, each in scores.items()}
    spread = np.ptp([each.unknown for each in scores[ROWS[1]]])
    table: list[list[Any]] = [["method", "known right", "unknown right", "unknown kept apart", "new classes"]]
    table += [[name, *map(float, each)] for name, each in means.items()]
    literal, own, near, far = means.values()
    return Result(
        verdict="reproduced under a stated reading" if own.unknown >= far.unknown else "contradicted",
        sentence=(
            f"As printed, without images of the unknown classes, they are not found: {literal.unknown:.3f} of their "
            f"images are right, {literal.known:.3f} of the known ones, as nearly all flow to the images that stand for "
            f"the known classes. With unlabelled images {own.unknown:.2f} of the unknown are right (range {spread:.2f} "
            f"over draws) and {own.known:.2f} of the known: some classes get an attractor, others fall to the one of "
            f"a class that looks alike. Nearest neighbours are right for {near.known:.3f} of the known; with k-means "
            f"for what lies far from all labelled images, told that 4 are missing, {far.unknown:.2f} of the unknown "
            f"are right and {far.known:.3f} of the known."
        ),
        table=table,
        artists=_picture(means, nets[1], given, unseen),
    )


def _given(training: Digits, seed: int) -> Images:
    """The first half of the training images with labels if of a known class, the rest without."""
    labelled = Digits(training.images[:LABELLED], training.classes[:LABELLED]).of(KNOWN)
    rng = np.random.default_rng(seed)
    drawn = [labelled.images[rng.choice(np.flatnonzero(labelled.classes == k))] for k in KNOWN]
    return Images(labelled, np.array(drawn), training.images[LABELLED:])


def printed(given: Images, seed: int) -> rj.Network:
    """Example 4 as printed: labelled images only."""
    targets = given.drawn[given.labelled.classes]
    return trained_network(given.labelled.images, targets, HIDDEN, STEPS, seed, PENALTY)


def with_unlabelled(given: Images, seed: int) -> rj.Network:
    """Example 4 with example 3 for the unlabelled images."""
    from sklearn.neighbors import NearestNeighbors

    targets = given.drawn[given.labelled.classes]
    images = np.concatenate([given.labelled.images, given.unlabelled])
    stand_for = np.concatenate([targets, given.unlabelled])
    near = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(images)
    means = stand_for[near.kneighbors(given.unlabelled, return_distance=False)].mean(axis=1)
    return trained_network(images, np.concatenate([targets, means]), HIDDEN, STEPS, seed, PENALTY)


def by_basins(net: rj.Network, drawn: Floats, unseen: Digits) -> Score:
    """An attractor that the image drawn for a class reaches is that class; the others are new classes."""
    limits = limits_of(net, np.concatenate([drawn, unseen.images]))
    attractors, labels = limits.labels[: len(drawn)], limits.labels[len(drawn) :]
    classes = np.full(len(limits.points) + 1, -1)
    classes[attractors[::-1]] = KNOWN[::-1]  # of two classes at one attractor the first has it
    classes[-1] = -1
    return score(classes[labels], np.where(classes[labels] < 0, labels, -1), unseen.classes)


def by_neighbours(given: Images, unseen: Digits, seed: int, reject: bool) -> Score:
    """The commonest class of the nearest labelled images; far ones by k-means, told how many are missing."""
    from sklearn.cluster import KMeans
    from sklearn.neighbors import KNeighborsClassifier

    labelled = given.labelled
    model = KNeighborsClassifier(VOTERS).fit(labelled.images, labelled.classes)
    known, new = model.predict(unseen.images), np.full(len(unseen.images), -1)
    if reject:
        own = model.kneighbors(labelled.images, VOTERS + 1)[0][:, 1:].mean(axis=1)
        limit = np.quantile(own, KEPT)
        far, among = (
            model.kneighbors(each)[0].mean(axis=1) > limit for each in (unseen.images, given.unlabelled)
        )
        means = KMeans(len(UNKNOWN), n_init=4, random_state=seed).fit(given.unlabelled[among])
        new[far] = means.predict(unseen.images[far])
        known[far] = -1
    return score(known, new, unseen.classes)


def score(known: Indices, new: Indices, classes: Indices) -> Score:
    """Known class or -1, and new class or -1, of each image; new ones are named one to one as fits best."""
    is_known = np.isin(classes, KNOWN)
    names = np.unique(new[new >= 0])
    counts = np.array([[((new == name) & (classes == k)).sum() for k in UNKNOWN] for name in names])
    counts = counts.reshape(-1, len(UNKNOWN))
    rows, columns = linear_sum_assignment(-counts)
    return Score(
        known=float((known == classes)[is_known].mean()),
        unknown=float(counts[rows, columns].sum() / (~is_known).sum()),
        apart=float((known < 0)[~is_known].mean()),
        new=float(len(names)),
    )


def _picture(means: dict[str, Score], net: rj.Network, given: Images, unseen: Digits) -> list[Any]:
    """Attractors that unseen images of each class reach most; shares that are right."""
    left, right = Figure(figsize=(11.0, 4.2), layout="constrained").subplots(1, 2, width_ratios=(3, 2))
    limits = limits_of(net, unseen.images)
    commonest = [
        np.bincount(limits.labels[(unseen.classes == k) & (limits.labels >= 0)]).argmax() for k in range(10)
    ]
    none = np.full((len(UNKNOWN), given.drawn.shape[1]), np.nan)
    rows = {
        "unseen image": np.array([unseen.images[unseen.classes == k][0] for k in range(10)]),
        "commonest limit": limits.points[commonest],
        "drawn for the class": np.concatenate([given.drawn, none]),
    }
    artists = draw_sheet(left, rows, [str(k) for k in KNOWN + UNKNOWN])
    left.set_title("with unlabelled images, the last draw", fontsize="small")
    places = np.arange(len(means))
    for shift, field, colour in ((-0.2, "known", BLUE), (0.2, "unknown", ORANGE)):
        shares = [getattr(each, field) for each in means.values()]
        artists += right.barh(places + shift, shares, 0.36, color=colour, label=f"{field} classes")
    right.set_yticks(places, [name.replace(", ", ",\n") for name in means])
    right.invert_yaxis()
    right.set(xlabel="share that is right", xlim=(0.0, 1.0))
    right.legend(edgecolor="none", loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    return artists


CASE = Case(
    name="A5",
    claim="Classes that training has not seen are found by fixed points and basins (example 4)",
    run=run,
)
