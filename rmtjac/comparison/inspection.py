"""One network of one's own beside the random one: weights, Jacobians at inputs, attractors and fixed points."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rmtjac.comparison.weight_spectrum import WeightSpectrum, weight_spectrum
from rmtjac.errors import ConvergenceError
from rmtjac.linkage.basins import Basins, basins
from rmtjac.linkage.fixed_points import FixedPoints, find_fixed_points
from rmtjac.linkage.starts import checked_starts
from rmtjac.model.ensemble import Ensemble
from rmtjac.model.network import Network
from rmtjac.theory.network_law import spectral_law
from rmtjac.theory.spectral_law import SpectralLaw

__all__ = ["Inspection", "inspect_network", "matching_ensemble"]

Floats = npt.NDArray[np.float64]

ROUNDING = 1e-24  # of the largest eigenvalue: those of a closed gate
FEW_UNITS = 4  # of the narrowest layer, up to which all fixed points of a box are found
MAX_BOXES = 20_000
MANY_UNITS = 200  # of the narrowest layer, from which the inputs are no starts of Newton's method any more
MOST_STARTS = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Inspection:
    """What a network does at inputs, and what a random one of its widths and scales would.

    Attributes
    ----------
    network : Network
    layers : tuple of WeightSpectrum or None
        None for weights that are all 0.
    inputs : ndarray (k, n_0)
    singular_values : ndarray (k, min(n_0, n_L))
        Of the Jacobians at the inputs, descending.
    ensemble : Ensemble or None
        Gaussian weights and biases of the same widths, activations and mean squares; inputs of the same mean square.
    law : SpectralLaw or None
        Of its J J^T at infinite width.
    note : str
        What limits that law, or why there is none; "" for nothing.
    basins : Basins or None
        Which attractor each input reaches; None unless n_0 = n_L.
    fixed_points : FixedPoints or None
        Near the inputs and attractors; None unless n_0 = n_L.
    """

    network: Network
    layers: tuple[WeightSpectrum | None, ...]
    inputs: Floats = field(repr=False)
    singular_values: Floats = field(repr=False)
    ensemble: Ensemble | None
    law: SpectralLaw | None
    note: str
    basins: Basins | None
    fixed_points: FixedPoints | None

    def __post_init__(self) -> None:
        for array in (self.inputs, self.singular_values):
            array.flags.writeable = False

    @property
    def norms(self) -> Floats:
        """||J||_2 at each input, shape (k,)."""
        return self.singular_values[:, 0]

    @property
    def eigenvalues(self) -> Floats:
        """Of J J^T at each input, those that are 0 by the shape of J included, shape (k, n_L)."""
        zeros = self.network.widths[-1] - self.singular_values.shape[1]
        return np.pad(self.singular_values**2, ((0, 0), (0, zeros)))

    @property
    def ks(self) -> float:
        """Kolmogorov distance between the law and the eigenvalues of J J^T of all inputs; nan without a law."""
        if self.law is None:
            return math.nan
        values = np.sort(self.eigenvalues.ravel())
        values[values <= ROUNDING * values[-1]] = 0.0
        law, steps = self.law.cdf(values), np.arange(values.size + 1) / values.size
        # the law's atom at 0 is met from above only
        below = np.where(values > 0.0, law - steps[:-1], 0.0)
        last = np.append(values[1:] > values[:-1], True)
        return float(max(np.abs(steps[1:] - law)[last].max(), below.max()))

    def plot(self, ax: Any = None) -> list[Any]:
        """Weights of the first layers, Jacobians and norms beside their laws; ax is an array of axes, one a picture."""
        from rmtjac.inspection_plots import plot_inspection

        return plot_inspection(self, ax)

    @property
    def predicted_norm(self) -> float:
        """The largest singular value of the law; nan without one."""
        if self.law is None:
            return math.nan
        view = self.law.of("log_eigenvalues")
        return math.exp(0.5 * max([-math.inf, *view.edges[-1:], *view.atoms[-1:, 0]]))


def inspect_network(net: Network, inputs: npt.ArrayLike) -> Inspection:
    """Weights against Marchenko-Pastur, Jacobians at the inputs against the matching random network, and their fates.

    Parameters
    ----------
    net : Network
    inputs : array (k, n_0)
        The attractors that they reach and fixed points next to these are looked for if the network has as many outputs
        as inputs: all fixed points of a box about them where a layer has at most 4 units, else those that Newton's
        method finds from inputs and attractors.

    Raises
    ------
    TypeError, ValueError
        If `net` is no Network, or inputs are not (k, n_0), or the Jacobian at one of them leaves the range of doubles.
    """
    if not isinstance(net, Network):
        raise TypeError(f"net={net!r}: allowed is a Network")
    points = np.atleast_2d(checked_starts(np.atleast_2d(np.asarray(inputs)), net.widths[0]))
    points = points.reshape(-1, net.widths[0])
    values = np.stack([_singular_values(net, k, x) for k, x in enumerate(points)])
    ensemble, law, note = _random_twin(net, points)
    found = basins(net, starts=points) if net.widths[0] == net.widths[-1] else None
    return Inspection(
        network=net,
        layers=tuple(weight_spectrum(w) if w.any() else None for w in net.weights),
        inputs=points,
        singular_values=values,
        ensemble=ensemble,
        law=law,
        note=note,
        basins=found,
        fixed_points=None if found is None else _fixed_points(net, points, found),
    )


def matching_ensemble(net: Network, inputs: Floats) -> Ensemble:
    """Gaussian networks of the widths, activations and mean squares of weights, biases and inputs of this one.

    Raises
    ------
    ValueError
        If a layer's weights, or the inputs, are all 0.
    """
    return Ensemble(
        widths=net.widths,
        activation=net.activations,
        sigma_w=[float(np.sqrt(w.shape[1] * np.mean(w**2))) for w in net.weights],
        sigma_b=[float(np.sqrt(np.mean(b**2))) for b in net.biases],
        q0=float(np.mean(inputs**2)),
    )


def _singular_values(net: Network, number: int, x: Floats) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        jacobian = net.jacobian(x)
    if not np.isfinite(jacobian).all():
        raise ValueError(f"inputs[{number}]: the Jacobian there leaves the range of doubles")
    return np.asarray(np.linalg.svd(jacobian, compute_uv=False))


def _random_twin(net: Network, points: Floats) -> tuple[Ensemble | None, SpectralLaw | None, str]:
    """The ensemble, its law, and what limits it."""
    ensemble = None
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            ensemble = matching_ensemble(net, points)
            law = spectral_law(ensemble)
        return ensemble, law, "; ".join(str(warning.message) for warning in caught)
    except (ValueError, ConvergenceError) as error:
        return ensemble, None, f"no law of the random network: {error}"


def _fixed_points(net: Network, points: Floats, found: Basins) -> FixedPoints:
    """Those of a box that holds inputs and attractors with a margin of its size."""
    attractors = np.concatenate([points[:0], *(attractor.points for attractor in found.attractors)])
    cloud = np.concatenate([points, attractors])
    margin = float(np.ptp(cloud, axis=0).max()) or 1.0
    lower, upper = cloud.min(axis=0) - margin, cloud.max(axis=0) + margin
    if min(net.widths) <= FEW_UNITS:
        return find_fixed_points(net, lower, upper, max_boxes=MAX_BOXES)
    inputs = points[:MOST_STARTS] if min(net.widths) <= MANY_UNITS or not len(attractors) else points[:0]
    return find_fixed_points(net, lower, upper, "newton", starts=np.concatenate([attractors, inputs]))
