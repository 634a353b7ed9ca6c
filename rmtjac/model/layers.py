"""Widths and scales of the layers of an ensemble, checked and spelled out layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rmtjac.model.checks import checked_integer, checked_number

__all__ = [
    "AS_WEIGHTS",
    "MAX_DEPTH",
    "MAX_WIDTH",
    "checked_bias_scales",
    "checked_scales",
    "checked_widths",
    "patterned_widths",
]

AS_WEIGHTS = "as_weights"
DEFAULT_WIDTH = 1000
MAX_DEPTH = 10**6
MAX_WIDTH = 10**9


def patterned_widths(outer: int, inner: int, depth: int) -> tuple[int, ...]:
    """outer, inner, ..., inner, outer: depth + 1 widths."""
    return (outer, *[inner] * (depth - 1), outer)


def checked_widths(depth: Any, width: Any, widths: Any) -> tuple[int, ...]:
    """n_0, ..., n_L from either depth and width (1000 if None) or widths.

    Raises
    ------
    ValueError, TypeError
        If an entry is no integer in its range, or the arguments do not match.
    """
    if depth is not None:
        depth = checked_integer("depth", depth, 1, MAX_DEPTH)
    if widths is None:
        if depth is None:
            raise ValueError("depth=None: give depth (an integer >= 1) or widths")
        width = checked_integer("width", DEFAULT_WIDTH if width is None else width, 1, MAX_WIDTH)
        return patterned_widths(width, width, depth)
    if width is not None:
        raise ValueError(f"width={width!r} and widths: give one of them")
    layers = _checked_sequence(widths)
    if depth is not None and depth != len(layers) - 1:
        raise ValueError(
            f"depth={depth} with {len(layers)} widths: allowed are depth + 1 = {depth + 1} widths"
        )
    return layers


def _checked_sequence(widths: Any) -> tuple[int, ...]:
    if isinstance(widths, str) or not isinstance(widths, (Sequence, np.ndarray)):
        raise TypeError(f"widths={widths!r}: allowed is a sequence n_0, ..., n_L of integers >= 1")
    if not 2 <= len(widths) <= MAX_DEPTH + 1:
        raise ValueError(f"widths has {len(widths)} entries: allowed are 2 to {MAX_DEPTH + 1}")
    return tuple(checked_integer(f"widths[{i}]", n, 1, MAX_WIDTH) for i, n in enumerate(widths))


def checked_scales(
    argument: str, given: Any, fan_ins: tuple[int, ...], zero: bool = False
) -> tuple[float, ...]:
    """One scale per layer from a number, a sequence of L numbers or a callable of fan_in.

    Raises
    ------
    ValueError, TypeError
        If a scale is not a finite number > 0 (>= 0 if `zero`), or there are not L of them.
    """
    if callable(given):
        by_width = {n: checked_number(f"{argument}({n})", given(n), zero=zero) for n in sorted(set(fan_ins))}
        return tuple(by_width[n] for n in fan_ins)
    if isinstance(given, str) or not isinstance(given, (Sequence, np.ndarray)) or np.ndim(given) == 0:
        return (checked_number(argument, given, zero=zero),) * len(fan_ins)
    if len(given) != len(fan_ins):
        raise ValueError(
            f"{argument} has {len(given)} entries: allowed are one, or {len(fan_ins)} (one per layer)"
        )
    return tuple(checked_number(f"{argument}[{i}]", entry, zero=zero) for i, entry in enumerate(given))


def checked_bias_scales(given: Any, fan_ins: tuple[int, ...]) -> tuple[float, ...] | str:
    """As `checked_scales`, with 0 allowed, or the word "as_weights"."""
    if isinstance(given, str):
        if given != AS_WEIGHTS:
            raise ValueError(f"sigma_b={given!r}: allowed are finite numbers >= 0, or {AS_WEIGHTS!r}")
        return given
    return checked_scales("sigma_b", given, fan_ins, zero=True)
