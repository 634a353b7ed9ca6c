"""Every fixed point of a network in a box, each with its Jacobian, its stability and its index."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.errors import UnsupportedError, check_choice
from rmtjac.linkage.affine_bounds import bounded
from rmtjac.linkage.box_search import BoxSearch, ProvenPoint, search_box
from rmtjac.linkage.flat_network import is_built_in
from rmtjac.linkage.narrowest import InnerMap, image_box
from rmtjac.linkage.newton_search import newton_points, proven_near, random_starts
from rmtjac.linkage.pattern_search import search_patterns
from rmtjac.linkage.point_kinds import kinds_of
from rmtjac.linkage.starts import checked_starts
from rmtjac.linkage.undecided_boxes import continuum_dimension, resolved
from rmtjac.model.activation_kernels import HARD_TANH
from rmtjac.model.checks import checked_box, checked_integer
from rmtjac.model.differentiable_map import Map
from rmtjac.model.network import Network, check_self_map
from rmtjac.model.streams import RandomSource, entropy_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FixedPoints", "find_fixed_points"]

Floats = NDArray[np.float64]
Corners = tuple[Floats, Floats]

METHODS = ("auto", "boxes", "patterns", "newton")
MOST_SPLIT = 4  # inputs of a box search
MOST_PATTERNS = 20  # units of a pattern search
MOST_STARTS = 10**6
UNPROVEN = 1e-12  # how far outside of the box, in units of 1 + |x|, a point that is not certified may be


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedPoints:
    """Fixed points x = Phi(x) of a network in a box.

    Attributes
    ----------
    points : ndarray (Q, n)
        In the order of their first coordinates.
    errors : ndarray (Q, n)
        How far the coordinates may be off at most; nan if the point is not certified.
    certified : ndarray of bool (Q,)
        Whether it is proven, all rounding included, that there is exactly one fixed point within the errors.
    jacobians : ndarray (Q, n, n)
        J = DPhi at the points; at a kink that of one of the adjacent pieces.
    eigenvalues : complex ndarray (Q, n)
        Of J: the multipliers.
    spectral_radius, spectral_norm : ndarray (Q,)
        Largest |eigenvalue| and largest singular value of J.
    stability : tuple of {"stable", "unstable", "undecided"}
        By the spectral radius; at a kink by the adjacent pieces. "undecided" where rounding, or the error of the point,
        may turn the decision.
    index : ndarray (Q,)
        sign det(1 - J); at a kink the degree over the adjacent pieces (two inputs); nan where it is not known.
    complete : bool
        Whether it is proven that the box has no other fixed point.
    network : Network or DifferentiableMap
    box : tuple of two ndarrays (n,)
        Lower and upper corner.
    due_index_sum : float
        1 if the network is proven to map the box into itself: then the indices of all points sum to 1, if none is
        degenerate (THEORY.md section 4); else nan.
    undecided : ndarray (k, 2, m)
        Small boxes (low, high), in the layer that was searched, of which a search did not decide.
    continuum_dimension : int
        Largest dimension of what may be a continuum of fixed points: points that are fixed to rounding, for a
        thousandth of the box; 0 for none.
    boxes, boxes_left : int
        Numbers of boxes that the search has seen, and had to leave.
    method : str
    """

    points: Floats
    errors: Floats
    certified: NDArray[np.bool_]
    jacobians: Floats
    eigenvalues: NDArray[np.complex128]
    stability: tuple[str, ...]
    index: Floats
    complete: bool
    network: Map
    box: tuple[Floats, Floats]
    due_index_sum: float
    undecided: Floats
    continuum_dimension: int
    boxes: int
    boxes_left: int
    method: str
    spectral_radius: Floats = field(init=False)
    spectral_norm: Floats = field(init=False)

    def __post_init__(self) -> None:
        radius = np.abs(self.eigenvalues).max(axis=1, initial=0.0)
        norm = np.linalg.norm(self.jacobians, 2, axis=(1, 2)) if len(self.points) else np.empty(0)
        object.__setattr__(self, "spectral_radius", radius)
        object.__setattr__(self, "spectral_norm", norm)
        for value in (*vars(self).values(), *self.box):
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @property
    def stable(self) -> NDArray[np.bool_]:
        """Which points are stable, shape (Q,)."""
        return np.array([kind == "stable" for kind in self.stability], dtype=np.bool_)

    @property
    def index_sum(self) -> float:
        """Sum of the indices; nan if one is not known."""
        return float(self.index.sum())

    def plot(self, ax: Axes | None = None) -> list[Any]:
        """The points on the curves where a coordinate stays; for other than two inputs the multipliers."""
        from rmtjac.map_plots import plot_fixed_points

        return plot_fixed_points(self, ax)

    @property
    def message(self) -> str:
        """What is known, in one line."""
        count = f"{len(self.points)} fixed point{'s' if len(self.points) != 1 else ''}"
        if self.complete:
            return f"{count}, proven to be all in the box"
        if self.continuum_dimension:
            return f"{count} apart from what may be a continuum of dimension {self.continuum_dimension}"
        if self.due_index_sum == 1.0 and abs(self.index_sum - 1.0) > 0.5:
            rest = f"at least one is missing, as their indices sum to {self.index_sum:g} and not to 1"
        else:
            rest = "there may be others"
        if self.method == "newton":
            return f"{count} from many starts: {rest}"
        left = f"{self.boxes_left} boxes left and {len(self.undecided)} undecided after {self.boxes}"
        return f"{count}; {left}: {rest}"


def find_fixed_points(
    net: Map,
    lower: ArrayLike = -1.0,
    upper: ArrayLike = 1.0,
    method: str = "auto",
    *,
    max_boxes: int = 500_000,
    starts: int | ArrayLike = 400,
    rng: RandomSource = 0,
) -> FixedPoints:
    """All fixed points of a network in a box, stable or not, with a proof that none is missing where there is one.

    The search runs in the narrowest layer: its fixed points and those of the network are one-to-one.

    Parameters
    ----------
    net : Network or DifferentiableMap
        With as many outputs as inputs.
    lower, upper : float or array (n,)
        Corners of the box. A certified point counts if it may be in the box, rounding and its errors included.
    method : {"auto", "boxes", "patterns", "newton"}
        "boxes": branch and prune with affine bounds, for built-in activations and a layer of at most 4 units.
        "patterns": through the linear pieces of one piecewise linear layer of at most 20 units.
        "newton": from many starts; `complete` is False. "auto": the first of them that applies.
    max_boxes : int
        Where a search by boxes or patterns stops, >= 1.
    starts : int or array (k, n)
        Of "newton": how many, 1 to 10^6, or which. Each of those that are given is taken as it is, and once more after
        30 applications of the map.
    rng : int, SeedSequence, Generator or None
        Of the starts in the box.

    Raises
    ------
    ValueError, TypeError
        If `net` is no map known here, or has not as many outputs as inputs, or the box is empty.
    UnsupportedError
        If the method is not one for this network.
    """
    check_choice("method", method, METHODS)
    check_self_map(net)
    low, high = checked_box(lower, upper, net.widths[0])
    max_boxes = checked_integer("max_boxes", max_boxes, 1)
    method = _chosen(net, method)
    entropy = entropy_of(rng)
    if isinstance(starts, (int, float, np.integer)):
        count, given = checked_integer("starts", starts, 1, MOST_STARTS), None
    else:
        count, given = 0, checked_starts(starts, low.size).reshape(-1, low.size)
        if method != "newton":
            raise ValueError(f"starts given with method={method!r}: allowed is method='newton'")
    # what overflows is left undecided
    with np.errstate(over="ignore", invalid="ignore"):
        if method == "newton":
            return _from_starts(net, low, high, given, count, np.random.default_rng(entropy))
        assert isinstance(net, Network)  # these methods apply to networks alone
        return _searched(net, low, high, max_boxes, method)


def _searched(net: Network, low: Floats, high: Floats, max_boxes: int, method: str) -> FixedPoints:
    """The result of a search by boxes or patterns in the narrowest layer."""
    inner = InnerMap.of(net)
    flat = bounded(inner.net)
    find = search_box if method == "boxes" else search_patterns
    corners = inner.box(low, high)
    search = find(flat, *corners, max_boxes)
    at_kinks, search.undecided, dimension = resolved(inner.net, search.undecided, corners[1] - corners[0])
    for point, proven in at_kinks:
        if proven:
            zero = np.zeros(point.size)
            search.points.append(ProvenPoint(point=point, error=zero, centre=point, reach=zero))
    rest = np.array([point for point, proven in at_kinks if not proven]).reshape(-1, inner.net.widths[0])
    return _described(net, inner, search, rest, dimension, (low, high), method)


def _chosen(net: Map, method: str) -> str:
    """The method that "auto" stands for, or the one given; raises UnsupportedError if it does not apply."""
    applies = {"boxes": False, "patterns": False, "newton": True}
    if is_built_in(net):
        piecewise_linear = all(phi.code <= HARD_TANH for phi in net.activations)
        applies["boxes"] = min(net.widths) <= MOST_SPLIT
        applies["patterns"] = len(net.weights) == 1 and piecewise_linear and min(net.widths) <= MOST_PATTERNS
    if method == "auto":
        return next(name for name, does in applies.items() if does)
    if not applies[method]:
        allowed = ", ".join(name for name, does in applies.items() if does)
        raise UnsupportedError(f"method={method!r} for {net!r}: allowed are {allowed}")
    return method


def _from_starts(
    net: Map, low: Floats, high: Floats, given: Floats | None, count: int, rng: np.random.Generator
) -> FixedPoints:
    """The result of Newton's method in the narrowest layer, from given starts or from `count` random ones."""
    inner: InnerMap[Any] = (
        InnerMap.of(net) if is_built_in(net) else InnerMap(net=net, before=None, after=None)
    )
    corners = inner.box(low, high)
    starts = random_starts(*corners, count, rng) if given is None else np.tile(inner.inside(given), (2, 1))
    found = newton_points(inner.net, starts, corners[1] - corners[0])
    search = BoxSearch(points=[], undecided=[], boxes=0, left=0)
    others, dimension = [], 0
    for point in found:
        proof = proven_near(bounded(inner.net), point) if is_built_in(inner.net) else None
        if proof is not None:
            search.points.append(proof)
            continue
        along = continuum_dimension(inner.net, point, corners[1] - corners[0])
        dimension = max(dimension, along)
        if not along:
            others.append(point)
    rest = np.array(others).reshape(-1, inner.net.widths[0])
    return _described(net, inner, search, rest, dimension, (low, high), "newton")


