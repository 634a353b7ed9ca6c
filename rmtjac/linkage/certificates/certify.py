"""`certify_contraction`: Banach's theorem as a program that proves, refutes, or says what is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.linkage.certificates.contraction import Contraction
from rmtjac.linkage.certificates.program import Program, network_program
from rmtjac.linkage.certificates.proof import Proof, prove
from rmtjac.linkage.certificates.reasons import reason_of
from rmtjac.linkage.certificates.recording import recorded_program
from rmtjac.linkage.certificates.regions import Region, checked_region, norm_name
from rmtjac.model.checks import checked_integer
from rmtjac.model.differentiable_map import DifferentiableMap
from rmtjac.model.network import Network, check_self_map

__all__ = ["certified", "certified_ball", "certify_contraction", "known_shape", "most_parts", "program_of"]

Floats = NDArray[np.float64]

MOST_PARTS = 4096
# splitting pays for few numbers, and a little for some more
FEW_NUMBERS, SOME_NUMBERS = 4, 16
SOME_PARTS = 64


def certify_contraction(
    f: Network | Callable[[Any], Any],
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    *,
    center: ArrayLike | None = None,
    radius: float | None = None,
    norm: str | float = "inf",
    parts: int | None = None,
) -> Contraction:
    """A proof that f maps a region into itself and contracts it there, or the reason why there is none.

    Banach: if X is closed and convex, f(X) in X, and the norm of the derivative is at most K < 1 on X, f has exactly
    one fixed point in X and |x_n - x*| <= K^n |x_0 - x*| (Lemmas A.4 to A.6 of the source; THEORY.md section 4). All
    rounding is enclosed, and both slopes count at a kink.

    Parameters
    ----------
    f : Network, or callable
        A function of one `rj.Interval`, a number, a vector or a matrix by the shape of the region, that is made of
        + - * / ** @ exp log sqrt tanh erf abs sum maximum minimum and indexing; it is called twice and written down.
        Activations of the user count by their `range` and `derivative_range`.
    lower, upper : float or array
        Corners of a box X.
    center, radius : float or array, and float
        A ball X instead, in the norm of `norm`. For "diagonal" X is the box center +- radius, or the ball in the
        weighted norm inside it where only that is mapped into itself.
    norm : {"inf", "1", "2", "diagonal"}
        Of the numbers of x: largest, sum, root of the sum of squares (of matrices the entries are the numbers);
        "diagonal" is max_i |x_i| / w_i with the best weights, which there are if and only if the spectral radius of the
        matrix of the largest |df_i/dx_j| on X is below 1. 1, 2 and np.inf are understood, too.
    parts : int, optional
        Into how many parts X may be cut, 1 to 10^6. By default 4,096 for up to four numbers, 64 for up to 16,
        else 1.

    Returns
    -------
    Contraction
        `.holds`, `.constant`, `.self_map`, `.reason`, `.save(path)`, and the error bounds.

    Raises
    ------
    TypeError
        If f is no map that can be enclosed: what it does that an Interval does not know.
    ValueError
        If the region is empty, or shapes do not match.
    """
    name, known = norm_name(norm), known_shape(f)
    region, shape = checked_region(lower, upper, center, radius, name, known)
    program = program_of(f, shape)
    most = most_parts(parts, program.size)
    if radius is None:
        return certified(program, region, shape, name, most)
    return certified_ball(program, region, shape, name, most)


def certified_ball(
    program: Program, region: Region, shape: tuple[int, ...], norm: str, most: int
) -> Contraction:
    """`certified`, on the ball of the weighted norm inside a box if only that is mapped into itself."""
    found = certified(program, region, shape, norm, most)
    if found.holds or norm != "diagonal" or not found.constant < 1.0:
        return found
    smaller = certified(program, _weighted_ball(region, found), shape, norm, most)
    return smaller if smaller.holds else found


def most_parts(parts: int | None, size: int, most: int = MOST_PARTS) -> int:
    """Into how many parts a region of so many numbers may be cut."""
    if parts is None:
        return most if size <= FEW_NUMBERS else SOME_PARTS if size <= SOME_NUMBERS else 1
    return checked_integer("parts", parts, 1, 10**6)


def known_shape(f: Network | Callable[[Any], Any]) -> tuple[int, ...] | None:
    """The shape of the points of a network; None for a function, which may take any.

    Raises
    ------
    TypeError, ValueError
        If f is neither, or a network with not as many outputs as inputs.
    """
    if isinstance(f, Network):
        check_self_map(f)
        return (f.widths[0],)
    if not callable(f) or isinstance(f, DifferentiableMap):
        raise TypeError(f"f={f!r}: allowed are a Network, and functions that run on rj.Interval")
    return None


def program_of(f: Network | Callable[[Any], Any], shape: tuple[int, ...]) -> Program:
    """The steps of a network, or of a function of points of this shape."""
    return network_program(f) if isinstance(f, Network) else recorded_program(f, shape)


def certified(program: Program, region: Region, shape: tuple[int, ...], norm: str, most: int) -> Contraction:
    """What is proven of a program on a region of points of this shape."""
    return _result(program, region, shape, norm, prove(program, region, norm, most))


def _result(program: Program, region: Region, shape: tuple[int, ...], norm: str, proof: Proof) -> Contraction:
    found = proof.witnesses
    return Contraction(
        holds=proof.self_map and proof.constant < 1.0,
        constant=proof.constant,
        self_map=proof.self_map,
        reason=reason_of(proof, region, shape),
        refuted=found.norm >= 1.0 or found.leaving is not None,
        norm=norm,
        weights=None if proof.weights is None else proof.weights.reshape(shape),
        lower=region.low.reshape(shape).copy(),
        upper=region.high.reshape(shape).copy(),
        center=region.centre.reshape(shape).copy(),
        radius=region.inner_radius,
        image_lower=proof.image[0].reshape(shape).copy(),
        image_upper=proof.image[1].reshape(shape).copy(),
        parts=proof.parts,
        program=program,
        region=region,
        tree=proof.tree,
    )


def _weighted_ball(region: Region, found: Contraction) -> Region:
    """The largest ball of the weighted norm about the centre inside a box."""
    assert found.weights is not None
    reach = np.minimum(region.high - region.centre, region.centre - region.low).min() * found.weights.ravel()
    return Region(region.centre - reach, region.centre + reach, region.centre)
