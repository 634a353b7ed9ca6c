"""Sheets of images."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from validation.applications.digits import SIDE

Floats = NDArray[np.float64]

GAP = 1  # pixels between images


def draw_sheet(ax: Axes, rows: dict[str, Floats], columns: list[str] | None = None) -> list[Any]:
    """Rows of images (k, 64), each row with its name; ink is black, beyond -1 and 1 as at them."""
    count = max(len(images) for images in rows.values())
    pitch = SIDE + GAP
    sheet = np.full((pitch * len(rows) - GAP, pitch * count - GAP), np.nan)
    for i, images in enumerate(rows.values()):
        for j, image in enumerate(images):
            sheet[pitch * i : pitch * i + SIDE, pitch * j : pitch * j + SIDE] = image.reshape(SIDE, SIDE)
    drawn = ax.imshow(sheet, cmap="Greys", vmin=-1.0, vmax=1.0, interpolation="nearest")
    middles = (SIDE - 1) / 2.0 + pitch * np.arange(max(len(rows), count))
    ax.set_yticks(middles[: len(rows)], list(rows))
    ax.set_xticks([] if columns is None else middles[:count], columns or [])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_facecolor("#BBDDF0")
    return [drawn]
