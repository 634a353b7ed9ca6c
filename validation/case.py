"""A case: one row of the sources, run at its settings, with the source's number beside ours and a verdict."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rmtjac.plotting import render
from rmtjac.storage import write_whole

VERDICTS = ("reproduced", "reproduced under a stated reading", "contradicted")


@dataclass(frozen=True, kw_only=True)
class Result:
    """Verdict, one sentence, the rows of a table (first the header), and the artists of a picture."""

    verdict: str
    sentence: str
    table: list[list[Any]]
    artists: list[Any]

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict={self.verdict!r}: allowed are {', '.join(VERDICTS)}")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A row of the sources; `run(quick)` measures it, quick = fewer replicates."""

    name: str
    claim: str
    run: Callable[[bool], Result]


def text_table(rows: list[list[Any]]) -> str:
    """Rows as aligned text, the first as header."""
    cells = [[f"{c:.4g}" if isinstance(c, float) else str(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def report(case: Case, result: Result, folder: Path) -> None:
    """Print a result, and write it as JSON and SVG."""
    print(f"\n{case.name}: {case.claim}\n")
    print(text_table(result.table))
    print(f"\nverdict: {result.verdict}. {result.sentence}")
    content = {
        "claim": case.claim,
        "verdict": result.verdict,
        "sentence": result.sentence,
        "table": result.table,
    }
    write_whole(folder / f"{case.name}.json", lambda f: f.write(json.dumps(content, indent=1).encode()))
    if result.artists:
        write_whole(folder / f"{case.name}.svg", lambda f: f.write(render(result.artists)))
