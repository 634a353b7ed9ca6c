"""The inputs at which a network is inspected: from a file of arrays, or Gaussian ones."""

from __future__ import annotations

from typing import Any

__all__ = ["INPUTS", "inputs_of"]

INPUTS, SEED = 10, 0  # of Gaussian inputs where none are given


def inputs_of(path: str | None, n: int) -> Any:
    """The inputs of the file as (k, n), or Gaussian ones."""
    import numpy as np

    if path is None:
        return np.random.default_rng(SEED).standard_normal((INPUTS, n))
    rows = [_rows(array, n, path) for array in _arrays(path)]
    return np.concatenate(rows)


def _arrays(path: str) -> list[Any]:
    import zipfile
    from pathlib import Path

    import numpy as np

    from rmtjac.model.load_network import MAX_BYTES
    from rmtjac.model.weight_files.opening import open_weights

    try:
        if not zipfile.is_zipfile(path):
            # mapped: a header that says too much is refused
            return [np.load(path, mmap_mode="r", allow_pickle=False)]
        file = open_weights(Path(path))
        size = sum(8 * tensor.size for tensor in file.tensors.values())
        if size > MAX_BYTES or not file.tensors:
            raise ValueError(f"its arrays take {size:,} bytes: allowed are 1 to {MAX_BYTES:,}")
        return [file.read(name) for name in file.tensors]
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"--inputs {path}: cannot be read as arrays of NumPy ({error})") from None


def _rows(array: Any, n: int, path: str) -> Any:
    if array.dtype.kind not in "fiu" or array.ndim == 0 or not array.size:
        raise ValueError(
            f"--inputs {path}: {array.dtype} of shape {array.shape}: allowed are numbers (k, {n})"
        )
    if array.shape == (n,):
        return array[None].astype(float)
    if array.size != len(array) * n:
        raise ValueError(f"--inputs {path}: an array of shape {array.shape}: allowed is (k, {n}), or ({n},)")
    return array.reshape(len(array), n).astype(float)
