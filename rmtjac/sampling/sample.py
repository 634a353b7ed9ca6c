"""A sample of spectra: what is known of it, and its file."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.errors import check_choice
from rmtjac.runs.provenance import provenance
from rmtjac.storage import load_arrays, save_arrays

__all__ = ["SpectrumSample", "load_sample"]

Floats = NDArray[np.float64]
KIND = "rmtjac spectrum sample"
ARRAYS = ("singular_values", "ranks", "q", "gate_fractions")
LOGS = "logs"
SIDES = ("output", "input")


@dataclass(frozen=True, kw_only=True, eq=False)
class SpectrumSample:
    """Spectra of J J^T, or of J^T J, of independent random networks.

    The two have the same eigenvalues but for the number of structural zeros: n is n_L for J J^T, n_0 for J^T J.

    Attributes
    ----------
    singular_values : ndarray, shape (replicates, n)
        Square roots of the eigenvalues, ascending in each row; structural zeros are exact 0.0. Values beyond
        the range of doubles are inf or 0.
    ranks : ndarray of int, shape (replicates,)
        Number of singular values that are not structural zeros.
    q : ndarray, shape (replicates, L)
        Mean squares of the pre-activations that set the gates.
    gate_fractions : ndarray, shape (replicates, L)
        Fractions of units with phi' != 0.
    entropy : int
        The seed: `rng=entropy` gives the same sample again.
    metadata : dict
        Ensemble, gates, inputs and accuracy, as JSON-able values.
    side : {"output", "input"}
        Whose spectra: "output" for J J^T, "input" for J^T J; see `of_side`.
    logs : ndarray or None
        `log_singular_values`, if they were computed.
    """

    singular_values: Floats
    ranks: NDArray[np.int64]
    q: Floats
    gate_fractions: Floats
    entropy: int
    metadata: dict[str, Any]
    side: str = "output"
    logs: Floats | None = None

    def __post_init__(self) -> None:
        check_choice("side", self.side, SIDES)
        for name in (*ARRAYS, LOGS):
            if getattr(self, name) is not None:
                getattr(self, name).flags.writeable = False

    def of_side(self, side: str) -> SpectrumSample:
        """The sample of J J^T (side="output") or of J^T J (side="input") of the same networks.

        Nothing is lost on the way: structural zeros alone are added or left out.

        Raises
        ------
        ValueError
            If `side` is neither.
        """
        check_choice("side", side, SIDES)
        if side == self.side:
            return self
        replicates, size = self.singular_values.shape
        n = self._widths[0 if side == "input" else -1]
        shared = min(n, size)  # no rank is larger
        values, logs = np.zeros((replicates, n)), None
        values[:, n - shared :] = self.singular_values[:, size - shared :]
        if self.logs is not None:
            logs = np.full((replicates, n), -np.inf)
            logs[:, n - shared :] = self.logs[:, size - shared :]
        return replace(self, singular_values=values, logs=logs, side=side)

    @property
    def _widths(self) -> list[int]:
        widths: list[int] = self.metadata["ensemble"]["widths"]
        return widths

    @property
    def eigenvalues(self) -> Floats:
        """Eigenvalues of J J^T or J^T J, shape (replicates, n), ascending in each row."""
        with np.errstate(over="ignore", under="ignore"):
            return np.square(self.singular_values)

    @property
    def nonzero_eigenvalues(self) -> Floats:
        """The eigenvalues of all replicates that are not structural zeros, one sorted array."""
        return np.sort(self.eigenvalues[~self.structural_zeros])

    @property
    def structural_zeros(self) -> NDArray[np.bool_]:
        """Which singular values are zeros by structure, shape (replicates, n): the first of each row."""
        size = self.singular_values.shape[1]
        structural: NDArray[np.bool_] = np.arange(size) < size - self.ranks[:, None]
        return structural

    @property
    def log_singular_values(self) -> Floats:
        """Logarithms of the singular values, ascending, shape (replicates, n); -inf for structural zeros.

        Here nothing is too small, while in `singular_values` what is below 1e-308 is 0.

        Raises
        ------
        ValueError
            If only absolute accuracy was computed, in which the smallest values have no correct digit.
        """
        if self.logs is None:
            raise ValueError(
                f"log_singular_values with accuracy={self.metadata['accuracy']!r}: small singular values are "
                "known only to eps times the largest one; sample with accuracy='relative'"
            )
        return self.logs

    @property
    def lyapunov_exponents(self) -> Floats:
        """log(singular value)/L, ascending, shape (replicates, n); they need relative accuracy.

        For square linear Gaussian layers their means at large L are (1/2)[log(2 sigma^2/n) + psi(k/2)],
        k = 1..n (THEORY.md section 2).

        Raises
        ------
        ValueError
            As `log_singular_values`.
        """
        return self.log_singular_values / (len(self._widths) - 1)

    @property
    def resolution(self) -> float:
        """The eigenvalue below which, in one matrix or another, there is only rounding; 0 for relative accuracy.

        (n eps max |J|)^2 for singular values of absolute accuracy, n eps max |J|^2 for eigenvalues; n is the largest
        width: products run through every layer, so both sides are known equally well.
        """
        accuracy, rounding = self.metadata["accuracy"], max(self._widths) * np.finfo(np.float64).eps
        if accuracy == "relative":
            return 0.0
        return float(
            (rounding if accuracy == "eigenvalues" else rounding**2) * self.spectral_norms.max() ** 2
        )

    @property
    def spectral_norms(self) -> Floats:
        """Largest singular value of each replicate, shape (replicates,)."""
        norms: Floats = self.singular_values[:, -1]
        return norms

    @property
    def zero_mass(self) -> float:
        """Mean fraction of structural zeros among the eigenvalues."""
        return 1.0 - float(np.sum(self.ranks)) / float(self.singular_values.size)

    def histogram(self, bins: int | ArrayLike = 100) -> tuple[Floats, Floats]:
        """Density of the eigenvalues that are not structural zeros, and the edges of its bins.

        Over edges that contain them all it integrates to 1 - zero_mass.

        Parameters
        ----------
        bins : int or array
            Number of equal bins, or their ascending edges.
        """
        counts, edges = np.histogram(self.nonzero_eigenvalues, bins=bins)
        return counts / (self.singular_values.size * np.diff(edges)), edges

    @property
    def arrays(self) -> dict[str, Any]:
        """The arrays of its file."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        return arrays if self.logs is None else arrays | {"log_singular_values": self.logs}

    @property
    def description(self) -> dict[str, Any]:
        """The metadata of its file, as JSON-able values."""
        return {"kind": KIND, "entropy": self.entropy, "side": self.side, "sample": self.metadata}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the sample and where it comes from to one .npz file; returns the path."""
        return save_arrays(path, self.arrays, self.description | {"provenance": provenance()})


def load_sample(path: str | os.PathLike[str]) -> SpectrumSample:
    """The sample written by `SpectrumSample.save`, `rmtjac sample` or `rmtjac compare`.

    Raises
    ------
    ValueError
        If the file does not exist or does not hold a sample.
    """
    arrays, metadata = load_arrays(path)
    missing = [name for name in ARRAYS if name not in arrays]
    if metadata.get("kind") != KIND or missing:
        raise ValueError(f"path={str(path)!r}: holds no spectrum sample (kind {metadata.get('kind')!r})")
    return SpectrumSample(
        **{name: arrays[name] for name in ARRAYS},
        entropy=metadata["entropy"],
        metadata=metadata["sample"],
        side=metadata.get("side", "output"),  # files of version 0.1 do not tell
        logs=arrays.get("log_singular_values"),
    )