def _described(
    net: Map,
    inner: InnerMap[Any],
    search: BoxSearch,
    unproven: Floats,
    dimension: int,
    box: Corners,
    method: str,
) -> FixedPoints:
    """The result in the coordinates of the input, from proven and other points of the narrowest layer."""
    proven, errors, ambiguous = _distinct(search.points, inner.net.widths[0])
    points = inner.outside(np.concatenate([proven, unproven]))
    bounds = np.full(points.shape, np.nan)
    bounds[: len(proven)] = inner.errors(proven, errors)
    reach = np.where(np.isnan(bounds), UNPROVEN * (1.0 + np.abs(points)), bounds)
    keep = np.flatnonzero(((points >= box[0] - reach) & (points <= box[1] + reach)).all(axis=1))
    keep = keep[np.lexsort(points[keep].T[::-1])]
    points, bounds = points[keep], bounds[keep]
    jacobians = net.jacobian(points)
    stability, index = kinds_of(net, points, bounds)
    undecided = np.array(search.undecided).reshape(-1, 2, inner.net.widths[0])
    return FixedPoints(
        points=points,
        errors=bounds,
        certified=keep < len(proven),
        jacobians=jacobians,
        eigenvalues=np.linalg.eigvals(jacobians).astype(np.complex128),
        stability=stability,
        index=index,
        complete=method != "newton" and not (search.left or len(undecided) or ambiguous or len(unproven)),
        network=net,
        box=box,
        due_index_sum=_due_index_sum(net, *box),
        undecided=undecided,
        continuum_dimension=dimension,
        boxes=search.boxes,
        boxes_left=search.left,
        method=method,
    )


