"""Settle: an input that is one number per step and is not given takes the page's default, as a constant.

    before   h' = h + dt ∘ (−h + …) / tau      dt: a number per step, 1 by default
    after    h' = h + (−h + …) / tau           where no dt is given

So a network on a regular grid pays nothing for what it could do on an irregular one.
"""

from collections.abc import Set
from dataclasses import replace
from functools import cache

from unspool.ir import GraphBuilder, Read, StepGraph
from unspool.passes.parametrise import parametrised
from unspool.passes.rewrite import rewrite
from unspool.passes.simplify import simplify


def as_run(graph: StepGraph) -> StepGraph:
    """A page's step as it runs: made matrices are parameters, inputs that have a default take it."""
    return settled(parametrised(graph).graph)


@cache
def settled(graph: StepGraph, given: Set[str] = frozenset()) -> StepGraph:
    """`graph` without the inputs that have a default and are not in `given`; `graph` itself where there is none.

    Derived once per set of names.
    """
    defaults = {v.name: v.default for v in graph.inputs if v.default is not None and v.name not in given}
    if not defaults:
        return graph

    def constant(builder: GraphBuilder, old: int, _: tuple[int, ...]) -> int | None:
        node = graph.nodes[old]
        value = defaults.get(node.name) if isinstance(node, Read) else None
        return None if value is None else builder.constant(value)

    inputs = tuple(v for v in graph.inputs if v.name not in defaults)
    return simplify(rewrite(replace(graph, inputs=inputs), constant))
