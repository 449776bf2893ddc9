"""What a drawing of a step shows: products, functions and operations, and what arrives at each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Feed:
    """What arrives at a part.

    Attributes:
        source: a part by its number, or an input or a state by its name.
        mark: "−" where it is subtracted, "÷" where it divides, else "".
    """

    source: int | str
    mark: str = ""


@dataclass(frozen=True)
class Part:
    """A node of the drawing.

    Attributes:
        kind: "before" or "product", a product with a matrix that leaves the loop or stays in it; "scale", with a
            learned vector or number unit by unit; "function"; "operation", a sum or a product of several.
        label: what is written in it.
        feeds: what arrives.
        name: the page's name of its value, or "".
    """

    kind: str
    label: str
    feeds: tuple[Feed, ...]
    name: str = ""


@dataclass(frozen=True)
class Step:
    """A step to be drawn.

    Attributes:
        inputs: names.
        states: names, in the order of the page.
        parts: in an order in which each follows what feeds it.
        following: for each state what its next value is: a part, or the name of an input or a state.
        output: likewise, of the output.
    """

    inputs: tuple[str, ...]
    states: tuple[str, ...]
    parts: tuple[Part, ...]
    following: tuple[int | str, ...]
    output: int | str
