"""Hoist: what does not depend on a state leaves the loop over time.

    before  r = σ(W.r @ x + b.r + R.r @ h + bR.r)          three terms wait inside the loop
    after   r = σ(((b.r + bR.r) + W.r @ x) + R.r @ h)      one sum, computed for all T steps at once

Sums are regrouped so that their hoistable terms stand together, those that no step changes first, and then the
products, which a kernel accumulates together; a reordered sum differs from the page's by rounding only.
"""

from collections.abc import Iterable
from itertools import groupby

from unspool.ir import Apply, GraphBuilder, Node, Read, StepGraph
from unspool.passes.rewrite import rewrite


def hoistable(graph: StepGraph) -> frozenset[int]:
    """Positions of the nodes that depend on inputs, parameters and numbers only."""
    states = {s.name for s in graph.states}
    return frozenset(p for p, depends in enumerate(_depends_on(graph.nodes, states)) if not depends)


def regroup_sums(graph: StepGraph) -> StepGraph:
    """`graph` with the terms of every sum in the order: parameters, what inputs change, products, others."""
    users = graph.users()
    states = {s.name for s in graph.states}
    changing = states | {v.name for v in graph.inputs}
    visible = {*graph.results, *(p for p, _ in graph.names)}
    terms: dict[int, tuple[int, ...]] = {}  # new position of a sum that only feeds another sum → its terms

    def regroup(builder: GraphBuilder, old: int, arguments: tuple[int, ...]) -> int | None:
        if not _is_add(graph.nodes[old]):
            return None
        by_state, by_step = _depends_on(builder.nodes, states), _depends_on(builder.nodes, changing)
        flat = [t for a in arguments for t in terms.get(a, (a,))]

        def rank(term: int) -> tuple[bool, bool, bool]:
            return by_state[term], by_step[term], by_state[term] and not _is_product(builder.nodes[term])

        parts = [_sum(builder, group) for _, group in groupby(sorted(flat, key=rank), rank)]
        position = _sum(builder, parts)
        if old not in visible and all(_is_add(graph.nodes[u]) for u in users[old]):
            terms[position] = tuple(flat)
        return position

    return rewrite(graph, regroup)


def _sum(builder: GraphBuilder, terms: Iterable[int]) -> int:
    position, *rest = terms
    for term in rest:
        position = builder.apply("add", position, term)
    return position


def _depends_on(nodes: "list[Node] | tuple[Node, ...]", names: set[str]) -> list[bool]:
    depends: list[bool] = []
    for node in nodes:
        if isinstance(node, Apply):
            depends.append(any(depends[a] for a in node.arguments))
        else:
            depends.append(isinstance(node, Read) and node.name in names)
    return depends


def _is_product(node: Node) -> bool:
    return isinstance(node, Apply) and node.operation == "product"


def _is_add(node: Node) -> bool:
    return isinstance(node, Apply) and node.operation == "add"
