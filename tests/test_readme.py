"""The README's examples run, and print what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rmtjac.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text()
CONSOLE = re.findall(r"```console\n(?:\$ python -c \"(.*?)\"\n)?\$ rmtjac (.*?)\n(.*?)```", README, re.DOTALL)


def test_python_examples_run(capsys):
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(compile(block, "README.md", "exec"), {})


@pytest.mark.parametrize(("before", "command", "printed"), CONSOLE, ids=lambda x: x.partition(" ")[0])
def test_commands_print_what_is_shown(before, command, printed, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(before, {})
    assert main(shlex.split(command)) == 0
    shown, now = printed.split(), capsys.readouterr().out.split()
    assert len(now) == len(shown)
    assert all(a == b or close(a, b) for a, b in zip(now, shown, strict=True))


def close(a, b):
    """Whether two words are numbers that differ by no more than another processor's rounding."""
    try:
        return float(a.strip("[](),;:")) == pytest.approx(float(b.strip("[](),;:")), rel=1e-3)
    except ValueError:
        return False
