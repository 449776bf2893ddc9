"""The numbers that a page gives a name: `DT, GAMMA = 0.042, 2.7`."""

import ast
import operator
import textwrap
from collections.abc import Callable
from typing import Any

from unspool.lang.cell import Cell

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def constants_of(cell: Cell) -> dict[str, float]:
    """Name → number of the module-level constants of a page, read off its text: the page is not executed.

    A constant that is neither a number nor arithmetic on numbers and earlier constants is left out.
    """
    found: dict[str, float] = {}
    for statement in ast.parse(textwrap.dedent(cell.page)).body if cell.page else ():
        match statement:
            case ast.Assign(targets=[ast.Name(name)], value=value):
                pairs = [(name, value)]
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                pairs = [(n.id, v) for n, v in zip(names, values, strict=False) if isinstance(n, ast.Name)]
            case ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value):
                pairs = [(name, value)]
            case _:
                pairs = []
        for name, value in pairs:
            number = _number(value, found)
            if number is not None:
                found[name] = number
    return found


def _number(value: Any, known: dict[str, float]) -> float | None:
    match value:
        case ast.Constant(bool()):
            return None
        case ast.Constant(int() | float() as number):
            return float(number)
        case ast.Name(name):
            return known.get(name)
        case ast.UnaryOp(ast.USub(), operand):
            inner = _number(operand, known)
            return None if inner is None else -inner
        case ast.BinOp(left, op, right) if type(op) in _OPERATORS:
            one, other = _number(left, known), _number(right, known)
            return None if one is None or other is None else float(_OPERATORS[type(op)](one, other))
        case _:
            return None
