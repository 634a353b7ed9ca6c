"""Which program wrote a file of weights, by what is in it: names of files say nothing for sure."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from rmtjac.model.weight_files.archives import members_of
from rmtjac.model.weight_files.keras_file import open_keras
from rmtjac.model.weight_files.npz_file import open_npz
from rmtjac.model.weight_files.safetensors_file import open_safetensors
from rmtjac.model.weight_files.tensors import Refusal, WeightFile
from rmtjac.model.weight_files.torch_file import open_torch, pickle_of

__all__ = ["open_weights"]

ZIP, HDF5, NPY, PICKLE = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"\x93NUMPY", b"\x80"
ALLOWED = "allowed are .npz, safetensors, state dicts of PyTorch, and .h5 of Keras"


def open_weights(path: Path) -> WeightFile:
    """The tensors of a file, none of them read yet.

    Raises
    ------
    Refusal
        If there is no such file, or it is of no known format, damaged or hostile.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise Refusal(f"no plain file: {ALLOWED}")
        with open(path, "rb") as stream:
            head = stream.read(9)
    except FileNotFoundError:
        raise Refusal("no such file") from None
    except (OSError, ValueError) as error:
        raise Refusal(f"cannot be opened ({error})") from None
    if head.startswith(ZIP):
        return _of_archive(path)
    if head.startswith(HDF5):
        return open_keras(path)
    if head[8:] == b"{":
        return open_safetensors(path)
    raise Refusal(f"{_guess(head)}: {ALLOWED}")


def _of_archive(path: Path) -> WeightFile:
    members = members_of(path)
    pickle = pickle_of(members)
    if pickle is not None:
        return open_torch(path, pickle)
    if members and all(name.endswith(".npy") for name in members):
        return open_npz(path, members)
    if "model.weights.h5" in members:
        raise Refusal("a .keras archive: allowed is its member model.weights.h5, or net.save_weights(...)")
    raise Refusal(f"a zip archive that neither NumPy nor PyTorch wrote: {ALLOWED}")


def _guess(head: bytes) -> str:
    if head.startswith(NPY):
        return "one array (.npy), not a network of weights and biases"
    if head.startswith(PICKLE):
        return "a bare pickle, which could run anything"
    return "an empty file" if not head else f"a file of no known format (it begins with {head!r})"
