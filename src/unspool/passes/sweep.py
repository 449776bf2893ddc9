"""A sweep: one pass over time, forwards or backwards, as the graph of what runs at every step.

The forward sweep of a cell and its adjoint are both sweeps, so that one generator makes code for both:

    forward    reads W x_t         carries h         writes h'                  (and what the adjoint reads)
    adjoint    reads dL/dh'_t …    carries dL/dh     writes dL/d(W x_t)         sums dL/db
"""

from dataclasses import dataclass
from functools import cached_property

from unspool.ir import Apply, Constant, Node, Read, Variable, Weight

Named = tuple[str, int]
"""A name and the position of its value."""


@dataclass(frozen=True)
class Sweep:
    """What runs at every step of one pass over time.

    Attributes:
        name: the cell's name, for messages and generated code.
        nodes: in an order in which every node follows its arguments. A `Read` that is no state is read anew at every
            step; a `Weight` is the same at all of them.
        states: what is carried from step to step.
        next_states: for each state the position of its next value.
        writes: written at every step.
        sums: summed over steps and sequences.
        shifted: names of the reads that, at a step, take the value written at the step before in forward order.
        names: (position, name) of values that have a name, for reading.
    """

    name: str
    nodes: tuple[Node, ...]
    states: tuple[Variable, ...]
    next_states: tuple[int, ...]
    writes: tuple[Named, ...] = ()
    sums: tuple[Named, ...] = ()
    shifted: frozenset[str] = frozenset()
    names: tuple[tuple[int, str], ...] = ()

    @cached_property
    def reads(self) -> tuple[Read, ...]:
        """What is read anew at every step, in order."""
        states = {s.name for s in self.states}
        return tuple(n for n in self.nodes if isinstance(n, Read) and n.name not in states)

    @cached_property
    def weights(self) -> tuple[Weight, ...]:
        """Matrices, vectors and numbers that stay the same over time, in order."""
        return tuple(n for n in self.nodes if isinstance(n, Weight))

    @cached_property
    def results(self) -> tuple[int, ...]:
        """Every position that something outside a step needs."""
        return (*self.next_states, *(p for _, p in self.writes), *(p for _, p in self.sums))

    @cached_property
    def varies(self) -> tuple[bool, ...]:
        """For every node whether its value differs between sequences or steps."""
        varies: list[bool] = []
        for node in self.nodes:
            match node:
                case Apply(_, arguments, _):
                    varies.append(any(varies[a] for a in arguments))
                case Read():
                    varies.append(True)
                case Weight() | Constant():
                    varies.append(False)
        return tuple(varies)


def weight_name(weight: Weight) -> str:
    """`R.r` for a gate's rows, `R` for a whole parameter."""
    return weight.name if weight.gate is None else f"{weight.name}.{weight.gate}"
