"""Functions written as text, such as "(x**2 - 1)/3" or "[x[0]*x[1]/4, tanh(x[0])]": only arithmetic is run."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import erf

__all__ = ["ALLOWED", "parsed_function"]

LONGEST = 10_000
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "erf": erf,
    "abs": abs,
}
NUMBERS = {"pi": math.pi, "e": math.e}
BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
ALLOWED = f"numbers, x, x[0], x[1], ..., + - * / **, {', '.join((*FUNCTIONS, *NUMBERS))}, and a list of them"


def parsed_function(text: str) -> Callable[[Any], Any]:
    """The function of x that the text states; of a vector x if it is a list.

    Raises
    ------
    ValueError
        If it is not made of ALLOWED. What is left, as an index that x has not, is said when the function is called.
    """
    if len(text) > LONGEST:
        raise ValueError(f"a function of {len(text)} characters: allowed are {LONGEST}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"{text!r} is no expression: allowed are {ALLOWED}") from None

    def function(x: Any) -> Any:
        try:
            return _value(tree, x)
        except (OverflowError, ZeroDivisionError, RecursionError) as error:
            raise ValueError(f"{text!r} has no value: {error}") from None
        except IndexError:
            raise ValueError(f"{text!r}: x has only {len(x)} numbers") from None

    function.__name__ = text.strip()
    return function


def _value(node: ast.expr, x: Any) -> Any:
    """The value of a part of an expression."""
    if isinstance(node, ast.List):
        return [_value(entry, x) for entry in node.elts]
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        return BINARY[type(node.op)](_value(node.left, x), _value(node.right, x))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _value(node.operand, x)
        return -value if isinstance(node.op, ast.USub) else value
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            # integers as doubles: a power of large ones would not end
            return float(number)
        case ast.Name(id="x"):
            return x
        case ast.Name(id=name) if name in NUMBERS:
            return NUMBERS[name]
        case ast.Subscript(value=ast.Name(id="x"), slice=ast.Constant(value=int() as index)):
            return x[index]
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](_value(argument, x))
    raise ValueError(f"{ast.unparse(node)!r} is not allowed: allowed are {ALLOWED}")
