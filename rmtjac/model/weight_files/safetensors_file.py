"""safetensors, read by the package of that name, which checks offsets and shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from rmtjac.model.weight_files.tensors import Refusal, Tensor, WeightFile

__all__ = ["LONGEST_HEADER", "open_safetensors"]

LONGEST_HEADER = 3 * 2**20  # the format allows 100 MB; a network of 10,000 layers takes 2
NAMES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}


def open_safetensors(path: Path) -> WeightFile:
    """The tensors of a safetensors file; its header is known to start with a brace.

    Raises
    ------
    Refusal
        If the header is too long, or the package refuses it.
    """
    with open(path, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > LONGEST_HEADER:
            raise Refusal(f"a safetensors header of {length:,} bytes; allowed are {LONGEST_HEADER:,}")
        header = stream.read(length)
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise Refusal(
            "a safetensors file needs the package safetensors: pip install 'rmtjac[nets]'"
        ) from None
    try:
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            tensors = [
                Tensor(name=name, shape=tuple(part.get_shape()), dtype=_name(part.get_dtype()))
                for name, part in slices.items()
            ]
    except (SafetensorError, OSError) as error:
        raise Refusal(f"no safetensors file ({error})") from None
    by_name = {tensor.name: tensor for tensor in tensors}

    def read(name: str) -> Any:
        if by_name[name].dtype == "bfloat16":  # which NumPy does not have
            return _bfloat16(path, by_name[name], 8 + length + json.loads(header)[name]["data_offsets"][0])
        with safe_open(path, framework="numpy") as file:
            return file.get_tensor(name)

    return WeightFile(format="safetensors", tensors=by_name, read=read)


def _name(dtype: Any) -> str:
    return NAMES.get(str(dtype), str(dtype))


def _bfloat16(path: Path, tensor: Tensor, start: int) -> Any:
    """The upper halves of float32."""
    halves = np.fromfile(path, dtype="<u2", count=tensor.size, offset=start)
    return (halves.astype(np.uint32) << 16).view(np.float32).reshape(tensor.shape)
