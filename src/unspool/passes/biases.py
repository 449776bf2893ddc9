"""Biases: a vector parameter that is only ever a term of a sum is a bias, and a step can do without it.

    before                                    after (bias=False)
    h' = tanh(W @ x + b + R @ h + bR)         h' = tanh(W @ x + R @ h)

A peephole p in p ∘ c is multiplied, so it is no bias; nor is what a page fixes, nor a vector that alone feeds a product
or a reduction over the units, as in total(b). Derived from the graph, not declared on the page.
"""

from unspool.ir import REDUCTIONS, Apply, GraphBuilder, Node, StepGraph, Weight, check_graph
from unspool.passes.rewrite import rewrite
from unspool.passes.simplify import simplify


def bias_names(graph: StepGraph) -> frozenset[str]:
    """Names of the parameters that are biases."""
    users = graph.users()
    candidates = {p.name for p in graph.parameters if len(p.shape) == 1 and not p.fixed} - _needed_as_vectors(graph)
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


def _needed_as_vectors(graph: StepGraph) -> set[str]:
    """Vector parameters that alone make up what a product or a reduction takes: without them it has no units."""
    needed: set[str] = set()
    made_of: list[set[str] | None] = []  # per node the vector parameters that it is made of; None: of other vectors too
    for node in graph.nodes:
        parts: set[str] | None = None
        if node.shape == ():
            parts = set()
        elif isinstance(node, Weight) and len(node.shape) == 1:
            parts = {node.name}
        elif isinstance(node, Apply) and node.operation != "product":
            given = [made_of[a] for a in node.arguments]
            parts = None if None in given else set().union(*(g for g in given if g is not None))
        if isinstance(node, Apply) and node.operation in ("product", *REDUCTIONS):
            needed |= made_of[node.arguments[-1]] or set()
        made_of.append(parts)
    return needed


def _is_sum(node: Node) -> bool:
    return isinstance(node, Apply) and node.operation in ("add", "subtract")
