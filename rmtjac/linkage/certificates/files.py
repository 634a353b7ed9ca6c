"""Certificates as JSON: the map as a list of steps, once, and the regions on which it contracts.

Every number is written so that it is read back to the bit. `digest` is the SHA-256 of the rest, in the canonical form
of `canonical`, so that an edited or damaged file is recognised; what the file claims is re-checked by `checker.py`
and believed of none of its parts.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rmtjac import __version__
from rmtjac.linkage.certificates.contraction import Contraction
from rmtjac.linkage.certificates.program import Program
from rmtjac.storage import write_whole

__all__ = ["FORMAT", "function_content", "save_certificates", "write_certificate"]

FORMAT = "rmtjac certificate"
VERSION = 1


def save_certificates(path: str | os.PathLike[str], found: Sequence[Contraction]) -> Path:
    """Write contractions of one map as one certificate; returns the path.

    Raises
    ------
    ValueError
        If there is none, one does not hold, they are of different maps, or the folder cannot be written.
    """
    if not found:
        raise ValueError("no region: allowed are one or more certified contractions")
    for contraction in found:
        if not contraction.holds:
            raise ValueError(f"what does not hold cannot be saved: {contraction.reason}")
        if contraction.program is not found[0].program:
            raise ValueError("contractions of different maps: allowed are those of one map")
    content = {
        "kind": "contraction",
        "function": function_content(found[0].program),
        "shape": list(np.shape(found[0].center)),
        "regions": [_region(contraction) for contraction in found],
    }
    return write_certificate(path, content)


def write_certificate(path: str | os.PathLike[str], content: Mapping[str, Any]) -> Path:
    """Write the content of a certificate of any kind, with its format, version and digest."""
    content = {"format": FORMAT, "version": VERSION, "package": __version__, **content}
    digest = hashlib.sha256(canonical(content).encode()).hexdigest()
    text = json.dumps({**content, "digest": digest}, allow_nan=False, indent=None)
    return write_whole(path, lambda stream: stream.write(text.encode() + b"\n"))


def canonical(content: Mapping[str, Any]) -> str:
    """The text that is digested."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def function_content(program: Program) -> dict[str, Any]:
    """The steps of a map, as lists; infinite ends as null."""
    return {"name": program.name, "size": program.size, "steps": [_plain(step) for step in program.steps]}


def _region(found: Contraction) -> dict[str, Any]:
    region = found.region
    content: dict[str, Any] = {
        "low": region.low.tolist(),
        "high": region.high.tolist(),
        "norm": found.norm,
        "constant": found.constant,
        "tree": list(found.tree),
    }
    if region.radius is not None:
        content |= {"center": region.centre.tolist(), "radius": region.radius}
    if found.weights is not None:
        content["weights"] = found.weights.ravel().tolist()
    return content


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
