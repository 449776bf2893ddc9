"""What a drawing of a setup must know: which steps read an input, which give an output, and what is fed back."""

from dataclasses import dataclass
from typing import Literal, Protocol

from unspool.nn.recurrent import Recurrent

Steps = Literal["none", "first", "every", "last"]


@dataclass(frozen=True)
class Diagram:
    """A setup as a drawing shows it.

    Attributes:
        title: its name, `many to one`.
        recurrent: the cell over time.
        reads: the steps that read an input x.
        gives: the steps that give an output y.
        fed_back: whether an output is the input of the step after it.
        pooled: whether all steps' outputs go into the one that is given.
        begins: what the initial state is computed from: "" for rest, or a word such as `v`.
        steps: steps drawn when it is unrolled.
        encoder: the diagram of what runs before, whose final state is the initial state here.
        attends: whether every output also reads all of the encoder's outputs.
        back: how many steps before its state lies, for each layer; empty where it is one everywhere.
        apart: whether the steps stand apart, each beginning with the encoder's final state.
    """

    title: str
    recurrent: Recurrent
    reads: Steps = "every"
    gives: Steps = "every"
    fed_back: bool = False
    pooled: bool = False
    begins: str = ""
    steps: int = 4
    encoder: "Diagram | None" = None
    attends: bool = False
    apart: bool = False
    back: tuple[int, ...] = ()


class Drawable(Protocol):
    """A module that says how it is drawn."""

    def diagram(self) -> Diagram:
        """How it is drawn."""
        ...
