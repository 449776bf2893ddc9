"""Coefficients: what a linear step multiplies by leaves it, and is read by the step.

before   δh' = R @ δh ∘ (1 − h' ∘ h')        of the tangent of h' = tanh(W @ x + R @ h)
after    δh' = R @ δh ∘ k1                   k1 = 1 − h' ∘ h', for all steps at once, and for all columns δh
"""

from dataclasses import replace

from unspool.ir import Apply, GraphBuilder, Read, StepGraph, Variable
from unspool.passes.rewrite import rewrite


def without_coefficients(graph: StepGraph) -> tuple[StepGraph, tuple[int, ...]]:
    """The tangent `graph` with its coefficients as inputs k1, k2, …, and their positions in `graph`.

    What varies with a tangent, δ…, stays, and so do parameters and numbers. Cost: linear in the number of nodes.
    """
    varies: list[bool] = []
    for node in graph.nodes:
        depends = isinstance(node, Apply) and any(varies[a] for a in node.arguments)
        varies.append(depends or (isinstance(node, Read) and node.name.startswith("δ")))
    inside = {a for p, node in enumerate(graph.nodes) if varies[p] and isinstance(node, Apply) for a in node.arguments}
    outside = [
        p for p in sorted(inside | set(graph.results)) if not varies[p] and isinstance(graph.nodes[p], Apply | Read)
    ]
    named = {p: Variable(f"k{i}", "".join(graph.nodes[p].shape)) for i, p in enumerate(outside, 1)}

    def read(builder: GraphBuilder, old: int, _: tuple[int, ...]) -> int | None:
        return builder.read(named[old]) if old in named else None

    moved = tuple(v for v in graph.inputs if v.name.startswith("δ"))
    return replace(rewrite(graph, read), inputs=(*named.values(), *moved)), tuple(named)
