"""Names, numbers and other single signs of mathematics as MathML."""

import re
from xml.etree.ElementTree import Element

from unspool.lang.equations import GREEK, Name


def named(name: Name) -> Element:
    """A letter with what follows it as subscripts, and a prime: W_r, b1, aR_i, h'."""
    letter, subscripts = _divided(name.text)
    made = _letter(letter)
    if subscripts:
        below = [_letter(subscripts[0])]
        for subscript in subscripts[1:]:
            below += [element("mo", text=",", rspace="0"), _letter(subscript)]
        made = element("msub", made, below[0] if len(below) == 1 else element("mrow", *below))
    # Not a superscript: browsers would make small what fonts have drawn small and raised already.
    return element("mrow", made, element("mo", text="′", lspace="0", rspace="0")) if name.is_next else made


def number(text: str) -> list[Element]:
    """What stands in a row for a number: 1e-5 is a power of ten."""
    digits, _, exponent = text.partition("e")
    if not exponent:
        return [element("mn", text=digits)]
    power = element("msup", element("mn", text="10"), element("mn", text=str(int(exponent)).replace("-", "−")))
    return [power] if digits == "1" else [element("mn", text=digits), element("mo", text="×"), power]


def element(tag: str, *children: Element, text: str = "", **attributes: str) -> Element:
    """An element of MathML."""
    made = Element(tag, attributes)
    made.text = text
    made.extend(children)
    return made


def _divided(name: str) -> tuple[str, list[str]]:
    """The letter of a name and its subscripts: aR_i → a, [R, i]; b1 → b, [1]; alpha → alpha, []."""
    head, _, subscript = name.partition("_")
    subscripts = [subscript] if subscript else []
    if head in GREEK or head in ("Δt", "dt"):
        return head, subscripts
    behind = re.fullmatch(r"(\D+)(\d+)|(.)([A-Z]\w*|.)", head)
    if behind is None:
        return head, subscripts
    letter, index = behind[1] or behind[3], behind[2] or behind[4]
    return letter, [index, *subscripts]


def _letter(text: str) -> Element:
    """Italic if it is one letter, upright if it is a word."""
    printed = GREEK.get(text, text)
    if printed in ("Δt", "dt"):  # one quantity, of two letters
        return element("mrow", element("mi", text=printed[0], mathvariant="normal"), element("mi", text="t"))
    if printed.isdecimal():
        return element("mn", text=printed)
    return element("mi", text=printed, **({} if len(printed) == 1 else {"mathvariant": "normal"}))
