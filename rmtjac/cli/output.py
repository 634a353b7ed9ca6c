"""What every subcommand is: a cost, or a result that is printed and written as STEM.npz, STEM.csv and STEM.svg."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rmtjac.model.spec import Spec
    from rmtjac.theory.spectral_law import SpectralLaw

__all__ = ["NETWORK_FLAGS", "Output", "Subcommand", "add_output_flags", "law_of", "run"]

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
    """A result, for programs, for people, and for files.

    Attributes
    ----------
    spec : Spec
        What gives it again, the seed included.
    summary : mapping
        For programs.
    lines : sequence of str
        For people.
    arrays, columns : mappings of arrays
        The arrays of the .npz file, and the columns of the table.
    draw : callable
        Draws the picture; returns its artists.
    metadata : mapping
        What the .npz file says besides.
    code : int
        The exit code.
    """

    spec: Spec
    summary: Mapping[str, Any]
    lines: Sequence[str]
    arrays: Mapping[str, Any]
    columns: Mapping[str, Any]
    draw: Callable[[], list[Any]]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    code: int = 0


class Subcommand(Protocol):
    """The module of a subcommand that computes a result."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add its flags."""

    def cost(self, args: argparse.Namespace) -> str:
        """What the result would cost, in words; ValueError if it cannot be had."""

    def compute(self, args: argparse.Namespace) -> Output:
        """The result."""


def run(subcommand: Subcommand, args: argparse.Namespace) -> int:
    """Say what the result costs, or compute, write and print it; returns the exit code."""
    _check_stem(args.out)
    if args.dry_run:
        print(subcommand.cost(args))
        return 0
    output = subcommand.compute(args)
    written = _write(args, output) if args.out is not None else []
    if args.json:
        print(json.dumps(_plain({**output.summary, "files": written}), allow_nan=False))
    elif not args.quiet:
        print("\n".join([*output.lines, *([f"wrote {', '.join(written)}"] if written else [])]))
    return output.code


def add_output_flags(parser: argparse.ArgumentParser) -> None:
    """--out, --json, --quiet and --dry-run."""
    parser.add_argument("--out", metavar="STEM", help="write STEM.npz, STEM.csv and STEM.svg")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors (and --json)")
    parser.add_argument("--dry-run", action="store_true", help="say what it would cost, and stop")


def _check_stem(stem: str | None) -> None:
    """Fail before any work if --out cannot be written."""
    from rmtjac.storage import check_folder

    if stem is not None:
        if not stem or stem.endswith("/"):
            raise ValueError(f"--out={stem!r}: allowed is FOLDER/NAME or NAME")
        check_folder(stem, "--out")


def law_of(spec: Spec) -> SpectralLaw:
    """The limiting law that a spec states."""
    from rmtjac.theory.network_law import spectral_law

    return spectral_law(spec.ensemble(), q=spec.q, gates=spec.gates, inputs=spec.inputs, side=spec.side)


def _write(args: argparse.Namespace, output: Output) -> list[str]:
    from rmtjac.plotting import render
    from rmtjac.runs.provenance import provenance
    from rmtjac.storage import save_arrays, write_whole

    metadata = {
        **output.metadata,
        "command": args.command,
        "argv": args.argv,
        "spec": output.spec.to_toml(),
        "digest": output.spec.digest(),
        "summary": _plain(output.summary),
        "provenance": provenance(),
    }
    names = [f"{args.out}.npz", f"{args.out}.csv", f"{args.out}.svg"]
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
