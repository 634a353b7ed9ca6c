"""One self-contained HTML page: sentences, tables and pictures, with nothing to fetch and nothing that runs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Section", "html_page"]

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; display: block;
  overflow-x: auto; }
th, td { padding: 0.2rem 0.7rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
th { border-bottom: 2px solid #888; } img { max-width: 100%; } footer { margin-top: 3rem; color: #666; }
"""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading with sentences, then a table, then a picture; text is shown as it is, whatever it contains.

    Attributes
    ----------
    heading : str
    sentences : sequence of str
        A paragraph each.
    header, rows : sequences of str, and of sequences of str
        The table; none if the header is empty.
    picture : bytes
        SVG; none if empty.
    alt : str
        What the picture shows.
    """

    heading: str
    sentences: Sequence[str] = ()
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    picture: bytes = b""
    alt: str = ""


def html_page(title: str, sections: Sequence[Section], footer: str) -> bytes:
    """The page, in UTF-8."""
    body = "\n".join(_section(section) for section in sections)
    page = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n{body}\n"
        f"<footer>{escape(footer)}</footer>\n</body>\n</html>\n"
    )
    return page.encode("utf-8", errors="replace")


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.heading)}</h2>"]
    parts += [f"<p>{escape(sentence)}</p>" for sentence in section.sentences]
    if section.header:
        rows = [_row("th", section.header), *(_row("td", row) for row in section.rows)]
        parts.append(f"<table>\n{chr(10).join(rows)}\n</table>")
    if section.picture:
        # an image keeps the names inside of a picture to itself, and runs nothing
        content = base64.b64encode(section.picture).decode()
        parts.append(f'<p><img alt="{escape(section.alt)}" src="data:image/svg+xml;base64,{content}"></p>')
    return "\n".join(parts)


def _row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
