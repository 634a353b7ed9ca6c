"""Errors of the package. Everything a caller can cause is a ValueError or TypeError with one line of text."""

__all__ = [
    "ConvergenceError",
    "ExecutorError",
    "HeavyTailError",
    "MemoryLimitError",
    "UnsupportedError",
    "check_choice",
]


class HeavyTailError(ValueError):
    """The quantity asked for needs weights with a finite variance, and these have none."""


class UnsupportedError(ValueError):
    """The request is meaningful, but this version of the package has no method for it."""


class MemoryLimitError(ValueError):
    """The run asked for cannot fit in this machine's memory."""


class ConvergenceError(RuntimeError):
    """A computation did not converge; `partial` holds what was reached."""

    def __init__(self, message: str, partial: object = None) -> None:
        super().__init__(message)
        self.partial = partial


class ExecutorError(RuntimeError):
    """The executor that ran the replicates died; a journal has those that had ended."""


def check_choice(argument: str, value: object, allowed: tuple[str, ...]) -> None:
    """Raise ValueError unless `value` is one of `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{argument}={value!r}: allowed are {', '.join(allowed)}")
