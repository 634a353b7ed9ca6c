"""What every subcommand does with its result: text or JSON on stdout, and STEM.npz, STEM.csv and STEM.svg."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rmtjac.model.spec import Spec
    from rmtjac.theory.spectral_law import SpectralLaw

__all__ = ["NETWORK_FLAGS", "Output", "add_output_flags", "check_stem", "emit", "law_of", "progress_bar"]

NETWORK_FLAGS = (
    "activation",
    "depth",
    "width",
    "widths",
    "weights",
    "sigma_w",
    "sigma_b",
    "q0",
    "inputs",
    "side",
)


@dataclass(frozen=True, kw_only=True)
class Output:
    """A result: a summary for programs, lines for people, arrays and a table for files, a picture to draw."""

    summary: Mapping[str, Any]
    lines: Sequence[str]
    arrays: Mapping[str, Any]
    columns: Mapping[str, Any]
    draw: Callable[[], list[Any]]


def add_output_flags(parser: argparse.ArgumentParser) -> None:
    """--out, --json, --quiet and --dry-run."""
    parser.add_argument("--out", metavar="STEM", help="write STEM.npz, STEM.csv and STEM.svg")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors (and --json)")
    parser.add_argument("--dry-run", action="store_true", help="say what it would cost, and stop")


def check_stem(args: argparse.Namespace) -> None:
    """Fail before any work if --out cannot be written."""
    from rmtjac.storage import check_folder

    if args.out is not None:
        if not args.out or args.out.endswith("/"):
            raise ValueError(f"--out={args.out!r}: allowed is FOLDER/NAME or NAME")
        check_folder(args.out, "--out")


def law_of(spec: Spec) -> SpectralLaw:
    """The limiting law that a spec states."""
    from rmtjac.theory.network_law import spectral_law

    return spectral_law(spec.ensemble(), q=spec.q, gates=spec.gates, inputs=spec.inputs, side=spec.side)


def progress_bar(
    args: argparse.Namespace, total: int, unit: str = "network"
) -> Callable[[int, int], object] | None:
    """A bar on stderr if it is a terminal and --quiet is not given."""
    if args.quiet or not sys.stderr.isatty():
        return None
    from tqdm import tqdm

    bar = tqdm(total=total, unit=unit, leave=False)
    return lambda done, _: bar.update(done - bar.n)


def emit(args: argparse.Namespace, spec: Spec, output: Output) -> None:
    """Write the files asked for, then print."""
    written = _write(args.out, spec, output) if args.out is not None else []
    if args.json:
        print(json.dumps(_plain({**output.summary, "files": written}), allow_nan=False))
    elif not args.quiet:
        print("\n".join([*output.lines, *([f"wrote {', '.join(written)}"] if written else [])]))


def _write(stem: str, spec: Spec, output: Output) -> list[str]:
    from rmtjac.plotting import render
    from rmtjac.runs.provenance import provenance
    from rmtjac.storage import save_arrays, write_whole

    metadata = {
        "spec": spec.to_toml(),
        "digest": spec.digest(),
        "summary": _plain(output.summary),
        "provenance": provenance(),
    }
    names = [f"{stem}.npz", f"{stem}.csv", f"{stem}.svg"]
    picture = render(output.draw())
    save_arrays(names[0], output.arrays, metadata)
    rows = zip(*output.columns.values(), strict=True)
    table = [",".join(output.columns), *(",".join(repr(float(value)) for value in row) for row in rows)]
    write_whole(names[1], lambda stream: stream.write(("\n".join(table) + "\n").encode()))
    write_whole(names[2], lambda stream: stream.write(picture))
    return names


def _plain(value: Any) -> Any:
    """JSON-able: arrays as lists, numbers that JSON does not know as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