def _distinct(points: list[ProvenPoint], n: int) -> tuple[Floats, Floats, bool]:
    """The points without those found twice and their errors, (Q, n) each, and whether two could not be told apart.

    Of two proven points one is the other if it lies where the other is the only one. Of two that cannot be told apart
    one is kept.
    """
    places, errors, centres, reaches = (
        np.array([getattr(point, name) for point in points]).reshape(-1, n)
        for name in ("point", "error", "centre", "reach")
    )
    kept = np.zeros(len(points), dtype=np.bool_)
    ambiguous = False
    for k in range(len(points)):
        old = np.flatnonzero(kept)
        same = (np.abs(places[k] - centres[old]) + errors[k] <= reaches[old]).all(axis=1)
        same |= (np.abs(places[old] - centres[k]) + errors[old] <= reaches[k]).all(axis=1)
        near = (np.abs(places[k] - places[old]) <= errors[k] + errors[old]).all(axis=1)
        kept[k] = not near.any() and not same.any()
        ambiguous = ambiguous or bool((near & ~same).any() and not same.any())
    return places[kept], errors[kept], ambiguous


def _due_index_sum(net: Map, low: Floats, high: Floats) -> float:
    """1 if the box is mapped into itself."""
    if is_built_in(net):
        below, above = image_box(net, low, high)
        if (below >= low).all() and (above <= high).all():
            return 1.0
    return np.nan
