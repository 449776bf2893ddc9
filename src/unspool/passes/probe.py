"""Probe: an input that is added to a state after each step, so that its gradient is the loss's with respect to it.

    before   h' = f(x, h)
    after    h' = f(x, h) + probe_h      probe_h: an input more, of the size of h

With probe_h = 0 the step is the one before. ∂loss/∂probe_h(t) is ∂loss/∂h(t), what reaches that state from its own
output and from every later step: the errors that backpropagation through time carries, as the compiled backward pass
computes them.
"""

from dataclasses import replace
from functools import cache

from unspool.errors import CellError
from unspool.ir import GraphBuilder, StepGraph, Variable

PREFIX = "probe_"
"""What the name of a state's probe begins with."""


@cache
def probed(graph: StepGraph) -> StepGraph:
    """The step with a probe for each state; an output that is a state is returned with its probe.

    Derived once: every training step asks for it.

    Raises:
        CellError: the page has an input, state or parameter of a probe's name.
    """
    probes = tuple(Variable(PREFIX + s.name, s.size) for s in graph.states)
    taken = {d.name for d in (*graph.inputs, *graph.states, *graph.parameters)} & {p.name for p in probes}
    if taken:
        raise CellError(f"{graph.name}: the page has its own '{taken.pop()}'; a probed cell adds an input of this name")
    builder = GraphBuilder()
    for node in graph.nodes:
        builder.add(node)
    following = tuple(
        builder.apply("add", old, builder.read(probe)) for old, probe in zip(graph.next_states, probes, strict=True)
    )
    output = graph.output
    if output in graph.next_states:
        output = following[graph.next_states.index(output)]
    inputs = (*graph.inputs, *probes)
    return replace(graph, inputs=inputs, nodes=tuple(builder.nodes), next_states=following, output=output)
