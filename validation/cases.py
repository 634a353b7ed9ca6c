"""All cases by name, and how one is run."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
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


def reported(name: str, quick: bool, folder: Path) -> str:
    """Run one case; what it prints."""
    with redirect_stdout(io.StringIO()) as text:
        report(CASES[name], CASES[name].run(quick), folder)
    return text.getvalue()
