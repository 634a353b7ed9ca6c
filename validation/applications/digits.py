"""Images for the applications: scikit-learn's handwritten digits, ink from -1 (none) to 1, and what happens to them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

SIDE = 8
LEVELS = 17  # grey levels of the images, 0 to 16
HALF_LEVEL = 1.0 / (LEVELS - 1)
TRAINING = 1000
SEED = 0


class Digits(NamedTuple):
    """Images (k, 64) and their classes (k,), 0 to 9."""

    images: Floats
    classes: Indices

    def of(self, classes: list[int]) -> Digits:
        """Those of some classes."""
        kept = np.isin(self.classes, classes)
        return Digits(self.images[kept], self.classes[kept])


def load() -> tuple[Digits, Digits]:
    """The 1,797 digits in a fixed random order: 1,000 to train on, and 797 that training never sees."""
    from sklearn.datasets import load_digits

    values, classes = load_digits(return_X_y=True)
    order = np.random.default_rng(SEED).permutation(len(values))
    images, classes = 2.0 * values[order] / (LEVELS - 1) - 1.0, classes[order]
    return Digits(images[:TRAINING], classes[:TRAINING]), Digits(images[TRAINING:], classes[TRAINING:])


def standard_images(digits: Digits, classes: list[int]) -> Floats:
    """Of each class the image nearest to the mean of the class, (len(classes), 64)."""
    chosen = []
    for k in classes:
        images = digits.images[digits.classes == k]
        chosen.append(images[np.argmin(np.linalg.norm(images - images.mean(axis=0), axis=1))])
    return np.array(chosen)


def noisy(images: Floats, deviation: float, rng: np.random.Generator) -> Floats:
    """With Gaussian noise in every pixel."""
    return images + deviation * rng.standard_normal(images.shape)


def lit(images: Floats, gain: float) -> Floats:
    """With all ink times a gain, as by another light."""
    return gain * (images + 1.0) - 1.0


def shifted(images: Floats, right: int, down: int) -> Floats:
    """Moved by whole pixels; what comes in from outside has no ink."""
    squares = np.pad(
        images.reshape(-1, SIDE, SIDE), ((0, 0), (SIDE, SIDE), (SIDE, SIDE)), constant_values=-1.0
    )
    top, left = SIDE - down, SIDE - right
    return squares[:, top : top + SIDE, left : left + SIDE].reshape(images.shape)


def occluded(images: Floats, side: int, rng: np.random.Generator) -> Floats:
    """Without ink in a square of `side` by `side` pixels at a random place of each image."""
    squares = images.reshape(-1, SIDE, SIDE).copy()
    for square, (top, left) in zip(squares, rng.integers(0, SIDE - side + 1, (len(squares), 2)), strict=True):
        square[top : top + side, left : left + side] = -1.0
    return squares.reshape(images.shape)


def rms_errors(images: Floats, clean: Floats) -> Floats:
    """Root mean square error of each image (k, 64), over its pixels."""
    return np.asarray(np.sqrt(((images - clean) ** 2).mean(axis=-1)))


def nearest(images: Floats, candidates: Floats) -> Indices:
    """For each image (k, 64) the number of the nearest of the candidates (m, 64)."""
    gaps = (images**2).sum(axis=1)[:, None] - 2.0 * images @ candidates.T + (candidates**2).sum(axis=1)
    return np.asarray(gaps.argmin(axis=1))
