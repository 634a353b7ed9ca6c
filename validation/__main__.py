"""`python -m validation [--quick] [CASE ...]`, or `python -m validation targets TABLE [ROW ...]`."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from validation.applications import APPLICATIONS
from validation.case import report

MODULES = (
    *(f"applications.{name}" for name in APPLICATIONS),
    *(f"a{row}" for row in range(7, 24)),
    *(f"b{row}" for row in range(1, 8)),
    *(f"c{row}" for row in range(1, 6)),
    "soft_edge",
)
CASES = {case.name: case for case in (import_module(f"validation.{name}").CASE for name in MODULES)}
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


def run_cases(names: list[str], quick: bool, folder: Path) -> int:
    """Run the cases; 2 if one is not among the known ones, or a package is missing."""
    unknown = [name for name in names if name not in CASES]
    if unknown:
        print(f"validation: CASE={unknown[0]!r}: allowed are {', '.join(CASES)}", file=sys.stderr)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or CASES:
        try:
            report(CASES[name], CASES[name].run(quick), folder)
        except ModuleNotFoundError as error:
            print(f"validation: {name} needs {error.name}: pip install .[validation]", file=sys.stderr)
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
    parser.add_argument(
        "--out", type=Path, default=Path("out/validation"), help="folder of the JSON and SVG files"
    )
    args = parser.parse_args()
    return run_cases(args.cases, args.quick, args.out)


if __name__ == "__main__":
    sys.exit(main())
