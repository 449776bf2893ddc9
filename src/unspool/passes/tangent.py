"""Tangent: forward mode on the step. The tangent of a step is a step again, and linear in what it carries.

    forward    h'  = tanh(W @ x + R @ h)
    tangent    δh' = R @ δh ∘ (1 − h' ∘ h')      reads x and h, the state before the step; carries δh

Where h moves by a small δh, h' moves by δh'. Its matrix is the step's Jacobian ∂h'/∂h, and over several steps what it
carries is the product of their Jacobians times the first δh. Being a step graph it runs compiled, as any cell does.

`RULES` gives what each argument's tangent adds to that of the result. What works unit by unit has a diagonal
Jacobian, which is its own transpose: there the adjoint's rule serves.
"""

from unspool.errors import CellError
from unspool.ir import Apply, GraphBuilder, StepGraph, Variable
from unspool.passes.adjoint import RULES as ADJOINT
from unspool.passes.adjoint import Rule, Term
from unspool.passes.simplify import simplify

RULES: dict[str, Rule] = {
    **{name: rule for name, rule in ADJOINT.items() if name not in ("product", "sum", "size", "largest", "spread")},
    "product": lambda M, u, y, d: (None, M.apply("product", d)),
    "sum": lambda a, y, d: (d.apply("sum"),),
    "size": lambda a, y, d: (None,),
    "largest": lambda a, y, d: (_mean(d, 1.0 - (y - a).apply("sign")),),
}
"""(arguments…, result, tangent of one argument) → what it adds to the result's if it is the first, the second …"""


def tangent(graph: StepGraph, inputs: tuple[str, ...] = ()) -> StepGraph:
    """The tangent of `graph`, by its states and by `inputs`; the other inputs stay as they are.

    Its inputs are those of `graph`, the states before the step, and `δx` for each x of `inputs`; it carries `δh` for
    each state h, and its output is the tangent of the output. Cost: linear in the number of nodes, once per cell.

    Raises:
        CellError: the page has a variable or parameter of a tangent's name.
    """
    graph = simplify(graph)
    builder = GraphBuilder()
    for node in graph.nodes:
        builder.add(node)
    variables = {v.name: v for v in (*graph.inputs, *graph.states)}
    moved = {name: Variable(f"δ{name}", variables[name].size) for name in (*inputs, *(s.name for s in graph.states))}
    for name in {v.name for v in moved.values()} & {*variables, *(p.name for p in graph.parameters)}:
        raise CellError(f"{graph.name}: the page has its own '{name}'; the tangent of a cell adds one of this name")
    tangents = {builder.read(variables[n]): Term(builder, builder.read(v)) for n, v in moved.items()}
    for position, node in enumerate(graph.nodes):
        if isinstance(node, Apply) and (found := _tangent(builder, position, node, tangents)):
            tangents[position] = found
    states = tuple(moved[s.name] for s in graph.states)
    zeros = [0.0 * Term(builder, builder.read(s)) for s in states]
    following = [tangents.get(p) or zero for p, zero in zip(graph.next_states, zeros, strict=True)]
    output = tangents.get(graph.output) or 0.0 * Term(builder, graph.output)
    return builder.finish(
        f"tangent of {graph.name}",
        (*graph.inputs, *graph.states, *(moved[name] for name in inputs)),
        states,
        graph.parameters,
        tuple(t.position for t in following),
        output.position,
        _names(graph, tangents),
    )


def _names(graph: StepGraph, tangents: dict[int, Term]) -> dict[int, str]:
    """The page's names, h' for what is the next h, and δr for the tangent of r."""
    names = {p: f"{s.name}'" for p, s in zip(graph.next_states, graph.states, strict=True)} | dict(graph.names)
    return {tangents[p].position: f"δ{name}" for p, name in names.items() if p in tangents} | names


def _tangent(builder: GraphBuilder, position: int, node: Apply, tangents: dict[int, Term]) -> Term | None:
    """What the arguments' tangents add up to; None where it is zero everywhere."""
    result, arguments = Term(builder, position), [Term(builder, a) for a in node.arguments]
    total: Term | None = None
    for index, argument in enumerate(node.arguments):
        if argument in tangents:
            part = RULES[node.operation](*arguments, result, tangents[argument])[index]
            if part is not None:
                total = part if total is None else total + part
    if total is not None and total.shape != result.shape:  # a number's, repeated for every unit
        return total * (0.0 * result + 1.0)
    return total


def _mean(values: Term, of: Term) -> Term:
    """The mean of `values` over the units where `of` is 1."""
    return (values * of).apply("sum") / of.apply("sum")
