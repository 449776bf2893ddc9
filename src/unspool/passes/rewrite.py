"""Rewrites a graph node by node; a pass is a rule."""

from collections.abc import Callable

from unspool.ir import Apply, GraphBuilder, StepGraph

Rule = Callable[[GraphBuilder, int, tuple[int, ...]], int | None]
"""(new graph, old position, new positions of its arguments) → new position, or None to keep the node as it is."""


def rewrite(graph: StepGraph, rule: Rule) -> StepGraph:
    """`graph` with `rule` applied to every node in order; what nothing needs any more is dropped."""
    builder = GraphBuilder()
    moved: list[int] = []
    for old, node in enumerate(graph.nodes):
        arguments = tuple(moved[a] for a in node.arguments) if isinstance(node, Apply) else ()
        position = rule(builder, old, arguments)
        if position is None:
            position = builder.apply(node.operation, *arguments) if isinstance(node, Apply) else builder.add(node)
        moved.append(position)
    return builder.finish(
        graph.name,
        graph.inputs,
        graph.states,
        graph.parameters,
        tuple(moved[p] for p in graph.next_states),
        moved[graph.output],
        {moved[p]: n for p, n in graph.names},
    )
