"""`python -m rmtjac` is the command `rmtjac`."""

from rmtjac.cli import entry

entry()
