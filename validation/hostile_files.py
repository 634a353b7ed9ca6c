"""Files that are no weights, or not what they say: written small by the tests, and large by the target `hostile`.

None of them needs PyTorch to be written; those for safetensors and h5py need these packages only where a sound file of
their own is spoilt.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ALARM = "ran.txt"  # what a pickle would write beside its file if it were run
SIZES = {False: 2**23, True: 2**30}  # bytes that the bombs unpack to: in the tests, and in the target


class Hostile(NamedTuple):
    """How a file is written, given its path and whether it shall be large, and what its refusal must mention."""

    write: Callable[[Path, bool], object]
    says: str


class _Alarm:
    """An object whose pickle writes a file when it is run."""

    def __init__(self, path: Path) -> None:
        self.path = str(path.parent / ALARM)

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.path, "w")


def _npz(path: Path, member: bytes, method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("W1.npy", member)


def _npy(header: str, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def _objects(path: Path, _: bool) -> None:
    array = np.array([[_Alarm(path)]], dtype=object)
    with open(path, "wb") as stream:
        np.savez(stream, W1=array)


def _negative_shape(path: Path, _: bool) -> None:
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (-4, -4), }\n"
    _npz(path, _npy(header, bytes(128)))


def _huge_shape(path: Path, _: bool) -> None:
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000), }\n"
    _npz(path, _npy(header, bytes(128)))


def _code_in_header(path: Path, _: bool) -> None:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': open({str(path.parent / ALARM)!r}, 'w')}}\n"
    _npz(path, _npy(header, bytes(128)))


def _nested_header(path: Path, _: bool) -> None:
    _npz(path, _npy("(" * 9000))


def _zip_bomb(path: Path, large: bool) -> None:
    side = int((SIZES[large] / 8) ** 0.5)
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({side}, {side}), }}\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("W1.npy", "w") as stream:
        stream.write(_npy(header))
        _write_zeros(stream, 8 * side * side)


def _write_zeros(stream: Any, count: int) -> None:
    block = bytes(2**20)
    for start in range(0, count, len(block)):
        stream.write(block[: count - start])


def _overlap(path: Path, _: bool) -> None:
    """Ten members that are the same bytes of the archive."""
    member = io.BytesIO()
    np.save(member, np.eye(40))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("W1.npy", member.getvalue())
        first = archive.infolist()[0]
        for k in range(2, 12):
            other = zipfile.ZipInfo(f"W{k}.npy")
            for name in ("header_offset", "CRC", "compress_size", "file_size"):
                setattr(other, name, getattr(first, name))
            archive.filelist.append(other)
            archive.NameToInfo[other.filename] = other


def _many_members(path: Path, large: bool) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(300_000 if large else 30_000):
            archive.writestr(f"W{k:025d}.npy", b"")


def _crowd(path: Path, large: bool) -> None:
    """As many arrays as are let in."""
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(4_900 if large else 100):
            archive.writestr(f"{k}.npy", _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (0,), }\n"))


def _same_name(path: Path, _: bool) -> None:
    import warnings

    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        for _ in range(2):
            archive.writestr("W1.npy", _npy("{'descr': '<f8', 'fortran_order': False, 'shape': (0,), }\n"))


def _arrays(path: Path, **arrays: Any) -> None:
    with open(path, "wb") as stream:
        np.savez(stream, **arrays)


def _truncated(path: Path, _: bool) -> None:
    _arrays(path, W1=np.eye(50), W2=np.eye(50))
    _cut(path)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def _spoilt(path: Path, _: bool) -> None:
    """One bit of the numbers differs from what the archive's checksum says."""
    _arrays(path, W1=np.eye(50))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _not_a_number(path: Path, _: bool) -> None:
    _arrays(path, W1=np.full((3, 3), np.nan))


def _integers(path: Path, _: bool) -> None:
    _arrays(path, W1=np.arange(9).reshape(3, 3))


