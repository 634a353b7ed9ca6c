"""Keras' .h5: datasets of HDF5, and nothing else of what a file may say about a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rmtjac.model.weight_files.tensors import Refusal, Tensor, WeightFile, check_packing

__all__ = ["open_keras"]

MOST_DATASETS = 2_000
FILTERS = {1, 2, 3, 32000}  # deflate, shuffle, checksum, lzf: those of h5py, and no plugin


def open_keras(path: Path) -> WeightFile:
    """The datasets of an HDF5 file, those of the optimizer left out.

    Raises
    ------
    Refusal
        If it is damaged, or a dataset lies in other files, is packed as no weights are, or has no plain shape.
    """
    try:
        import h5py
    except ImportError:
        raise Refusal("an HDF5 file needs the package h5py: pip install 'rmtjac[nets]'") from None
    found: dict[str, Tensor] = {}

    def visit(name: str, item: Any) -> bool | None:
        if isinstance(item, h5py.Dataset) and "optimizer" not in name.split("/")[0]:
            found[name] = _tensor(name, item)
        return len(found) > MOST_DATASETS or None

    def read(name: str) -> Any:
        try:
            with h5py.File(path, "r") as file:
                return file[name][()]
        except (OSError, KeyError, ValueError) as error:
            raise Refusal(f"{name!r} cannot be read ({error})") from None

    try:
        with h5py.File(path, "r") as file:
            # links that lead out of the file, or to a second name, are not followed
            stopped = file.visititems(visit)
    except Refusal:
        raise
    except Exception as error:  # as many as HDF5 has parts
        raise Refusal(f"a damaged HDF5 file ({' '.join(str(error).split())[:200]})") from None
    if stopped:
        raise Refusal(f"more than {MOST_DATASETS:,} datasets")
    return WeightFile(format="Keras", tensors=found, read=read)


def _tensor(name: str, dataset: Any) -> Tensor:
    if dataset.shape is None:
        raise Refusal(f"dataset {name!r} is empty")
    if dataset.is_virtual or dataset.external:
        raise Refusal(f"dataset {name!r} lies in other files")
    created = dataset.id.get_create_plist()
    filters = {created.get_filter(k)[0] for k in range(created.get_nfilters())}
    if not filters <= FILTERS:
        raise Refusal(
            f"dataset {name!r} is packed by filters {sorted(filters - FILTERS)}, which need plugins"
        )
    tensor = Tensor(name=name, shape=tuple(map(int, dataset.shape)), dtype=dataset.dtype.name)
    check_packing(name, tensor.size * dataset.dtype.itemsize, dataset.id.get_storage_size())
    return tensor
