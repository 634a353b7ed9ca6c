"""Results on disk: a dict of arrays and one JSON text of metadata in an .npz file, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

__all__ = ["METADATA_KEY", "check_folder", "load_arrays", "save_arrays", "write_whole"]

METADATA_KEY = "metadata_json"


def check_folder(path: str | os.PathLike[str], argument: str = "path") -> Path:
    """`path` as a Path, after checking that its folder exists and can be written.

    Raises
    ------
    ValueError
        If the folder does not exist or is not writable.
    """
    path = Path(path)
    folder = path.parent
    if not folder.is_dir():
        raise ValueError(f"{argument}={str(path)!r}: the folder {str(folder)!r} does not exist")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{argument}={str(path)!r}: the folder {str(folder)!r} is not writable")
    return path


def write_whole(path: str | os.PathLike[str], write: Callable[[IO[bytes]], object]) -> Path:
    """Write a file through a temporary name in its folder, so that `path` is never half written."""
    path = check_folder(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            write(stream)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def save_arrays(path: str | os.PathLike[str], arrays: Mapping[str, Any], metadata: Mapping[str, Any]) -> Path:
    """Save arrays and JSON-able metadata as one .npz file; returns the path written."""
    import numpy as np

    text = np.array(json.dumps(metadata, sort_keys=True))
    return write_whole(
        path, lambda stream: np.savez(stream, allow_pickle=False, **{METADATA_KEY: text}, **arrays)
    )


def load_arrays(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays and the metadata of a file written by `save_arrays`.

    Raises
    ------
    ValueError
        If the file does not exist, is not such a file, or is damaged.
    """
    import zipfile

    import numpy as np

    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        metadata = json.loads(str(arrays.pop(METADATA_KEY)))
    except FileNotFoundError:
        raise ValueError(f"path={str(path)!r}: no such file") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"path={str(path)!r}: not a result file of rmtjac ({error})") from None
    return arrays, metadata
