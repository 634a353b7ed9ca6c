"""Theorem 4.1 of the source: disjoint regions, each mapped into itself and contracted, about the fixed points found."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.errors import check_choice
from rmtjac.linkage.certificates.certify import known_shape, most_parts, program_of
from rmtjac.linkage.certificates.contraction import Contraction
from rmtjac.linkage.certificates.files import save_certificates
from rmtjac.linkage.certificates.largest import LARGEST, MOST_PARTS, largest_ball
from rmtjac.linkage.certificates.regions import NORMS, norm_name
from rmtjac.linkage.fixed_points import find_fixed_points
from rmtjac.model.checks import checked_array
from rmtjac.model.network import Network

__all__ = ["ContractionRegions", "contraction_regions"]

Floats = NDArray[np.float64]

APART = 0.499  # of the distance of two points: regions of two neighbours do not touch


@dataclass(frozen=True, kw_only=True, eq=False)
class ContractionRegions:
    """Disjoint regions, each with exactly one fixed point and a constant of its own.

    Attributes
    ----------
    regions : tuple of Contraction
        All of them certified.
    points : ndarray (k, ...)
        About which they are.
    left_out : ndarray (m, ...)
        Points about which no region is certified.
    reasons : tuple of str
        Why not.
    """

    regions: tuple[Contraction, ...]
    points: Floats
    left_out: Floats
    reasons: tuple[str, ...]

    @property
    def constants(self) -> Floats:
        """The constants of the regions, shape (k,)."""
        return np.array([region.constant for region in self.regions])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write all regions as one certificate, which `rmtjac check` re-checks; returns the path.

        Raises
        ------
        ValueError
            If there is no region, or the folder cannot be written.
        """
        return save_certificates(path, self.regions)


def contraction_regions(
    f: Network | Callable[[Any], Any],
    lower: ArrayLike = -1.0,
    upper: ArrayLike = 1.0,
    *,
    norm: str | float = "diagonal",
    points: ArrayLike | None = None,
    parts: int | None = None,
) -> ContractionRegions:
    """Regions about the stable fixed points of a network, as large as can be certified and kept apart.

    Theorem 4.1 of the source: k disjoint regions that f maps into themselves with constants below 1 give k fixed
    points, each reached from all of its region.

    Parameters
    ----------
    f : Network, or callable
        As in `certify_contraction`.
    lower, upper : float or array
        Corners of the box in which `find_fixed_points` looks for stable points.
    norm : {"diagonal", "inf", "1", "2"}
        Of `certify_contraction`; all regions lie in boxes with sides below the largest distance of coordinates to the
        next point.
    points : array (k, ...), optional
        The points instead; needed if f is not a network.
    parts : int, optional
        As in `certify_contraction`.

    Raises
    ------
    ValueError, TypeError
        As in `certify_contraction` and `find_fixed_points`, or if there are no points for a function.
    """
    name, shape = norm_name(norm), known_shape(f)
    check_choice("norm", name, NORMS)
    if points is None:
        if not isinstance(f, Network):
            raise ValueError("points=None: allowed for a Network; for a function give the points to look at")
        found = find_fixed_points(f, lower, upper)
        places = found.points[found.stable]
    else:
        places = checked_array("points", points)
    if places.ndim == 0 or (shape is not None and places.shape[1:] != shape):
        raise ValueError(f"points of shape {places.shape}: allowed is (k, *{shape or '(shape of x)'})")
    return _about(f, places, places.shape[1:], name, parts)


def _about(
    f: Network | Callable[[Any], Any], places: Floats, shape: tuple[int, ...], norm: str, parts: int | None
) -> ContractionRegions:
    program = program_of(f, shape)
    flat = places.reshape(len(places), program.size)
    found = []
    for k, center in enumerate(flat):
        gaps = np.abs(np.delete(flat, k, axis=0) - center).max(axis=1, initial=0.0)
        room = min(APART * float(gaps.min(initial=np.inf)), LARGEST)
        if room == 0.0:
            raise ValueError(f"points: {center} is there twice: allowed are points that differ")
        found.append(
            largest_ball(program, center, shape, norm, room, most_parts(parts, program.size, MOST_PARTS))
        )
    held = np.array([each.holds for each in found], dtype=np.bool_)
    return ContractionRegions(
        regions=tuple(each for each in found if each.holds),
        points=places[held],
        left_out=places[~held],
        reasons=tuple(each.reason for each in found if not each.holds),
    )
