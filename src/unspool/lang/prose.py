"""What a page's docstring says besides its equations: name, source, states, first values, when to choose the cell.

A docstring has, in this order: a title; the equations, indented; and sentences, of which one begins with "Equals", one
with "State:", one with "Choose it", and where first values are declared one with "Starts".
"""

import ast
import re
import textwrap
from dataclasses import dataclass

from unspool.lang.cell import Cell

LONGEST = 30
"""Characters of a work in short, with two authors by name."""

_WORD = r"[A-ZÀ-Ž][\w’'-]+"
_AUTHOR = rf"(?:(?:van|von|de|der|den|al) )*{_WORD}"
_CITE = re.compile(
    rf"(?P<authors>{_AUTHOR}(?:, {_AUTHOR})*(?: & {_AUTHOR})?(?P<more> et al\.)?) (?P<year>(?:19|20)\d\d)\b"
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5}(?:v\d+)?)")
_PARTS = re.compile(r"(?:^|(?<=[.;:)] ))(?=Equals\b|State:|Starts\b|Choose it\b)")


@dataclass(frozen=True)
class Prose:
    """The words of a docstring, each part on one line; "" for a part that is not there.

    Attributes:
        title: the first line, without its full stop.
        equations: its lines, as they are written.
        paper: the source, with version and what the page leaves out or adds.
        cite: of the first work named there, in short: "Cho et al. 2014".
        year: of that work; None where none is named.
        arxiv: the first arXiv number, "1406.1078v1".
        equals: what it equals and differs from.
        state: what it carries.
        start: how its parameters start.
        choose: when to choose it, from "Choose it" on.
    """

    title: str = ""
    equations: tuple[str, ...] = ()
    paper: str = ""
    cite: str = ""
    year: int | None = None
    arxiv: str = ""
    equals: str = ""
    state: str = ""
    start: str = ""
    choose: str = ""

    @property
    def text(self) -> str:
        """Everything, for a search."""
        return "\n".join((self.title, *self.equations, self.paper, self.equals, self.state, self.start, self.choose))


def prose_of(cell: Cell) -> Prose:
    """The words of the docstring of `cell`'s page: the function's own, or else the page's if it holds one cell."""
    words = _docstring(cell)
    title, _, rest = words.partition("\n\n")
    if not title:
        return Prose()
    paragraphs = rest.split("\n\n")
    lines = paragraphs[0].splitlines()
    equations = tuple(line[4:] for line in lines) if all(line.startswith("    ") for line in lines) else ()
    sentences = " ".join(" ".join(paragraphs[bool(equations) :]).split())
    parts = _PARTS.split(sentences)
    paper = parts[0].strip()
    cited, numbered = _CITE.search(paper), _ARXIV.search(paper)
    year = re.match(r"\d+", cited["year"]) if cited else _YEAR.search(paper)
    return Prose(
        title=" ".join(title.split()).removesuffix("."),
        equations=equations,
        paper=paper,
        cite=_short(cited) if cited else "",
        year=int(year[0]) if year else None,
        arxiv=numbered[1] if numbered else "",
        **{key: _part(parts, word) for key, word in _NAMED.items()},
    )


_NAMED = {"equals": "Equals", "state": "State:", "start": "Starts", "choose": "Choose it"}


def _docstring(cell: Cell) -> str:
    page = ast.parse(textwrap.dedent(cell.page))
    functions = [n for n in ast.walk(page) if isinstance(n, ast.FunctionDef) and n.decorator_list]
    own = [f for f in functions if f.name == cell.name]
    found = ast.get_docstring(own[0]) if len(own) == 1 else None
    return found or (ast.get_docstring(page) or "" if len(functions) == 1 else "")


def _part(parts: list[str], word: str) -> str:
    """All sentences from `word` to the next part, as one."""
    found = " ".join(p.strip() for p in parts[1:] if p.startswith(word))
    return found.removeprefix("State:").strip()


def _short(cited: re.Match[str]) -> str:
    """Two authors at most by name, if they are not long."""
    names = re.split(r", | & ", cited["authors"])
    whole = f"{cited['authors']} {cited['year']}"
    return whole if len(names) < 3 and len(whole) <= LONGEST else f"{names[0]} et al. {cited['year']}"
