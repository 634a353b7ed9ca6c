"""`rmtjac rerun`: a result once more, from what its file records, and whether the numbers agree."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmtjac.cli.output import Output

if TYPE_CHECKING:
    from rmtjac.model.spec import Spec

HELP = "repeat the run of a result file, and say whether the numbers agree"

ROUNDING = 1e-9  # another BLAS or processor rounds otherwise; another run differs by much more
NOT_REPEATED = ("out", "save", "certificate", "report", "journal", "dask", "shard", "workers")
MACHINE = ("version", "python", "platform", "packages", "blas")
DIFFERENT = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac rerun`."""
    parser.add_argument("file", metavar="FILE", help="a STEM.npz of any subcommand, or a saved sample")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors; the exit code tells")


def run(args: argparse.Namespace, parse: Callable[[list[str]], argparse.Namespace]) -> int:
    """Repeat and compare; 0 if the numbers agree to rounding, else 3."""
    from rmtjac.runs.provenance import provenance
    from rmtjac.storage import load_arrays

    arrays, metadata = load_arrays(args.file)
    with tempfile.TemporaryDirectory() as folder:
        again = _repeated(args, metadata, parse, Path(folder) / "spec.toml").arrays
    largest = _largest_difference(arrays, again)
    if not args.quiet:
        print(_verdict(largest))
        before, now = metadata["provenance"], provenance()
        for name in MACHINE:
            if before.get(name) != now[name]:
                print(f"{name} was {before.get(name)}, is {now[name]}")
    return 0 if largest is not None and largest[0] <= ROUNDING else DIFFERENT


def _repeated(
    args: argparse.Namespace,
    metadata: Mapping[str, Any],
    parse: Callable[[list[str]], argparse.Namespace],
    file: Path,
) -> Output:
    """The result of the recorded spec; flags that are no part of a spec are taken from the recorded call."""
    from rmtjac.model.spec import KINDS

    command, argv, spec = _recorded(args.file, metadata)
    file.write_text(spec)
    call = parse([command, *argv])
    # a network of a file, or a function, is no draw of a spec
    drawn = not (getattr(call, "network", None) or getattr(call, "function", None) or command == "inspect")
    repeated = str(file) if drawn else None
    settings = dict.fromkeys((*KINDS, *NOT_REPEATED)) | {"spec": repeated, "quiet": args.quiet}
    output: Output = call.subcommand.compute(argparse.Namespace(**{**vars(call), **settings}))
    return output


def _recorded(path: str, metadata: Mapping[str, Any]) -> tuple[str, list[str], str]:
    """Subcommand, its arguments and the spec that a file names."""
    if "command" in metadata and metadata["command"] != "merge":
        return metadata["command"], metadata["argv"][1:], metadata["spec"]
    if "sample" in metadata:
        from rmtjac.cli.merge import spec_of
        from rmtjac.sampling.sample import load_sample

        recorded: Spec = spec_of(load_sample(path))
        return "sample", [], recorded.to_toml()
    raise ValueError(f"file={path!r}: does not say how it was made")


def _largest_difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[float, str] | None:
    """Largest difference in units of the array's largest entry, and the array; None if shapes differ."""
    import numpy as np

    worst = (0.0, "")
    for name, old in before.items():
        new = np.asarray(after.get(name))
        if new.shape != old.shape:
            return None
        if old.dtype.kind in "fiu" and old.size and not np.array_equal(old, new, equal_nan=True):
            finite = np.isfinite(old)
            same = np.array_equal(old[~finite], new[~finite], equal_nan=True)
            gap = np.abs(np.subtract(new, old, where=finite, out=np.zeros(old.shape))).max()
            scale = np.abs(old[finite]).max(initial=0.0)
            worst = max(worst, (float(gap / scale) if same and scale > 0.0 else np.inf, name))
    return worst


def _verdict(largest: tuple[float, str] | None) -> str:
    if largest is None:
        return "differ: the arrays have other shapes"
    difference, name = largest
    if not name:
        return "identical: every number is the same to the last bit"
    word = "agree to rounding" if difference <= ROUNDING else "differ"
    return f"{word}: by at most {difference:.2g} of the largest entry, in {name}"
