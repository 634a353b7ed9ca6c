"""The journal of a run: every finished replicate is on disk before the next is handed out, and found again.

The file is a sequence of frames, appended and never rewritten:

    MARKER (8 bytes) | number (8) | size of the body (8) | CRC-32 (4) | body        integers little-endian

The head is the frame of number HEAD, whose body is the run's identity, a JSON text; any other frame is the replicate
of its number. The CRC covers number, size and body; that of a replicate begins with the identity, so that replicates
are recognised as the run's own even when the head is damaged. Behind damage the next MARKER is looked for: what is
intact is found wherever it stands.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rmtjac.storage import check_folder, write_whole

__all__ = ["Arrays", "Journal", "read_identity", "read_results"]

Arrays = Mapping[str, NDArray[Any]]
Identity = Mapping[str, Any]

MARKER = b"\x93rmtjac\n"
FIELDS = struct.Struct("<QQI")
HEAD = 2**64 - 1
SECONDS_UNSAFE = 1.0  # how much work a power cut may cost; the end of the process alone costs none


class Journal:
    """A journal opened for one run; a context manager.

    Parameters
    ----------
    path : str or path
        Begun if it does not exist, else read. A torn frame at its end is cut off; other damage is left where it is.
    identity : mapping
        What makes the run's numbers, as JSON-able values.

    Attributes
    ----------
    path : Path
    results : dict of int to dict of arrays
        The replicates that are in it, those appended included.

    Raises
    ------
    ValueError
        If the file is no journal, is that of another run, is in use, or cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], identity: Identity) -> None:
        self.path = Path(path)
        self._seed = zlib.crc32(_canonical(identity))
        self._synced = time.monotonic()
        if not self.path.exists() or self.path.stat().st_size == 0:
            check_folder(self.path, "journal")
            write_whole(self.path, lambda file: file.write(_frame(HEAD, _canonical(identity))))
        self._file = _opened(self.path)
        try:
            contents = _contents(self._file, self.path, identity)
            self.results = contents.results
            self._file.truncate(contents.end)
            if not contents.has_head:  # damaged, but what follows is this run's own
                self._write(_frame(HEAD, _canonical(identity)))
        except BaseException:
            self._file.close()
            raise

    def append(self, number: int, arrays: Arrays) -> None:
        """Write one replicate; it is the system's from here on, and survives the end of this process.

        Raises
        ------
        OSError
            If it cannot be written, as on a full disk; what was written before stays.
        """
        self._write(_frame(number, _body_of(arrays), self._seed))
        self.results[number] = dict(arrays)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _write(self, frame: bytes) -> None:
        view = memoryview(frame)
        try:
            while view:
                view = view[self._file.write(view) :]
            if time.monotonic() > self._synced + SECONDS_UNSAFE:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            raise OSError(error.errno, f"journal: {error.strerror}", str(self.path)) from error