def _strange_chain(path: Path, _: bool) -> None:
    _arrays(path, W1=np.ones((3, 4)), W2=np.ones((5, 6)))


def _safetensors(path: Path, header: bytes, data: bytes = b"", length: int | None = None) -> None:
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + data)


def _entry(shape: list[int], start: int, stop: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


def _huge_header(path: Path, _: bool) -> None:
    _safetensors(path, b'{"W1":', length=2**62)


def _long_header(path: Path, large: bool) -> None:
    """A header that is there to its whole length: a hundred megabytes are what the format allows."""
    length = 10**8 if large else 11 * 2**20
    _safetensors(path, b"{" + b" " * (length - 2) + b"}")


def _nested_json(path: Path, _: bool) -> None:
    _safetensors(path, b'{"W1":' + b"[" * 10**6)


def _safetensors_crowd(path: Path, large: bool) -> None:
    header = {f"{k}": _entry([0], 0, 0) for k in range(42_000 if large else 100)}
    _safetensors(path, json.dumps(header).encode())


def _overlapping_tensors(path: Path, _: bool) -> None:
    header = {"W1": _entry([2, 2], 0, 16), "W2": _entry([2, 2], 8, 24)}
    _safetensors(path, json.dumps(header).encode(), bytes(24))


def _negative_length(path: Path, _: bool) -> None:
    _safetensors(path, json.dumps({"W1": _entry([-2, -2], 0, 16)}).encode(), bytes(16))


def _short_data(path: Path, _: bool) -> None:
    _safetensors(path, json.dumps({"W1": _entry([1000, 1000], 0, 4_000_000)}).encode(), bytes(16))


def _safetensors_integers(path: Path, _: bool) -> None:
    _safetensors(path, json.dumps({"W1": _entry([2, 2], 0, 32, "I64")}).encode(), bytes(32))


def _torch(path: Path, content: bytes, data: bytes = bytes(16), method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, value in (("data.pkl", content), ("byteorder", b"little"), ("version", b"3\n")):
            archive.writestr(f"net/{name}", value)
        with archive.open("net/data/0", "w") as stream:
            stream.write(data)


def _torch_runs(path: Path, _: bool) -> None:
    _torch(path, pickle.dumps({"W1": _Alarm(path)}, protocol=2))


def _torch_memo(path: Path, _: bool) -> None:
    """An instruction that makes an unpickler's table 2^31 entries long."""
    _torch(path, b"\x80\x02}r\xff\xff\xff\x7f.")


def _torch_instructions(path: Path, large: bool) -> None:
    _torch(path, b"\x80\x02" + b"}0" * (2**20 if large else 2**18) + b"}.")


def _torch_long(path: Path, large: bool) -> None:
    """A pickle that is long, and well packed."""
    _torch(path, b"\x80\x02}" + b"N0" * (SIZES[large] // 2) + b".", method=zipfile.ZIP_DEFLATED)


def _torch_beyond(path: Path, _: bool) -> None:
    """A matrix of 10^10 numbers on a storage of four."""
    storage = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"
    shape = b"J\xa0\x86\x01\x00J\xa0\x86\x01\x00\x86"
    strides = b"J\xa0\x86\x01\x00K\x01\x86"
    call = (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + b"K\x00"
        + shape
        + strides
        + b"\x89ccollections\nOrderedDict\n)RtR"
    )
    _torch(path, b"\x80\x02}X\x02\x00\x00\x00W1" + call + b"s.")


def _bare_pickle(path: Path, _: bool) -> None:
    path.write_bytes(pickle.dumps({"W1": _Alarm(path)}))


def _hdf5(path: Path, make: Callable[[Any], object]) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        make(file)


def _hdf5_unwritten(path: Path, _: bool) -> None:
    _hdf5(path, lambda f: f.create_dataset("dense/kernel", (10**7, 10**7), "f4", chunks=(1000, 1000)))


def _hdf5_bomb(path: Path, large: bool) -> None:
    side = int((SIZES[large] / 8) ** 0.5)

    def make(file: Any) -> None:
        kernel = file.create_dataset("dense/kernel", (side, side), "f8", chunks=(1, side), compression="gzip")
        for k in range(0, side, 512):
            kernel[k : k + 512] = 0.0

    _hdf5(path, make)


def _hdf5_crowd(path: Path, large: bool) -> None:
    def make(file: Any) -> None:
        for k in range(1_950 if large else 100):
            file[f"{k}"] = 0.0

    _hdf5(path, make)


def _hdf5_external(path: Path, _: bool) -> None:
    outside = [("/etc/passwd", 0, 32)]
    _hdf5(path, lambda f: f.create_dataset("dense/kernel", (2, 2), "f8", external=outside))


def _hdf5_link(path: Path, _: bool) -> None:
    import h5py

    other = path.with_suffix(".other")
    _hdf5(other, lambda f: f.create_dataset("kernel", data=np.eye(3)))

    def make(file: Any) -> None:
        file["dense/kernel"] = h5py.ExternalLink(other.name, "kernel")

    _hdf5(path, make)


def _hdf5_truncated(path: Path, _: bool) -> None:
    _hdf5(path, lambda f: f.create_dataset("dense/kernel", data=np.eye(50)))
    _cut(path)


FILES = {
    "pickle in an array": Hostile(_objects, "pickle"),
    "negative shape": Hostile(_negative_shape, "negative"),
    "huge shape": Hostile(_huge_shape, "would take"),
    "code in a header": Hostile(_code_in_header, "no array"),
    "nested header": Hostile(_nested_header, "no array"),
    "zip bomb": Hostile(_zip_bomb, "grow"),
    "overlapping members": Hostile(_overlap, "overlap"),
    "many members": Hostile(_many_members, "directory"),
    "a crowd": Hostile(_crowd, "neither a weight"),
    "one name twice": Hostile(_same_name, "one name"),
    "truncated": Hostile(_truncated, "damaged"),
    "a bit that flipped": Hostile(_spoilt, "damaged"),
    "not a number": Hostile(_not_a_number, "finite"),
    "integers": Hostile(_integers, "int64"),
    "shapes that do not chain": Hostile(_strange_chain, "inputs"),
    "huge header (safetensors)": Hostile(_huge_header, "header"),
    "long header (safetensors)": Hostile(_long_header, "header"),
    "nested JSON (safetensors)": Hostile(_nested_json, "safetensors"),
    "a crowd (safetensors)": Hostile(_safetensors_crowd, "neither a weight"),
    "overlapping tensors (safetensors)": Hostile(_overlapping_tensors, "offset"),
    "negative shape (safetensors)": Hostile(_negative_length, "-2"),
    "short data (safetensors)": Hostile(_short_data, "incomplete"),
    "integers (safetensors)": Hostile(_safetensors_integers, "I64"),
    "pickle that runs (PyTorch)": Hostile(_torch_runs, "could run it"),
    "memo bomb (PyTorch)": Hostile(_torch_memo, "instructions"),
    "endless pickle (PyTorch)": Hostile(_torch_instructions, "instructions"),
    "packed pickle (PyTorch)": Hostile(_torch_long, "grow"),
    "tensor beyond its storage (PyTorch)": Hostile(_torch_beyond, "[tT]orch"),
    "bare pickle": Hostile(_bare_pickle, "bare pickle"),
    "unwritten dataset (HDF5)": Hostile(_hdf5_unwritten, "grow"),
    "packed dataset (HDF5)": Hostile(_hdf5_bomb, "grow"),
    "a crowd (HDF5)": Hostile(_hdf5_crowd, "neither a weight"),
    "external dataset (HDF5)": Hostile(_hdf5_external, "other files"),
    "external link (HDF5)": Hostile(_hdf5_link, "there are none"),
    "truncated (HDF5)": Hostile(_hdf5_truncated, "HDF5"),
    "empty": Hostile(lambda path, _: path.write_bytes(b""), "empty"),
}
