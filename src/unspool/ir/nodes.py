"""The nodes of a step graph: read a variable, take a weight, a number, or apply an operation.

Shapes are tuples of size letters: `("H",)` a vector over the units, `("H", "I")` a matrix, `("H", "H/N")` a
block-diagonal one, `()` a number: one per row and step, or learned.
"""

from dataclasses import dataclass

Shape = tuple[str, ...]


@dataclass(frozen=True)
class Read:
    """The value of an input at this step, or of a state before it."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class Weight:
    """A learned parameter, or the rows of it that belong to one gate."""

    name: str
    gate: str | None
    shape: Shape


@dataclass(frozen=True)
class Constant:
    """A number."""

    value: float
    shape: Shape = ()


@dataclass(frozen=True)
class Apply:
    """An operation applied to earlier nodes, which are named by their positions in the graph."""

    operation: str
    arguments: tuple[int, ...]
    shape: Shape


Node = Read | Weight | Constant | Apply
