"""Does the law of the Jacobian at the start predict how fast a deep network trains? Three sigma_w on digits.

A classifier of ten tanh layers by plain SGD (scikit-learn), each sigma_w at its best of some learning rates; the law
is the one that `rmtjac phase` tunes by, layer by layer from the mean square of the images.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import rmtjac as rj
from rmtjac.plotting import BLUE, GREEN, VERMILION
from validation.applications.digits import Digits, load
from validation.applications.stages import BATCH, stages
from validation.case import Case, Result

Floats = NDArray[np.float64]

DEPTH, WIDTH = 10, 64
LOW, HIGH = 0.7, 2.5  # on both sides of the tuned sigma_w
RATES, QUICK_RATES = (1e-2, 3e-2, 1e-1, 3e-1, 1.0), (1e-1,)
EPOCHS = 30
SEEDS, QUICK_SEEDS = (0, 1, 2), (0,)
REACHED = 0.1  # training loss


class Speed(NamedTuple):
    """Best learning rate, its loss by epoch (seeds, epochs), and the share of unseen images told right."""

    rate: float
    losses: Floats
    right: float

    @property
    def epochs(self) -> float:
        """Mean number of epochs until the training loss is REACHED; all and one more where it is not."""
        below = self.losses <= REACHED
        return float(np.where(below.any(axis=1), below.argmax(axis=1) + 1, self.losses.shape[1] + 1).mean())


def run(quick: bool) -> Result:
    """Mean square, spread and top of the law beside epochs, by sigma_w."""
    training, unseen = load()
    q0 = float((training.images**2).mean())
    tuned = float(rj.phase_diagram("tanh", [1.0], 0.0, DEPTH, q0=q0).tuned_sigma_w[0, 0])
    table: list[list[Any]] = [
        [
            "sigma_w",
            "mean s^2",
            "spread",
            "largest s^2",
            "best rate",
            f"epochs to {REACHED:g}",
            "last loss",
            "unseen right",
        ]
    ]
    rates, seeds = (QUICK_RATES, QUICK_SEEDS) if quick else (RATES, SEEDS)
    found = {}
    for sigma_w in (LOW, tuned, HIGH):
        law = rj.spectral_law(rj.Ensemble(DEPTH, WIDTH, "tanh", sigma_w=sigma_w, q0=q0))
        mean, spread, speed = (
            law.mean(),
            law.std() / law.mean(),
            best(training, unseen, sigma_w, rates, seeds),
        )
        found[sigma_w] = (mean, spread, speed)
        last = float(speed.losses[:, -1].mean())
        table.append(
            [sigma_w, mean, spread, float(law.edges[-1]), speed.rate, speed.epochs, last, speed.right]
        )
    slowness, spreads, gaps = np.array(
        [[speed.epochs, spread, abs(np.log(mean))] for mean, spread, speed in found.values()]
    ).T
    by_spread, by_mean = (_same_order(each, slowness) for each in (spreads, gaps))
    return Result(
        verdict="reproduced under a stated reading" if by_mean else "contradicted",
        sentence=(
            f"The tuned sigma_w = {tuned:.3f} trains fastest: {slowness[1]:.1f} epochs to a loss of {REACHED:g}, "
            f"{slowness[0]:.1f} at {LOW:g} and {slowness[2]:.1f} at {HIGH:g}. The spread alone "
            f"{'gives' if by_spread else 'does not give'} that order; the distance of ln(mean s^2) from 0 "
            f"{'does' if by_mean else 'does not'}. Too small a sigma_w costs speed, too large a one the unseen images: "
            f"{found[HIGH][2].right:.3f} of them are right, {found[tuned][2].right:.3f} at the tuned one."
        ),
        table=table,
        artists=_picture(found, tuned),
    )


def best(
    training: Digits, unseen: Digits, sigma_w: float, rates: tuple[float, ...], seeds: tuple[int, ...]
) -> Speed:
    """At the learning rate of the least mean loss over epochs and seeds."""
    tried = [speed(training, unseen, sigma_w, rate, seeds) for rate in rates]
    return min(tried, key=lambda each: float(np.nan_to_num(each.losses, nan=np.inf).mean()))


def speed(training: Digits, unseen: Digits, sigma_w: float, rate: float, seeds: tuple[int, ...]) -> Speed:
    """Train from each seed."""
    from sklearn.neural_network import MLPClassifier

    losses, right = np.empty((len(seeds), EPOCHS)), []
    for k, seed in enumerate(seeds):
        model = MLPClassifier(
            hidden_layer_sizes=(WIDTH,) * DEPTH,
            activation="tanh",
            solver="sgd",
            alpha=0.0,
            batch_size=BATCH,
            learning_rate_init=rate,
            momentum=0.0,
            random_state=seed,
        )
        for epoch in stages(
            model, training.images, training.classes, sigma_w, tuple(range(1, EPOCHS + 1)), seed
        ):
            losses[k, epoch - 1] = model.loss_
        right.append(model.score(unseen.images, unseen.classes))
    return Speed(rate, losses, float(np.mean(right)))


def _same_order(one: Floats, other: Floats) -> bool:
    return bool((np.argsort(one) == np.argsort(other)).all())


def _picture(found: dict[float, tuple[float, float, Speed]], tuned: float) -> list[Any]:
    """Loss by epoch with the range over seeds; epochs against ln(mean s^2)."""
    left, right = Figure(figsize=(11.0, 4.2), layout="constrained").subplots(1, 2)
    artists: list[Any] = []
    for (sigma_w, (mean, spread, each)), colour in zip(found.items(), (BLUE, GREEN, VERMILION), strict=True):
        epochs = np.arange(1, each.losses.shape[1] + 1)
        name = f"$\\sigma_w$ = {sigma_w:.3g}" + " (tuned)" * (sigma_w == tuned)
        artists += left.plot(
            epochs, each.losses.mean(axis=0), color=colour, label=f"{name}, rate {each.rate:g}"
        )
        band = each.losses.min(axis=0), each.losses.max(axis=0)
        artists.append(left.fill_between(epochs, *band, color=colour, alpha=0.2, lw=0))
        label = f"{name}, spread {spread:.2f}"
        artists += right.plot([np.log(mean)], [each.epochs], "o", ms=8, color=colour, label=label)
    left.set(xlabel="epochs", ylabel="training loss", yscale="log")
    left.axhline(REACHED, color="0.6", lw=0.8, ls=":")
    right.set(
        xlabel=r"$\ln$ of the predicted mean $s^2$ of $J$",
        ylabel=f"epochs to a loss of {REACHED:g}",
        ylim=(0.0, None),
    )
    for ax in (left, right):
        ax.legend(edgecolor="none")
    return artists


CASE = Case(
    name="TRAINING_SPEED",
    claim="The spread of singular values that `rmtjac phase` predicts says how fast a network trains",
    run=run,
)
