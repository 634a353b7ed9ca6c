"""A6: heavy tails after training (section III): of weights, of their singular values, of the Jacobian; and Q with them.

The network of case A2's task, from Gaussian weights, at some epochs. The control says what the tails of the entries do
by themselves: the same entries of each layer in random order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import rmtjac as rj
from rmtjac.plotting import BLACK, BLUE, ORANGE, VERMILION
from validation.applications.digits import load, standard_images
from validation.applications.limits import limits_of
from validation.applications.stages import BATCH, stages
from validation.applications.training import network_of
from validation.case import Case, Result

Floats = NDArray[np.float64]

HIDDEN, LAYER = (200, 200, 200), 1  # the layer whose tails are fitted: 200 by 200
EPOCHS, QUICK_EPOCHS = (0, 3, 10, 30, 100, 300), (0, 10)
METHODS: dict[str, dict[str, Any]] = {
    "SGD": {"solver": "sgd", "learning_rate_init": 1e-3, "momentum": 0.9},
    "Adam": {"solver": "adam", "learning_rate_init": 1e-3},
}
AT, STARTS = 20, 100  # images for Jacobians; images, and as many random points, that start trajectories
SEED = 0


class Stage(NamedTuple):
    """Loss per pixel; mean ||J||; tail indices; attractors reached, here and with the entries in random order."""

    loss: float
    norm: float
    entries: rj.TailFit
    singular: rj.TailFit
    jacobian: rj.TailFit
    shuffled_jacobian: rj.TailFit
    count: int
    shuffled_count: int


def run(quick: bool) -> Result:
    """Tail indices and numbers of attractors by epoch, for two ways to train."""
    table: list[list[Any]] = [
        [
            "training",
            "epochs",
            "loss",
            "||J||",
            "entries",
            "singular values of W",
            "of J",
            "Q",
            "shuffled: of J",
            "shuffled: Q",
        ]
    ]
    found: dict[str, dict[int, Stage]] = {}
    for name in ["Adam"] if quick else list(METHODS):
        found[name] = trained_stages(name, QUICK_EPOCHS if quick else EPOCHS)
        table += [[name, epochs, *_row(stage)] for epochs, stage in found[name].items()]
    first, last = (found["Adam"][epochs] for epochs in (0, max(found["Adam"])))
    grew = last.jacobian.interval[1] < first.jacobian.interval[0] and last.count > first.count
    return Result(
        verdict="reproduced under a stated reading" if grew else "contradicted",
        sentence=(
            f"The Jacobian's tail grows heavy: index {first.jacobian.index:.1f} before, {last.jacobian.index:.1f} "
            f"after training, while its norm at images goes from {first.norm:.2f} to {last.norm:.2f}: heavy beside "
            f"its other values, not large. That of the singular values of W goes from {first.singular.index:.1f} to "
            f"{last.singular.index:.1f}. The entries stay light: {first.entries.index:.1f}, which is what Gaussian "
            f"ones have at this number of values, to {last.entries.index:.1f}, where Cauchy ones have 1. The number of "
            f"attractors follows, {first.count} to {last.count}. But the tails of the entries do not make them: the "
            f"same entries in random order give an index of {last.shuffled_jacobian.index:.1f} and Q = "
            f"{last.shuffled_count}. Training orders the entries, and independent weights are no model of that."
        ),
        table=table,
        artists=_picture(found),
    )


def trained_stages(method: str, epochs: tuple[int, ...]) -> dict[int, Stage]:
    """What is measured at each of the epochs."""
    from sklearn.neural_network import MLPRegressor

    training, unseen = load()
    targets = standard_images(training, list(range(10)))[training.classes]
    model = MLPRegressor(
        hidden_layer_sizes=HIDDEN,
        activation="tanh",
        alpha=0.0,
        batch_size=BATCH,
        random_state=SEED,
        **METHODS[method],
    )
    images = unseen.images[:STARTS]
    starts = np.concatenate([images, np.random.default_rng(SEED).uniform(-1.0, 1.0, images.shape)])
    found = {}
    for epoch in stages(model, training.images, targets, 1.0, epochs, SEED):
        net = network_of(model)
        loss = float(((net(training.images) - targets) ** 2).mean())
        found[epoch] = measured(net, loss, starts)
    return found


def measured(net: rj.Network, loss: float, starts: Floats) -> Stage:
    """Tails of one network, and its attractors."""
    other = shuffled(net, np.random.default_rng(SEED))
    weights = net.weights[LAYER]
    return Stage(
        loss=loss,
        norm=float(rj.spectral_norm(net, starts[:AT]).mean()),
        entries=rj.fit_tail(weights),
        singular=rj.fit_tail(weights, variable="singular_values"),
        jacobian=rj.fit_tail(net.jacobian(starts[:AT]), variable="singular_values"),
        shuffled_jacobian=rj.fit_tail(other.jacobian(starts[:AT]), variable="singular_values"),
        count=len(limits_of(net, starts).periods),
        shuffled_count=len(limits_of(other, starts).periods),
    )


def shuffled(net: rj.Network, rng: np.random.Generator) -> rj.Network:
    """With the entries of each weight matrix in random order."""
    weights = [rng.permutation(each.ravel()).reshape(each.shape) for each in net.weights]
    return rj.Network(weights, net.biases, net.activations)


def _row(stage: Stage) -> list[Any]:
    fits = (_text(fit) for fit in (stage.entries, stage.singular, stage.jacobian))
    return [stage.loss, stage.norm, *fits, stage.count, _text(stage.shuffled_jacobian), stage.shuffled_count]


def _text(fit: rj.TailFit) -> str:
    return f"{fit.index:.2f} ({fit.interval[0]:.2f}, {fit.interval[1]:.2f})"


def _picture(found: dict[str, dict[int, Stage]]) -> list[Any]:
    """Indices by epoch, and Q; Adam solid, SGD dashed."""
    left, right = Figure(figsize=(11.0, 4.2), layout="constrained").subplots(1, 2)
    artists: list[Any] = []
    for method, line in (("Adam", "-"), ("SGD", "--")):
        by_epoch = found.get(method, {})
        places = range(len(by_epoch))
        for field, name, colour in (
            ("entries", "entries of W", BLUE),
            ("singular", "singular values of W", ORANGE),
            ("jacobian", "singular values of J", VERMILION),
            ("shuffled_jacobian", "of J, entries shuffled", "0.6"),
        ):
            fits = [getattr(stage, field) for stage in by_epoch.values()]
            ends = np.array([np.abs(np.array(fit.interval) - fit.index) for fit in fits]).reshape(-1, 2).T
            label = name if method == "Adam" else None
            indices = [fit.index for fit in fits]
            artists.append(
                left.errorbar(places, indices, yerr=ends, fmt=f"o{line}", ms=4, color=colour, label=label)
            )
        counts = [stage.count for stage in by_epoch.values()]
        others = [stage.shuffled_count for stage in by_epoch.values()]
        artists += right.plot(places, counts, f"o{line}", color=BLACK, label=f"{method}")
        artists += right.plot(places, others, f"s{line}", color="0.6", label=f"{method}, entries shuffled")
    for ax in (left, right):
        ax.set_xticks(range(len(found["Adam"])), [str(epoch) for epoch in found["Adam"]])
        ax.set(xlabel="epochs of training", ylim=(0.0, None))
        ax.legend(edgecolor="none")
    left.set_ylim(0.0, 16.0)
    left.set_ylabel("tail index (95 % interval)")
    right.set_ylabel("Q, attractors that starts reach")
    return [artists[-1], *artists[:-1]]  # the last is an artist of a figure; error bars are containers


CASE = Case(
    name="A6",
    claim="Training makes light-tailed weights and Jacobian spectra heavy-tailed, and makes fixed points (section III)",
    run=run,
)
