"""The kinds of values that a setting takes in a TOML file and on the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Kind", "is_integer", "is_number", "is_string"]


def is_integer(value: object) -> bool:
    """Whether `value` is an int and not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether `value` is an int or a float and not a bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_string(value: object) -> bool:
    """Whether `value` is a string."""
    return isinstance(value, str)


@dataclass(frozen=True)
class Kind:
    """What one setting takes.

    Attributes
    ----------
    allowed : str
        In words, for messages.
    help : str
        What the setting is, for the command line.
    is_one : callable
        Whether a single value, or an entry of a list, is of the kind; None for words only.
    single, many : bool
        Whether a single value is allowed, and whether a non-empty list is.
    words : tuple of str
        Strings that are allowed besides.
    """

    allowed: str
    help: str
    is_one: Callable[[object], bool] | None = None
    single: bool = True
    many: bool = False
    words: tuple[str, ...] = ()

    def allows(self, value: object) -> bool:
        """Whether `value` is of this kind; lists are tuples."""
        if isinstance(value, str) and value in self.words:
            return True
        if self.is_one is None:
            return False
        if isinstance(value, tuple):
            return self.many and bool(value) and all(map(self.is_one, value))
        return self.single and self.is_one(value)

    def parse(self, text: str) -> Any:
        """The value that the text of a flag stands for; commas make a list where lists are allowed."""
        if self.many and ("," in text or not self.single):
            return tuple(self._parse_one(part.strip()) for part in text.split(","))
        return self._parse_one(text.strip())

    def _parse_one(self, text: str) -> Any:
        for convert in (int, float):
            try:
                value = convert(text)
            except ValueError:
                continue
            if self.is_one is not None and self.is_one(value):
                return value
        return text
