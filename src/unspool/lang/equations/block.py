"""The block of equations in a page's docstring: `name = expression`, then two or more spaces and a remark."""

import ast
import re
import textwrap
from dataclasses import dataclass

from unspool.errors import CellError
from unspool.lang.cell import Cell
from unspool.lang.equations.grammar import read_expression
from unspool.lang.equations.tokens import unreadable
from unspool.lang.equations.tree import Expression

_LINE = re.compile(r"(?P<name>[^\W\d]\w*)(?P<prime>['′]?)\s*=\s*(?P<right>.*?)(?:\s{2,}(?P<remark>.*))?")


@dataclass(frozen=True)
class Equation:
    """One line of the block.

    Attributes:
        name: what it defines, without a prime.
        is_next: whether there is a prime: h' is the next h.
        expression: the right-hand side.
        remark: what the line says besides, "" for nothing.
        text: the equation as it is written, without the remark.
    """

    name: str
    is_next: bool
    expression: Expression
    remark: str
    text: str

    @property
    def left(self) -> str:
        """`h'`."""
        return self.name + "'" * self.is_next


def equations_of(cell: Cell) -> tuple[Equation, ...]:
    """The equations that the docstring of `cell`'s page states, in order; none if it has no such block.

    The block is the docstring's second paragraph, each line indented by four spaces, and at least one of them an
    equation. The docstring is the function's, if that has a block, and otherwise the page's, unless the page has
    several cells.

    Raises:
        CellError: a line cannot be read; the message names the cell, quotes the line and says where.
    """
    try:
        return tuple(read_equation(line) for line in _block(cell))
    except CellError as error:
        raise CellError(f"cell '{cell.name}': {error.message}", error.hint) from None


def read_equation(line: str) -> Equation:
    """One line of a block: `h' = tanh(W x + b)  remark`.

    Raises:
        CellError: it cannot be read; the message quotes it and says where.
    """
    line = line.strip()
    found = _LINE.fullmatch(line)
    if found is None:
        raise unreadable(line, 0, "an equation begins with a name and =")
    text = line[: found.end("right")]
    expression = read_expression(text, found.start("right"))
    return Equation(found["name"], bool(found["prime"]), expression, found["remark"] or "", text)


def _block(cell: Cell) -> list[str]:
    """The lines of the block, without their indentation."""
    if not cell.page:
        return []
    page = ast.parse(textwrap.dedent(cell.page))
    functions = [n for n in ast.walk(page) if isinstance(n, ast.FunctionDef) and n.decorator_list]
    own = [f for f in functions if f.name == cell.name]
    if len(own) != 1:
        return []
    return _paragraph(own[0]) or (_paragraph(page) if len(functions) == 1 else [])


def _paragraph(node: ast.Module | ast.FunctionDef) -> list[str]:
    """The second paragraph of a docstring if it is indented by four spaces more, and a line of it is an equation."""
    docstring = ast.get_docstring(node, clean=False)
    if docstring is None:
        return []
    indented = " " * (node.body[0].col_offset + 4)
    _, *paragraphs = re.split(r"\n\s*\n", docstring)
    lines = paragraphs[0].rstrip().splitlines() if paragraphs else []
    is_indented = all(line.startswith(indented) for line in lines)
    lines = [line.strip() for line in lines]
    return lines if is_indented and any(_LINE.fullmatch(line) for line in lines) else []
