"""Lookup: a step whose input is one-hot reads columns of its input matrices, and multiplies nothing.

    before   i = σ(W_i x + b_i + R_i h)       x one-hot [V]
    after    i = σ(Wx_i + b_i + R_i h)        an input Wx_i [H]: the column of W_i at the symbol

W x costs V · H multiplications per step and gate where x is dense, and H loads here; its gradient is a sum by symbol.
Every number is the same. It needs x to be read by products with matrices alone, as all built-in gated cells do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from torch import Tensor
from torch.nn import functional

from unspool.ir import Apply, GraphBuilder, Parameter, Read, StepGraph, Variable, Weight, check_graph
from unspool.passes.rewrite import rewrite


@dataclass(frozen=True)
class Lookup:
    """A step graph that reads columns instead of its vector input.

    Attributes:
        graph: the new step; its inputs are named by `columns`.
        columns: per matrix of the page that x was multiplied with: (its parameter, the inputs that are its gates).
    """

    graph: StepGraph
    columns: tuple[tuple[Parameter, tuple[str, ...]], ...]

    def inputs(self, tokens: Tensor, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The new step's inputs, each [T, B, H], of symbols [T, B] (int64)."""
        found: dict[str, Tensor] = {}
        for parameter, names in self.columns:
            read = functional.embedding(tokens, parameters[parameter.name].t())
            found |= dict(zip(names, read.chunk(len(names), -1), strict=True))
        return found

    def parameters(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Those that the new step still takes."""
        return {p.name: parameters[p.name] for p in self.graph.parameters}


@cache
def lookup(graph: StepGraph) -> Lookup | None:
    """The step of one-hot inputs; None where x is used otherwise than in products with whole matrices."""
    (x,) = graph.vector_inputs
    users = graph.users()
    wanted: dict[str, set[str | None]] = {}
    for position, node in enumerate(graph.nodes):
        if node != Read(x.name, x.shape):
            continue
        if position in graph.results:
            return None
        for user in users[position]:
            found = graph.nodes[user]
            matrix = graph.nodes[found.arguments[0]] if isinstance(found, Apply) else None
            if not (isinstance(found, Apply) and found.operation == "product" and isinstance(matrix, Weight)):
                return None
            if matrix.shape[1:] != x.shape or graph.users()[found.arguments[0]] != [user]:
                return None
            wanted.setdefault(matrix.name, set()).add(matrix.gate)
    stored = [p for p in graph.parameters if p.name in wanted]
    # A gate that the page does not read has a column of its own too: the parts of the stored matrix stay side by side.
    columns = tuple((p, tuple(f"{p.name}x_{g}" for g in p.gates) if p.gates else (f"{p.name}x",)) for p in stored)

    def read(builder: GraphBuilder, old: int, _: tuple[int, ...]) -> int | None:
        node = graph.nodes[old]
        if not (isinstance(node, Apply) and node.operation == "product"):
            return None
        matrix, operand = (graph.nodes[a] for a in node.arguments)
        if operand != Read(x.name, x.shape) or not isinstance(matrix, Weight):
            return None
        return builder.add(Read(f"{matrix.name}x_{matrix.gate}" if matrix.gate else f"{matrix.name}x", node.shape))

    made = rewrite(graph, read)
    variables = tuple(Variable(name, p.shape[0]) for p, names in columns for name in names)
    used = {n.name for n in made.nodes if isinstance(n, Read)}
    kept = tuple(v for v in variables if v.name in used)
    if len(kept) != len(variables):
        return None
    return Lookup(check_graph(_with_inputs(made, (*kept, *graph.number_inputs))), columns)


def _with_inputs(graph: StepGraph, inputs: tuple[Variable, ...]) -> StepGraph:
    return StepGraph(
        graph.name,
        inputs,
        graph.states,
        graph.parameters,
        graph.nodes,
        graph.next_states,
        graph.output,
        graph.names,
    )
