"""`python -m validation [--quick] [CASE ...]`, or `python -m validation targets TABLE [ROW ...]`."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

from validation.cases import CASES, reported

TABLES = (
    "main_job",
    "general",
    "sampling",
    "statistics",
    "heavy_tails",
    "linkage",
    "solvers",
    "certificates",
    "looped",
    "networks",
    "applications",
)


def run_cases(names: list[str], quick: bool, folder: Path, workers: int) -> int:
    """Run the cases in so many processes; 2 if one is not among the known ones, or a package is missing."""
    unknown = [name for name in names if name not in CASES]
    if unknown:
        print(f"validation: CASE={unknown[0]!r}: allowed are {', '.join(CASES)}", file=sys.stderr)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            for text in pool.map(partial(reported, quick=quick, folder=folder), names or CASES):
                print(text, end="", flush=True)
        except ModuleNotFoundError as error:
            pool.shutdown(cancel_futures=True)
            print(f"validation: a case needs {error.name}: pip install .[validation]", file=sys.stderr)
            return 2
    return 0


def main() -> int:
    """Parse the command line and run."""
    if sys.argv[1:2] == ["targets"]:
        parser = argparse.ArgumentParser(prog="python -m validation targets")
        parser.add_argument("table", choices=TABLES)
        parser.add_argument("rows", nargs="*", help="rows of the table; all by default")
        args = parser.parse_args(sys.argv[2:])
        return int(import_module(f"validation.targets.{args.table}").main(args.rows))
    parser = argparse.ArgumentParser(prog="python -m validation")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"{', '.join(CASES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="fewer replicates")
    parser.add_argument("--workers", type=int, default=1, help="cases at once")
    parser.add_argument(
        "--out", type=Path, default=Path("out/validation"), help="folder of the JSON and SVG files"
    )
    args = parser.parse_args()
    return run_cases(args.cases, args.quick, args.out, max(1, args.workers))


if __name__ == "__main__":
    sys.exit(main())
