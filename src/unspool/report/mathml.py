"""An expression of a page as presentation MathML."""

from xml.etree.ElementTree import Element, tostring

from unspool.lang.equations import (
    Binary,
    Bracket,
    Call,
    Expression,
    Name,
    Negate,
    Number,
    Power,
    Transpose,
)
from unspool.report.mathsigns import element, named, number

_FUNCTIONS = {"relu": "ReLU", "expm": "exp", "total": "sum", "largest": "max"}
"""Functions that papers write otherwise."""

_SIGNS = {"+": "+", "−": "−", "∘": "⊙"}

_STACKED, _IN_BRACKETS, _FLAT = range(3)
"""How a division is written: stacked; stacked unless it is of two letters; on the line (in another, in a power)."""


def math(expression: Expression) -> str:
    """A `math` element."""
    return _math(*_parts(expression))


def equals() -> str:
    """A `math` element that is an equals sign."""
    return _math(element("mo", text="=", form="infix"))


def _math(*parts: Element) -> str:
    return tostring(element("math", *parts, displaystyle="true"), encoding="unicode")


def _parts(expression: Expression, place: int = _STACKED) -> list[Element]:
    """What stands in a row for an expression."""
    match expression:
        case Number(text):
            return number(text)
        case Name():
            return [named(expression)]
        case Call("sqrt", (inner,)):
            return [element("msqrt", *_parts(inner, place))]
        case Call("abs", (inner,)):
            return [_fenced("|", _parts(inner, _inside(place)), "|")]
        case Call(function, arguments):
            inner = _listed(arguments, _inside(place))
            return [_function(function), element("mo", text="\u2061"), _fenced("(", inner, ")")]
        case Bracket(Binary("/") as inner) if _is_stacked(inner, place):
            return _parts(inner, place)
        case Bracket():
            return [_bracket(expression, place)]
        case Negate(inner):
            return [element("mo", text="−", form="prefix"), *_parts(inner, place)]
        case Binary("/", left, right) if _is_stacked(expression, place):
            return [element("mfrac", _row(_bare(left), _FLAT), _row(_bare(right), _FLAT))]
        case Binary(operator, left, right):
            return [*_parts(left, place), _operator(operator), *_parts(right, place)]
        case Power(base, exponent):
            return [element("msup", _base(base, place), _row(exponent, _FLAT))]
        case Transpose(matrix):
            return [element("msup", _base(matrix, place), element("mi", text="T", mathvariant="normal"))]


def _inside(place: int) -> int:
    return max(place, _IN_BRACKETS)


def _is_stacked(division: Binary, place: int) -> bool:
    is_short = all(isinstance(side, Name | Number) for side in (division.left, division.right))
    return place == _STACKED or (place == _IN_BRACKETS and not is_short)


def _bare(expression: Expression) -> Expression:
    """Without the brackets that a fraction's line makes needless."""
    return expression.inner if isinstance(expression, Bracket) else expression


def _base(expression: Expression, place: int) -> Element:
    """What is raised keeps its brackets, also around a fraction."""
    return _bracket(expression, place) if isinstance(expression, Bracket) else _row(expression, place)


def _bracket(bracket: Bracket, place: int) -> Element:
    return _fenced(bracket.opening, _parts(bracket.inner, _inside(place)), ")" if bracket.opening == "(" else "]")


def _row(expression: Expression, place: int) -> Element:
    parts = _parts(expression, place)
    return parts[0] if len(parts) == 1 else element("mrow", *parts)


def _fenced(opening: str, parts: list[Element], closing: str) -> Element:
    first = element("mo", text=opening, form="prefix")
    return element("mrow", first, *parts, element("mo", text=closing, form="postfix"))


def _listed(arguments: tuple[Expression, ...], place: int) -> list[Element]:
    parts = _parts(arguments[0], place)
    for argument in arguments[1:]:
        parts += [element("mo", text=","), *_parts(argument, place)]
    return parts


def _operator(operator: str) -> Element:
    """Side by side, W x, is an invisible sign with a narrow space."""
    if operator == "@":
        return element("mo", text="\u2062", lspace="0", rspace="0.17em")
    return element("mo", text=_SIGNS.get(operator, operator))


def _function(name: str) -> Element:
    return element("mi", text=_FUNCTIONS.get(name, name), mathvariant="normal")
