"""What a file of weights says it holds, and the checks that come before anything is allocated."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["FLOATS", "Refusal", "Tensor", "WeightFile", "check_packing"]

FLOATS = ("float16", "bfloat16", "float32", "float64")
MOST_PACKED = 100  # times that stored weights may grow: noise hardly packs, and zeros pack a thousandfold
HARMLESS = 2**20  # bytes that may be packed as tightly as they like


class Refusal(ValueError):
    """Why a file is no file of weights; the caller adds its path."""


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One array of a file: its name, its shape, and its dtype as NumPy names it."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """Number of its entries."""
        return math.prod(self.shape)

    def __str__(self) -> str:
        # the name comes from the file: nothing in it may steer a terminal
        return f"{self.name!r} {self.dtype} {self.shape}"


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """A file whose tensors are known, and not read yet.

    Attributes
    ----------
    format : str
        In words.
    tensors : dict of Tensor by name
        In the file's order.
    read : callable
        name -> the values as an array of floats; Refusal if they cannot be had.
    """

    format: str
    tensors: dict[str, Tensor]
    read: Callable[[str], Any]


def check_packing(name: str, size: int, stored: int) -> None:
    """Refuse what would grow more than a hundredfold from `stored` bytes to `size`: weights do not, bombs do."""
    if size > HARMLESS and size > MOST_PACKED * stored:
        raise Refusal(
            f"{name!r} would grow from {stored:,} bytes to {size:,}, as no weights do; if these do, save them "
            "without compression"
        )
