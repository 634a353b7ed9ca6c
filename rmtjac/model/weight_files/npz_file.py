"""NumPy's .npz: a zip archive of arrays."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from rmtjac.model.weight_files.tensors import Refusal, Tensor, WeightFile

__all__ = ["open_npz"]

LONGEST_HEADER = 2**14
SUFFIX = ".npy"


def open_npz(path: Path, members: dict[str, zipfile.ZipInfo]) -> WeightFile:
    """The arrays of an .npz file.

    Raises
    ------
    Refusal
        If a member is no array, or holds another number of bytes than its header says.
    """
    with zipfile.ZipFile(path) as archive:
        tensors = [_tensor(archive, member) for member in members.values()]

    def read(name: str) -> Any:
        try:
            with zipfile.ZipFile(path) as archive, archive.open(name + SUFFIX) as stream:
                return np.lib.format.read_array(stream, allow_pickle=False)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise Refusal(f"{name!r} is damaged ({error})") from None

    return WeightFile(format="NumPy", tensors={tensor.name: tensor for tensor in tensors}, read=read)


def _tensor(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Tensor:
    """What the header of one member says."""
    name = member.filename.removesuffix(SUFFIX)
    try:
        with archive.open(member) as stream:
            head = io.BytesIO(stream.read(LONGEST_HEADER))
        version = np.lib.format.read_magic(head)
        reader = np.lib.format.read_array_header_1_0 if version[0] == 1 else _read_later_header
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            shape, _, dtype = reader(head)
    except Exception as error:  # literals of a hostile header fail in many ways
        reason = " ".join(str(error).split())[:200]
        raise Refusal(f"member {member.filename!r} is no array of NumPy ({reason})") from None
    tensor = Tensor(name=name, shape=tuple(map(int, shape)), dtype=_name(dtype))
    if any(n < 0 for n in tensor.shape):
        raise Refusal(f"{tensor} has a negative length")
    if not dtype.hasobject and head.tell() + tensor.size * dtype.itemsize != member.file_size:
        raise Refusal(f"{tensor} would take {tensor.size * dtype.itemsize:,} bytes, and has another number")
    return tensor


def _read_later_header(head: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    # versions 2 and 3 differ in the encoding of the names of fields, which weights have none of
    return np.lib.format.read_array_header_2_0(head)


def _name(dtype: np.dtype[Any]) -> str:
    if dtype.hasobject:
        return "object (a pickle, which could run anything)"
    return dtype.name if dtype.names is None else "structured"
