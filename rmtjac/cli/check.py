"""`rmtjac check`: re-checks a certificate with `checker.py`, which imports nothing of this package."""

from __future__ import annotations

import argparse

HELP = "re-check a certificate in ball arithmetic (needs the extra: pip install rmtjac[certify])"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac check`."""
    parser.add_argument("file", metavar="FILE", help="a certificate, as rmtjac certify --save writes it")


def run(args: argparse.Namespace) -> int:
    """Re-check; 0 proven, 2 no certificate, 3 a claim is not proven."""
    from rmtjac import checker

    return checker.main([args.file])
