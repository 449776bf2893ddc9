"""Dropout inside the recurrence: what a recurrent product multiplies is masked first.

    before   h' = tanh(W x + R h)
    after    h' = tanh(W x + R (drop_h ∘ h))       an input more, of the size of h

The mask is 0 with probability p and 1 / (1 − p) otherwise, one for each sequence and the same at all its steps (Gal &
Ghahramani 2016, arXiv:1512.05287, section 4.2): masks drawn anew at every step would erase a memory bit by bit. Where
several gates multiply the same value they share a mask (the paper's "tied weights"). A state that no product sees, as
an LSTM's c, is left alone; so is a cell that has no recurrent product.
"""

from dataclasses import replace
from functools import cache

from unspool.errors import CellError
from unspool.ir import Apply, GraphBuilder, Read, StepGraph, Variable
from unspool.passes.hoist import hoistable
from unspool.passes.rewrite import rewrite

PREFIX = "drop_"
"""What the names of the new inputs begin with."""


@cache
def dropped(graph: StepGraph) -> tuple[StepGraph, tuple[Variable, ...]]:
    """The step with a mask on whatever it multiplies a matrix with that depends on a state; and the masks.

    Derived once. A dropped cell is a cell: it is planned, compiled and differentiated as any other.

    Raises:
        CellError: the cell has no recurrent product.
    """
    before, names = hoistable(graph), dict(graph.names)
    masks: dict[int, Variable] = {}
    for position, node in enumerate(graph.nodes):
        if isinstance(node, Apply) and node.operation == "product" and position not in before:
            operand = node.arguments[1]
            value = graph.nodes[operand]
            name = value.name if isinstance(value, Read) else names.get(operand, f"{len(masks) + 1}")
            masks.setdefault(operand, Variable(PREFIX + name.replace("'", "_new"), value.shape[0]))
    if not masks:
        raise CellError(
            f"{graph.name}: no matrix multiplies its state, so there is nothing for recurrent dropout to mask",
            hint="zoneout is for any cell; dropout= between layers, too",
        )

    def mask(builder: GraphBuilder, old: int, arguments: tuple[int, ...]) -> int | None:
        node = graph.nodes[old]
        if not (isinstance(node, Apply) and node.operation == "product" and old not in before):
            return None
        matrix, operand = arguments
        read = builder.read(masks[node.arguments[1]])
        return builder.apply("product", matrix, builder.apply("multiply", read, operand))

    added = tuple(masks.values())
    return rewrite(replace(graph, inputs=(*graph.inputs, *added)), mask), added
