"""Why a contraction is not certified, in one line: what is refuted, and what is only unproven."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rmtjac.linkage.certificates.proof import Proof
from rmtjac.linkage.certificates.regions import Region

__all__ = ["reason_of"]

Floats = NDArray[np.float64]

SHOWN = 4  # numbers of a point


def reason_of(proof: Proof, region: Region, shape: tuple[int, ...]) -> str:
    """The reason, empty if both conditions are proven."""
    reasons = []
    if not proof.self_map:
        reasons.append(_leaves(proof, region, shape))
    if not proof.constant < 1.0:
        reasons.append(_stretches(proof))
    return "; ".join(reasons)


def _leaves(proof: Proof, region: Region, shape: tuple[int, ...]) -> str:
    point, image = proof.witnesses.leaving, proof.witnesses.image
    if point is not None and image is not None:
        if region.radius is not None and region.centre.size > 1:
            far = np.linalg.norm(image - region.centre, region.order)
            where = f"the image of x = {_point(point)} is {far:.6g} away from the centre"
            return f"not a self-map: {where}, outside {_ball(region)}"
        i = int(np.argmax(np.maximum(region.low - image, image - region.high)))
        where = f"the image of x = {_point(point)} is {image[i]:.6g}{_place(i, shape)}"
        return f"not a self-map: {where}, outside {_set(region, i)}"
    low, high = proof.image
    if region.radius is not None and region.centre.size > 1:
        far = np.linalg.norm(np.maximum(high - region.centre, region.centre - low), region.order)
        return f"not proven to be a self-map: the image may reach {far:.6g} from the centre, outside {_ball(region)}"
    i = int(np.argmax(np.maximum(region.low - low, high - region.high)))
    reach = low[i] if region.low[i] - low[i] > high[i] - region.high[i] else high[i]
    return f"not proven to be a self-map: the image{_place(i, shape)} may reach {reach:.6g}, outside {_set(region, i)}"


def _stretches(proof: Proof) -> str:
    found = proof.witnesses
    if found.norm >= 1.0 and found.steep is not None:
        return f"constant {found.norm:.6g} >= 1: the norm of the derivative at x = {_point(found.steep)}"
    if math.isinf(proof.constant):
        return "no constant: the derivative is not bounded on the region, where f may not be defined"
    return (
        f"not proven to contract: the bound on the constant is {proof.constant:.6g} >= 1 with {proof.parts} parts, "
        f"while the norm of the derivative reaches {found.norm:.6g}"
    )


def _ball(region: Region) -> str:
    return f"the ball of radius {region.radius:g}"


def _set(region: Region, i: int) -> str:
    return f"[{region.low[i]:g}, {region.high[i]:g}]"


def _place(i: int, shape: tuple[int, ...]) -> str:
    """Which component is meant, if there are several."""
    if math.prod(shape) == 1:
        return ""
    place = ", ".join(str(int(k)) for k in np.unravel_index(i, shape))
    return f" in component {place}"


def _point(x: Floats) -> str:
    if x.size == 1:
        return f"{x[0]:.6g}"
    return f"({', '.join(f'{value:.6g}' for value in x[:SHOWN])}{', ...' if x.size > SHOWN else ''})"
