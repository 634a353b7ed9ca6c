"""The largest ball about a point on which a contraction is certified."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.errors import check_choice
from rmtjac.linkage.certificates.certify import certified_ball, known_shape, most_parts, program_of
from rmtjac.linkage.certificates.contraction import Contraction
from rmtjac.linkage.certificates.program import Program
from rmtjac.linkage.certificates.regions import NORMS, around, norm_name
from rmtjac.model.checks import checked_array, checked_number
from rmtjac.model.network import Network

__all__ = ["largest_ball", "largest_certified_radius"]

Floats = NDArray[np.float64]

LARGEST, SMALLEST = 2.0**20, 2.0**-40
MOST_PARTS = 512
LADDER_PARTS = 16
RATIO = 1.005  # to which the largest radius is found


def largest_certified_radius(
    f: Network | Callable[[Any], Any],
    center: ArrayLike,
    *,
    norm: str | float = "inf",
    most: float = LARGEST,
    parts: int | None = None,
) -> Contraction:
    """The contraction on the largest ball about `center` that is certified, within 0.5 % of its radius.

    The norms of `certify_contraction`. Balls of radii most, most/2, ... are tried, and between the first that is
    certified and the next larger one the radius is bisected. `.radius` is what was found; if none is certified,
    `.holds` is False and `.reason` is that of the smallest.

    Parameters
    ----------
    f : Network, or callable
        As in `certify_contraction`.
    center : float or array
        For a certificate it has to be near to a fixed point.
    norm : {"inf", "1", "2", "diagonal"}
    most : float
        The largest radius that is tried.
    parts : int, optional
        As in `certify_contraction`, but 512 by default.

    Raises
    ------
    ValueError, TypeError
        As in `certify_contraction`.
    """
    name, shape = norm_name(norm), known_shape(f) or np.shape(center)
    check_choice("norm", name, NORMS)
    point = checked_array("center", center)
    if point.shape not in ((), shape):
        raise ValueError(f"center of shape {point.shape}: allowed is {shape}")
    place = np.broadcast_to(point, shape).ravel().copy()
    program = program_of(f, shape)
    return largest_ball(
        program, place, shape, name, checked_number("most", most), most_parts(parts, program.size, MOST_PARTS)
    )


def largest_ball(
    program: Program, center: Floats, shape: tuple[int, ...], norm: str, most: float, parts: int
) -> Contraction:
    """`largest_certified_radius` of a program."""

    def tried(radius: float, parts: int = parts) -> Contraction:
        return certified_ball(program, around(center, radius, norm), shape, norm, parts)

    radius, least = most, SMALLEST * max(1.0, float(np.abs(center).max()))
    found = tried(least)
    if not found.constant < 1.0:
        return found  # nor is it on any larger ball
    found = tried(radius, min(parts, LADDER_PARTS))
    while not found.holds and radius > least:
        radius /= 2.0
        found = tried(radius, min(parts, LADDER_PARTS))
    if not found.holds or radius == most:
        return found
    # few parts find where to look, many may certify more
    while 2.0 * radius <= most and (larger := tried(2.0 * radius)).holds:
        radius, found = 2.0 * radius, larger
    # between a radius that is certified and one that may not be
    low, high = radius, min(2.0 * radius, most)
    while high > RATIO * low:
        middle = math.sqrt(low * high)
        candidate = tried(middle)
        if candidate.holds:
            low, found = middle, candidate
        else:
            high = middle
    return found
