"""A sample of spectra: what is known of it, and its file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtjac.runs.provenance import provenance
from rmtjac.storage import load_arrays, save_arrays

__all__ = ["SpectrumSample", "load_sample"]

Floats = NDArray[np.float64]
KIND = "rmtjac spectrum sample"
ARRAYS = ("singular_values", "ranks", "q", "gate_fractions")


@dataclass(frozen=True, kw_only=True, eq=False)
class SpectrumSample:
    """Spectra of J J^T of independent random networks.

    Attributes
    ----------
    singular_values : ndarray, shape (replicates, n_L)
        Those of J, ascending in each row; structural zeros are exact 0.0. Values beyond the range of doubles
        are inf or 0.
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
    """

    singular_values: Floats
    ranks: NDArray[np.int64]
    q: Floats
    gate_fractions: Floats
    entropy: int
    metadata: dict[str, Any]

    def __post_init__(self) -> None:
        for name in ARRAYS:
            getattr(self, name).flags.writeable = False

    @property
    def eigenvalues(self) -> Floats:
        """Eigenvalues of J J^T, shape (replicates, n_L), ascending in each row."""
        with np.errstate(over="ignore", under="ignore"):
            return np.square(self.singular_values)

    @property
    def nonzero_eigenvalues(self) -> Floats:
        """The eigenvalues of all replicates that are not structural zeros, one sorted array."""
        n_out = self.singular_values.shape[1]
        not_structural = np.arange(n_out) >= n_out - self.ranks[:, None]
        return np.sort(self.eigenvalues[not_structural])

    @property
    def log_singular_values(self) -> Floats:
        """Logarithms of the singular values; they need relative accuracy.

        Raises
        ------
        ValueError
            Always: only absolute accuracy was computed, in which the smallest values have no correct digit.
        """
        raise ValueError(
            f"log_singular_values with accuracy={self.metadata['accuracy']!r}: small singular values are "
            "known only to eps times the largest one; logarithms need relative accuracy"
        )

    @property
    def resolution(self) -> float:
        """The eigenvalue below which, in one matrix or another, there is only rounding: (n_L eps max |J|)^2."""
        size = self.singular_values.shape[1] * np.finfo(np.float64).eps
        return float((size * self.spectral_norms.max()) ** 2)

    @property
    def spectral_norms(self) -> Floats:
        """Largest singular value of each replicate, shape (replicates,)."""
        norms: Floats = self.singular_values[:, -1]
        return norms

    @property
    def zero_mass(self) -> float:
        """Mean fraction of structural zeros among the eigenvalues of J J^T."""
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

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the sample and where it comes from to one .npz file; returns the path."""
        metadata = {"kind": KIND, "entropy": self.entropy, "sample": self.metadata}
        metadata["provenance"] = provenance()
        return save_arrays(path, {name: getattr(self, name) for name in ARRAYS}, metadata)


def load_sample(path: str | os.PathLike[str]) -> SpectrumSample:
    """The sample written by `SpectrumSample.save`.

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
        **{name: arrays[name] for name in ARRAYS}, entropy=metadata["entropy"], metadata=metadata["sample"]
    )
