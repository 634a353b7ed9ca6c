"""Patches of the two photographs that come with scikit-learn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validation.applications.digits import SIDE

Floats = NDArray[np.float64]

SEED = 0


def patches(name: str, count: int) -> Floats:
    """`count` grey patches (count, 64) at random places of china.jpg or flower.jpg, black -1 to white 1."""
    from sklearn.datasets import load_sample_image
    from sklearn.feature_extraction.image import extract_patches_2d

    grey = load_sample_image(name).mean(axis=2) / 127.5 - 1.0
    return np.asarray(extract_patches_2d(grey, (SIDE, SIDE), max_patches=count, random_state=SEED)).reshape(
        count, -1
    )
