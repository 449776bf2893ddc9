"""The signs of an equation, from left to right."""

import re
from dataclasses import dataclass

from unspool.errors import CellError

SUPERSCRIPTS = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"

_RAISED = f"[{SUPERSCRIPTS}ᵀ]"  # letters and digits to Python, signs of their own here
_KINDS = {
    "space": r"\s+",
    "number": r"\d+(?:\.\d+)?(?:e[-−+]?\d+)?",
    "name": rf"(?:(?!{_RAISED})[^\W\d_])(?:(?!{_RAISED})\w)*['′]?",
    "raised": f"[{SUPERSCRIPTS}]+",
    "sign": r"\*\*|[-−+*∘·/^ᵀ|,()\[\]]",
}
_PATTERN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()))
_SAME = {"-": "−", "*": "∘", "·": "∘", "^": "**"}


@dataclass(frozen=True)
class Token:
    """A number, a name, raised digits or a sign; `kind` is "end" behind the last one.

    Attributes:
        kind: "number", "name", "raised", "sign" or "end".
        text: in one spelling: − ∘ ** for - * ^.
        place: how many characters come before it.
    """

    kind: str
    text: str
    place: int


def tokens_of(text: str, start: int = 0) -> list[Token]:
    """The signs of `text` from `start` on, and an end.

    Raises:
        CellError: one is unknown.
    """
    found: list[Token] = []
    place = start
    while place < len(text):
        match = _PATTERN.match(text, place)
        if match is None:
            raise unreadable(text, place, f"'{text[place]}' is not a sign of the equations")
        kind, written = str(match.lastgroup), match[0]
        if kind != "space":
            found.append(Token(kind, _SAME.get(written, written) if kind == "sign" else written, place))
        place = match.end()
    return [*found, Token("end", "", len(text))]


def unreadable(text: str, place: int, why: str) -> CellError:
    """What is wrong, with the text and the column, from 1."""
    return CellError(f"equation `{text}`, column {place + 1}: {why}")
