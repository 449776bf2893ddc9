"""The equations of a page as mathematics: MathML, which browsers draw without a script or a network."""

import re
from dataclasses import dataclass
from html import escape

from unspool.lang import Cell
from unspool.lang.equations import GREEK, Equation, Name, equations_of
from unspool.report.mathml import equals, math

STYLE = """
.equations { overflow: auto hidden; margin: 1em 0 }
.equations table { border-collapse: collapse; border: 0; margin: 0 }
.equations td { border: 0; padding: .25em 0; text-align: left; vertical-align: baseline; white-space: nowrap }
.equations td:first-child { text-align: right }
.equations td:last-child { padding-left: 2em; min-width: 9em; white-space: normal; opacity: .7 }
.equations math { font-size: 1.15em }
.equations :is(mi, mn) { font-family: "Times New Roman", Times, "Liberation Serif", serif; font-style: normal }
.equations mi:not([mathvariant]) { font-style: italic; text-transform: none }
""".strip()
"""Letters are a text font's italics: mathematical ones look well only where a mathematical font is installed."""

_WORD = re.compile(r"[A-Za-z]+")
_PRIME = re.compile(r"(?<=\b\w)'(?!\w)")  # of h', not of units' or paper's


@dataclass(frozen=True)
class Line:
    """An equation as mathematics.

    Attributes:
        left: what it defines, a `math` element.
        right: the expression, another one.
        remark: plain text, in the letters of the mathematics: α for alpha; "" for nothing.
    """

    left: str
    right: str
    remark: str


def mathematics(cell: Cell) -> tuple[Line, ...]:
    """The equations that the page of `cell` states, in order; none if its docstring has none.

    Raises:
        CellError: an equation cannot be read.
    """
    equations = equations_of(cell)
    words = {word for e in equations for word in _WORD.findall(e.text)}
    greek = {word: letter for word, letter in GREEK.items() if word in words}

    def line(equation: Equation) -> Line:
        remark = _WORD.sub(lambda word: greek.get(word[0], word[0]), equation.remark)
        remark = _PRIME.sub("′", remark.replace("∘", "⊙"))
        return Line(math(Name(equation.name, equation.is_next)), math(equation.expression), remark)

    return tuple(line(e) for e in equations)


def equations_html(cell: Cell) -> str:
    """The equations as one HTML element, aligned at their = signs, remarks at the right; "" if the page has none.

    It brings its style, needs no script, font or network, and has no blank line, so that it may stand in Markdown.

    Raises:
        CellError: an equation cannot be read.
    """
    rows = [(line.left, equals(), line.right, escape(line.remark)) for line in mathematics(cell)]
    if not rows:
        return ""
    lines = [f"<tr>{''.join(f'<td>{content}</td>' for content in row)}</tr>" for row in rows]
    table = ['<table class="formulae" role="presentation">', *lines, "</table>"]
    return "\n".join(['<div class="equations">', f"<style>{STYLE}</style>", *table, "</div>"])
