"""The command `rmtjac`. Nothing heavy is imported before a subcommand runs."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from rmtjac.cli import compare, law, phase, sample

__all__ = ["build_parser", "main"]

DONE, BAD_INPUT, NOT_CONVERGED, INTERRUPTED = 0, 2, 3, 130
SUBCOMMANDS = {"law": law, "sample": sample, "compare": compare, "phase": phase}
ALIASES = {"law": ["esd"]}


class _Parser(argparse.ArgumentParser):
    """Errors in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: error: {message}\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    from rmtjac import __version__

    parser = _Parser(
        prog="rmtjac",
        description="Spectra of the Jacobian of random deep networks: theory, sampling, and both together.",
    )
    parser.add_argument("--version", action="version", version=f"rmtjac {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, module in SUBCOMMANDS.items():
        sub = commands.add_parser(
            name, aliases=ALIASES.get(name, []), help=module.HELP, description=module.HELP
        )
        module.add_arguments(sub)
        sub.set_defaults(run=module.run, prog=sub.prog)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0 done, 2 bad input (one line on stderr), 3 did not converge (the result is written), 130 interrupted.
    """
    args = build_parser().parse_args(argv)
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = lambda message, *_, **__: print(f"{args.prog}: {message}", file=sys.stderr)
        return _run(args)


def _run(args: argparse.Namespace) -> int:
    """The subcommand's exit code, or that of what went wrong."""
    try:
        return int(args.run(args))
    except BrokenPipeError:
        # the reader of our output has gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (ValueError, TypeError, OSError, MemoryError) as error:
        message = " ".join(str(error).split()) or type(error).__name__
        print(f"{args.prog}: error: {message}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print(f"{args.prog}: interrupted, nothing was written", file=sys.stderr)
        return INTERRUPTED
