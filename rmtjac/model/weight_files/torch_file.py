"""PyTorch's state dicts: a zip archive of raw tensors and one pickle, which torch.load(weights_only=True) reads.

The pickle's instructions are looked at first, and none is carried out: so a hostile file is refused before PyTorch,
which takes seconds to import, sees it, and whether or not it is installed.
"""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from rmtjac.model.weight_files.tensors import Refusal, Tensor, WeightFile

__all__ = ["open_torch", "pickle_of"]

OLDEST = (2, 10)
LARGEST_PICKLE = 4 * 2**20
MOST_INSTRUCTIONS = 200_000  # some 40 a tensor
MEMO = {"BINPUT", "LONG_BINPUT", "PUT"}
GLOBALS = {
    "collections OrderedDict",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_tensor_v2",
    "torch Size",
    "torch.storage UntypedStorage",
}
STORAGES = ("torch ", "Storage")  # torch FloatStorage and so on: types of data, made by persistent ids


def pickle_of(members: Mapping[str, zipfile.ZipInfo]) -> zipfile.ZipInfo | None:
    """The member that makes an archive one of PyTorch: NAME/data.pkl."""
    return next(
        (m for name, m in members.items() if name.count("/") == 1 and name.endswith("/data.pkl")), None
    )


def open_torch(path: Path, pickle: zipfile.ZipInfo) -> WeightFile:
    """The tensors of a file of torch.save(net.state_dict(), path), also inside dicts.

    Raises
    ------
    Refusal
        If its pickle does more than make tensors, PyTorch refuses it, or PyTorch is missing or too old.
    """
    _check_pickle(path, pickle)
    torch = _torch()
    try:
        # mapped: nothing is read before it is asked for
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # it has no error of its own
        reason = str(error).partition("\n")[0]
        raise Refusal(f"no file of tensors to PyTorch ({reason})") from None
    parts = {name: part for name, part in _named("", found) if isinstance(part, torch.Tensor)}
    tensors = {
        name: Tensor(name=name, shape=tuple(part.shape), dtype=str(part.dtype).removeprefix("torch."))
        for name, part in parts.items()
    }

    def read(name: str) -> Any:
        try:
            return parts[name].detach().to(torch.float64).numpy()
        except (RuntimeError, TypeError) as error:  # sparse, or of no device
            raise Refusal(f"{name!r} cannot be read ({str(error).partition(chr(10))[0]})") from None

    return WeightFile(format="PyTorch", tensors=tensors, read=read)


def _check_pickle(path: Path, pickle: zipfile.ZipInfo) -> None:
    """Refuse instructions that name anything but tensors, or that take memory out of proportion."""
    if pickle.file_size > LARGEST_PICKLE:
        raise Refusal(f"a pickle of {pickle.file_size:,} bytes; allowed are {LARGEST_PICKLE:,}")
    try:
        with zipfile.ZipFile(path) as archive:
            content = archive.read(pickle)
        for count, (instruction, given, _) in enumerate(pickletools.genops(content)):
            name, argument = instruction.name, cast(Any, given)
            if count > MOST_INSTRUCTIONS or (name in MEMO and argument > MOST_INSTRUCTIONS):
                raise Refusal(f"a pickle of more than {MOST_INSTRUCTIONS:,} instructions")
            if name in ("STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEWOBJ", "NEWOBJ_EX"):
                raise Refusal(
                    f"its pickle has the instruction {name}, which makes more than tensors; {ADVICE}"
                )
            if name == "GLOBAL" and not _is_harmless(argument):
                raise Refusal(f"its pickle names {argument.replace(' ', '.')!r}, and could run it; {ADVICE}")
    except Refusal:
        raise
    except Exception as error:  # genops fails in many ways on what is no pickle
        raise Refusal(f"a damaged pickle ({' '.join(str(error).split())[:200]})") from None


ADVICE = "allowed are files of torch.save(net.state_dict(), path)"


def _is_harmless(named: str) -> bool:
    return named in GLOBALS or (named.startswith(STORAGES[0]) and named.endswith(STORAGES[1]))


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise Refusal("a file of PyTorch needs the package torch: pip install 'rmtjac[nets]'") from None
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    if version < OLDEST:
        raise Refusal(
            f"PyTorch {torch.__version__} is installed; 2.10 is the oldest that reads untrusted files"
        )
    return torch


def _named(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The leaves of nested dicts, with their keys joined by dots."""
    if not isinstance(value, Mapping):
        yield name, value
        return
    for key, entry in value.items():
        yield from _named(f"{name}.{key}" if name else str(key), entry)
