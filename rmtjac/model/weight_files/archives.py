"""Zip archives, as NumPy and PyTorch write them: checked before a member is opened."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from rmtjac.model.weight_files.tensors import Refusal, check_packing

__all__ = ["members_of"]

LARGEST_DIRECTORY = 2**20  # bytes
MOST_MEMBERS = 5_000
END = b"PK\x05\x06"  # of the record that ends an archive, 22 bytes and a comment
END_64 = b"PK\x06\x06"
LONGEST_TAIL = 22 + 2**16 + 76


def members_of(path: Path) -> dict[str, zipfile.ZipInfo]:
    """The members of an archive by name, in its order.

    Raises
    ------
    Refusal
        If it is damaged, has too many members or a name twice, or one is encrypted, packed as no weights are, or
        shares its bytes with another.
    """
    directory = _directory_size(path)
    if directory > LARGEST_DIRECTORY:
        raise Refusal(f"a directory of {directory:,} bytes; allowed are {LARGEST_DIRECTORY:,}")
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.infolist()
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:
        raise Refusal(f"a damaged zip archive ({error})") from None
    if len(found) > MOST_MEMBERS:
        raise Refusal(f"a zip archive of {len(found):,} members; allowed are {MOST_MEMBERS:,}")
    if sum(member.compress_size for member in found) > os.path.getsize(path):
        raise Refusal("a zip archive whose members overlap")
    for member in found:
        if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refusal(f"{member.filename!r} is encrypted, or packed by another method than deflate")
        check_packing(member.filename, member.file_size, member.compress_size)
    members = {member.filename: member for member in found}
    if len(members) < len(found):
        raise Refusal("a zip archive with two members of one name")
    return members


def _directory_size(path: Path) -> int:
    """Bytes of the list of members, which zipfile would read whole."""
    with open(path, "rb") as stream:
        stream.seek(-min(LONGEST_TAIL, os.path.getsize(path)), os.SEEK_END)
        tail = stream.read()
    end = tail[-22:] if tail[-22:].startswith(END) else tail[tail.rfind(END) :]
    size = int.from_bytes(end[12:16], "little")
    at = tail.rfind(END_64)
    if size == 2**32 - 1 and at >= 0:
        return int.from_bytes(tail[at + 40 : at + 48], "little")
    return size
