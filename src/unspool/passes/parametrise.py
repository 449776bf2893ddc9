"""Parametrise: a matrix that is made of learned ones becomes a matrix of its own, computed before the loop.

    before                                   after
    U  = expm(A − Aᵀ)                        h' = modrelu(W x + U h), with a parameter U
    h' = modrelu(W x + U h)                  U  = expm(A − Aᵀ), once per call

So no kernel, Jacobian or analysis knows where a matrix comes from, and the chain rule from U to A is applied once, to
the sum over all steps. What is made of vectors, as tau = 1 + softplus(s), stays in the step: a plan hoists it.
"""

from dataclasses import dataclass, replace
from functools import cache

from unspool.ir import Apply, GraphBuilder, Node, Parameter, StepGraph
from unspool.ir.build import needed_for
from unspool.passes.rewrite import rewrite


@dataclass(frozen=True)
class Parametrised:
    """A step whose matrices are parameters, and how they are made of those that are stored.

    Attributes:
        graph: the step; its parameters are those that it reads, made or stored.
        stored: the parameters of the page.
        nodes: of the page's graph.
        made: name of a made matrix → its position in `nodes`.
        needed: positions of what the made matrices are computed from, in order.
    """

    graph: StepGraph
    stored: tuple[Parameter, ...]
    nodes: tuple[Node, ...]
    made: tuple[tuple[str, int], ...]
    needed: tuple[int, ...]


@cache
def parametrised(graph: StepGraph) -> Parametrised:
    """`graph` with every made matrix as a parameter; `graph` itself where there is none."""
    products = (n for n in graph.nodes if isinstance(n, Apply) and n.operation == "product" and len(n.shape) == 1)
    roots = dict.fromkeys(n.arguments[0] for n in products if isinstance(graph.nodes[n.arguments[0]], Apply))
    if not roots:
        return Parametrised(graph, graph.parameters, (), (), ())
    names, taken = dict(graph.names), {d.name for d in (*graph.inputs, *graph.states, *graph.parameters)}
    made: dict[int, Parameter] = {}
    for position in roots:
        name = names.get(position) or f"M{len(made) + 1}"
        while name in taken:
            name += "_"
        taken.add(name)
        made[position] = Parameter(name, graph.nodes[position].shape, ())

    def read(builder: GraphBuilder, old: int, _: tuple[int, ...]) -> int | None:
        return builder.weight(made[old]) if old in made else None

    whole = replace(
        graph,
        parameters=(*graph.parameters, *made.values()),
        names=tuple((p, n) for p, n in graph.names if p not in made),
    )
    return Parametrised(
        graph=rewrite(whole, read),
        stored=graph.parameters,
        nodes=graph.nodes,
        made=tuple((parameter.name, position) for position, parameter in made.items()),
        needed=tuple(sorted(needed_for(graph.nodes, made))),
    )
