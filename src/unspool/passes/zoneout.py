"""Zoneout: units keep their old value at random.

    before   h' = f(x, h)
    after    h' = zone_h ∘ h + (1 − zone_h) ∘ f(x, h)       an input more, of the size of h

In training zone_h is 1 with probability p and 0 otherwise, drawn anew for every unit and step. Afterwards it is p
itself, the mean, which is its default: `settled` puts it in (Krueger et al. 2017, arXiv:1606.01305, section 3.3: as
there, an LSTM's h is computed from the c that its gates make, not from the one that zoneout keeps).
"""

from functools import cache

from unspool.ir import GraphBuilder, StepGraph, Variable

PREFIX = "zone_"
"""What the names of the new inputs begin with."""


@cache
def zoned(graph: StepGraph, rates: tuple[tuple[str, float], ...]) -> tuple[StepGraph, tuple[Variable, ...]]:
    """The step with zoneout on some of its states, (name, probability), and the new inputs, in the page's order.

    Derived once. Where the output is the next value of a state it is what zoneout makes of it.
    """
    builder, probability = GraphBuilder(), dict(rates)
    for node in graph.nodes:
        builder.add(node)
    following, added, output = list(graph.next_states), list[Variable](), graph.output
    for index, (state, plain) in enumerate(zip(graph.states, graph.next_states, strict=True)):
        if state.name not in probability:
            continue
        added.append(Variable(PREFIX + state.name, state.size, probability[state.name]))
        zone = builder.read(added[-1])
        kept = builder.apply("multiply", zone, builder.read(state))
        new = builder.apply("multiply", builder.apply("subtract", builder.constant(1.0), zone), plain)
        following[index] = builder.apply("add", kept, new)
        if graph.output == plain:
            output = following[index]
    changed = {f"{v.name.removeprefix(PREFIX)}'" for v in added}
    names = {position: name for position, name in graph.names if name not in changed}
    inputs = (*graph.inputs, *added)
    after = builder.finish(graph.name, inputs, graph.states, graph.parameters, tuple(following), output, names)
    return after, tuple(added)
