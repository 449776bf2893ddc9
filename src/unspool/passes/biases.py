"""Biases: a vector parameter that is only ever a term of a sum is a bias, and a step can do without it.

    before                                    after (bias=False)
    h' = tanh(W @ x + b + R @ h + bR)         h' = tanh(W @ x + R @ h)

A peephole p in p ∘ c is multiplied, so it is no bias. Derived from the graph, not declared on the page.
"""

from unspool.ir import Apply, GraphBuilder, Node, StepGraph, Weight, check_graph
from unspool.passes.rewrite import rewrite
from unspool.passes.simplify import simplify


def bias_names(graph: StepGraph) -> frozenset[str]:
    """Names of the parameters that are biases."""
    users = graph.users()
    candidates = {p.name for p in graph.parameters if len(p.shape) == 1}
    for position, node in enumerate(graph.nodes):
        if not isinstance(node, Weight):
            continue
        if position in graph.results or any(not _is_sum(graph.nodes[u]) for u in users[position]):
            candidates.discard(node.name)
    return frozenset(candidates)


def without_biases(graph: StepGraph) -> StepGraph:
    """The same step with every bias left out.

    Raises:
        CellError: a next state or the output was made of biases only.
    """
    biases = bias_names(graph)

    def zero(builder: GraphBuilder, old: int, _: tuple[int, ...]) -> int | None:
        node = graph.nodes[old]
        return builder.constant(0.0) if isinstance(node, Weight) and node.name in biases else None

    return check_graph(simplify(rewrite(graph, zero)))


def _is_sum(node: Node) -> bool:
    return isinstance(node, Apply) and node.operation in ("add", "subtract")
