"""The command `rmtjac`. Nothing heavy is imported before a subcommand runs."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NoReturn

from rmtjac.cli import (
    basins,
    census,
    certify,
    check,
    compare,
    contraction_map,
    fixed_points,
    inspect,
    law,
    looped,
    merge,
    output,
    phase,
    rerun,
    sample,
    solve,
    tail,
)
from rmtjac.errors import ConvergenceError, ExecutorError

__all__ = ["build_parser", "entry", "main"]

DONE, BAD_INPUT, NOT_CONVERGED, INTERRUPTED = 0, 2, 3, 130
SUBCOMMANDS: dict[str, output.Subcommand] = {
    "law": law,
    "sample": sample,
    "compare": compare,
    "phase": phase,
    "tail": tail,
    "fixed-points": fixed_points,
    "basins": basins,
    "contraction-map": contraction_map,
    "census": census,
    "solve": solve,
    "certify": certify,
    "looped": looped,
    "inspect": inspect,
    "merge": merge,
}
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
        description="Spectra of the Jacobian of random deep networks, and what they mean for the map.",
    )
    parser.add_argument("--version", action="version", version=f"rmtjac {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, module in SUBCOMMANDS.items():
        sub = commands.add_parser(
            name, aliases=ALIASES.get(name, []), help=module.HELP, description=module.HELP
        )
        module.add_arguments(sub)
        sub.set_defaults(run=partial(output.run, module), subcommand=module, prog=sub.prog)
    sub = commands.add_parser("check", help=check.HELP, description=check.HELP)
    check.add_arguments(sub)
    sub.set_defaults(run=check.run, prog=sub.prog)
    sub = commands.add_parser("rerun", help=rerun.HELP, description=rerun.HELP)
    rerun.add_arguments(sub)
    sub.set_defaults(run=partial(rerun.run, parse=parser.parse_args), prog=sub.prog)
    return parser


def entry() -> NoReturn:
    """The program: `main`, after which nothing is waited for when it was interrupted."""
    code = main()
    if code == INTERRUPTED:
        # Python would wait for the threads that are still inside a decomposition
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0 done, 2 bad input (one line on stderr), 3 did not converge (the result is written), 130 interrupted.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    args = build_parser().parse_args(argv)
    args.argv = argv
    with warnings.catch_warnings(), _terminated_as_interrupted():
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
        return _failed(args, error, BAD_INPUT)
    except (ConvergenceError, ExecutorError) as error:
        return _failed(args, error, NOT_CONVERGED)
    except KeyboardInterrupt:
        print(f"{args.prog}: interrupted, {_kept(args) or 'nothing was written'}", file=sys.stderr)
        return INTERRUPTED


def _failed(args: argparse.Namespace, error: Exception, code: int) -> int:
    message = " ".join(str(error).split()) or type(error).__name__
    print(f"{args.prog}: error: {message}", file=sys.stderr)
    if code == NOT_CONVERGED and (kept := _kept(args)):
        print(f"{args.prog}: {kept}", file=sys.stderr)
    return code


def _kept(args: argparse.Namespace) -> str | None:
    """Where finished replicates are, and the line that goes on from them; None without a journal."""
    journal = getattr(args, "journal", None)
    if journal is None or not os.path.exists(journal):
        return None
    return f"what had finished is in {journal}; to go on: rmtjac {shlex.join(args.argv)}"


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does."""
    try:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # not in the main thread: signals are the caller's
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