def read_identity(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The identity in the head of a journal.

    Raises
    ------
    ValueError
        If the file cannot be read, or has no intact head.
    """
    try:
        with open(path, "rb") as file:
            for frame in _frames(file, 0):
                if frame.number == HEAD:
                    identity: dict[str, Any] = json.loads(frame.body)
                    return identity
    except OSError as error:
        raise ValueError(f"journal={str(path)!r}: cannot be read ({error.strerror})") from None
    raise ValueError(f"journal={str(path)!r}: no journal of rmtjac, or its head is damaged")


def read_results(path: str | os.PathLike[str], identity: Identity) -> dict[int, dict[str, NDArray[Any]]]:
    """The replicates in the journal of a run; the file is not touched.

    Raises
    ------
    ValueError
        If the file cannot be read, or is no journal of that run.
    """
    try:
        with open(path, "rb") as file:
            return _contents(file, Path(path), identity).results
    except OSError as error:
        raise ValueError(f"journal={str(path)!r}: cannot be read ({error.strerror})") from None


class _Contents(NamedTuple):
    """What a file holds, and where its last intact frame ends."""

    results: dict[int, dict[str, NDArray[Any]]]
    has_head: bool
    end: int


def _contents(file: Any, path: Path, identity: Identity) -> _Contents:
    text, heads, results, end = _canonical(identity), set(), {}, 0
    for frame in _frames(file, zlib.crc32(text)):
        if frame.number == HEAD:
            heads.add(frame.body)
        else:
            results[frame.number] = _arrays_of(frame.body)
        end = frame.end
    for head in heads - {text}:
        raise ValueError(f"journal={str(path)!r}: {_difference(json.loads(head), json.loads(text))}")
    if not heads and not results and os.fstat(file.fileno()).st_size:
        raise ValueError(f"journal={str(path)!r}: is no journal of this run")
    return _Contents(results, bool(heads), end)


def _opened(path: Path) -> Any:
    try:
        file = open(path, "a+b", buffering=0)  # noqa: SIM115 - the journal closes it
    except OSError as error:
        raise ValueError(f"journal={str(path)!r}: cannot be written ({error.strerror})") from None
    if not _locked(file):
        file.close()
        raise ValueError(f"journal={str(path)!r}: is in use by another process")
    return file


class _Frame(NamedTuple):
    """An intact frame, and where it ends in the file."""

    number: int
    body: bytes
    end: int


def _frame(number: int, body: bytes, seed: int = 0) -> bytes:
    return MARKER + FIELDS.pack(number, len(body), _checksum(number, body, seed)) + body


def _checksum(number: int, body: bytes, seed: int) -> int:
    return zlib.crc32(body, zlib.crc32(struct.pack("<QQ", number, len(body)), seed))


def _frames(file: Any, seed: int) -> Iterator[_Frame]:
    """The intact frames of a file, in its order: heads, and replicates of the run of that seed."""
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        return
    with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as data:
        place = data.find(MARKER)
        while place >= 0:
            frame = _frame_at(data, place, seed)
            if frame is not None:
                yield frame
            place = data.find(MARKER, place + 1 if frame is None else frame.end)


def _frame_at(data: mmap.mmap, place: int, seed: int) -> _Frame | None:
    start = place + len(MARKER) + FIELDS.size
    if start > len(data):
        return None
    number, size, checksum = FIELDS.unpack(data[place + len(MARKER) : start])
    if size > len(data) - start:
        return None
    body = data[start : start + size]
    intact = _checksum(number, body, 0 if number == HEAD else seed) == checksum
    return _Frame(number, body, start + size) if intact else None


def _body_of(arrays: Arrays) -> bytes:
    """Names, kinds and shapes as one line of JSON, then the bytes of the arrays."""
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    layout = [(name, array.dtype.str, np.shape(arrays[name])) for name, array in plain.items()]
    return b"".join([json.dumps(layout).encode(), b"\n", *(array.tobytes() for array in plain.values())])


def _arrays_of(body: bytes) -> dict[str, NDArray[Any]]:
    layout, _, content = body.partition(b"\n")
    arrays, place = {}, 0
    for name, kind, shape in json.loads(layout):
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(content, kind, count, place).reshape(shape)
        place += arrays[name].nbytes
    return arrays


def _canonical(identity: Identity) -> bytes:
    return json.dumps(identity, sort_keys=True).encode()


def _difference(theirs: Identity, mine: Identity, within: str = "") -> str:
    """Where two identities differ first, in words."""
    for name in sorted({*theirs, *mine}):
        his, own = theirs.get(name), mine.get(name)
        if isinstance(his, Mapping) and isinstance(own, Mapping) and his != own:
            return _difference(his, own, f"{within}{name} ")
        if his != own:
            return f"holds another run, of {within}{name} {his!r} and not {own!r}"
    return "holds another run"


def _locked(file: Any) -> bool:
    """Whether this process alone has the file; systems without such locks believe it."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True
