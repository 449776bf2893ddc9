"""A step graph is one recurrent step: from inputs, states and parameters to next states and output.

It is a value: frozen, hashable, comparable, printable, and JSON both ways. Everything that a network
does over time is derived from it.
"""

from dataclasses import dataclass
from functools import cached_property

from unspool.ir.nodes import Apply, Node, Shape
from unspool.ir.sizes import plain_letters


@dataclass(frozen=True)
class Variable:
    """An input or a state.

    Attributes:
        name: as on the page.
        size: its size letter: `I` the input's size, `H` the units, "" one number.
        default: of an input that is one number, its value where none is given; None if it must be given.
    """

    name: str
    size: str
    default: float | None = None

    @property
    def shape(self) -> Shape:
        """In size letters: `("H",)`, or `()` for a number."""
        return (self.size,) if self.size else ()


@dataclass(frozen=True)
class Parameter:
    """A learned parameter as it is stored.

    Attributes:
        name: as on the page.
        shape: size letters of one gate's part, `("H", "I")` or `("H",)`.
        gates: the gates stacked along the first axis, in order; empty for an unstacked parameter.
        fixed: whether it keeps its first value for ever: it is stored, and not learned.
    """

    name: str
    shape: Shape
    gates: tuple[str, ...]
    fixed: bool = False


@dataclass(frozen=True)
class StepGraph:
    """One recurrent step.

    Attributes:
        name: the cell's name.
        inputs: what comes from outside at every step.
        states: what is carried from step to step, in the order of the page.
        parameters: what is learned, in the order of the page.
        nodes: in an order in which every node follows its arguments.
        next_states: for each state the position of its next value.
        output: the position of the output.
        names: (position, name) for the values that the page gives a name.
    """

    name: str
    inputs: tuple[Variable, ...]
    states: tuple[Variable, ...]
    parameters: tuple[Parameter, ...]
    nodes: tuple[Node, ...]
    next_states: tuple[int, ...]
    output: int
    names: tuple[tuple[int, str], ...] = ()

    def __hash__(self) -> int:
        """Computed once: a graph is looked up at every call of a layer."""
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.name, self.nodes, self.next_states, self.output))

    @property
    def results(self) -> tuple[int, ...]:
        """Positions of the next states and the output."""
        return (*self.next_states, self.output)

    @property
    def output_size(self) -> str:
        """The size letter of the output."""
        return self.nodes[self.output].shape[0]

    @property
    def sizes(self) -> frozenset[str]:
        """Every size letter in use."""
        parts = (*(v.size for v in (*self.inputs, *self.states)), *(s for p in self.parameters for s in p.shape))
        return frozenset(letter for part in parts for letter in plain_letters(part))

    @property
    def divisions(self) -> frozenset[tuple[str, str]]:
        """(H, N) for every `H/N` in use: the second must divide the first."""
        split = (plain_letters(size) for p in self.parameters for size in p.shape)
        return frozenset((letters[0], letters[1]) for letters in split if len(letters) == 2)

    @property
    def vector_inputs(self) -> tuple[Variable, ...]:
        """The inputs that are vectors."""
        return tuple(v for v in self.inputs if v.size)

    @property
    def number_inputs(self) -> tuple[Variable, ...]:
        """The inputs that are one number per step and row: a mask, a time step."""
        return tuple(v for v in self.inputs if not v.size)

    def users(self) -> list[list[int]]:
        """For every node the positions of the nodes that use it."""
        users: list[list[int]] = [[] for _ in self.nodes]
        for position, node in enumerate(self.nodes):
            if isinstance(node, Apply):
                for argument in node.arguments:
                    users[argument].append(position)
        return users
