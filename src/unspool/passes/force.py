"""Force: a cell's output is pulled towards a teacher before the next step reads it (generalised teacher forcing).

    before   h' = f(x, h)
    after    h' = f(x, (1 − alpha) ∘ h + alpha ∘ teacher)      two inputs more, both of the size of h

alpha = 0 is the cell running freely, alpha = 1 teacher forcing, anything between generalised teacher forcing (Doya
1992; Hess et al. 2023, arXiv:2306.04406). It is given per step and per unit: units without a teacher get 0. What a step
returns is not forced: it is the prediction that a loss compares with the next observation.

A forced cell is a cell: it is planned, compiled and differentiated as any other; its ∂h'/∂h has the factor 1 − alpha.
"""

from dataclasses import replace
from functools import cache

from unspool.errors import CellError
from unspool.ir import GraphBuilder, Read, StepGraph, Variable
from unspool.passes.rewrite import rewrite

TEACHER, ALPHA = "teacher", "alpha"
"""Names of the inputs of a forced cell that the page does not have."""


@cache
def forced(graph: StepGraph) -> StepGraph:
    """The step whose first state, which must be its output, is read as (1 − alpha) ∘ h + alpha ∘ teacher.

    Derived once: every training step asks for it.

    Raises:
        CellError: the output is another value than the first state, or the page has an input, state or parameter of
            one of the new names.
    """
    state = graph.states[0]
    if graph.output != graph.next_states[0]:
        raise CellError(
            f"{graph.name}: its output is not its state {state.name}, so no teacher of the output can force the state",
            hint="force a cell that returns its first state",
        )
    if taken := {TEACHER, ALPHA} & {d.name for d in (*graph.inputs, *graph.states, *graph.parameters)}:
        raise CellError(f"{graph.name}: the page has its own '{taken.pop()}'; a forced cell adds an input of this name")
    teacher, alpha = Variable(TEACHER, state.size), Variable(ALPHA, state.size)

    def force(builder: GraphBuilder, old: int, _: tuple[int, ...]) -> int | None:
        node = graph.nodes[old]
        if not (isinstance(node, Read) and node.name == state.name):
            return None
        share = builder.read(alpha)
        kept = builder.apply("multiply", builder.apply("subtract", builder.constant(1.0), share), builder.add(node))
        return builder.apply("add", kept, builder.apply("multiply", share, builder.read(teacher)))

    return rewrite(replace(graph, inputs=(*graph.inputs, teacher, alpha)), force)
