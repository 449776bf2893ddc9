"""A graph from outside (a saved model, a test) is checked before it is used."""

import math
from collections.abc import Sequence

from unspool.errors import CellError
from unspool.ir.build import result_shape
from unspool.ir.graph import StepGraph
from unspool.ir.nodes import Apply, Node, Read, Shape, Weight
from unspool.ir.sizes import plain_letters


def check_graph(graph: StepGraph) -> StepGraph:
    """Return `graph` if it is well formed.

    Raises:
        CellError: a node follows its user, an operation is unknown, a shape is wrong, or a name is not declared.
    """
    _check_declarations(graph)
    for position, node in enumerate(graph.nodes):
        _check_node(graph, position, node)
    _check_results(graph)
    check_matrices(graph.name, graph.nodes)
    return graph


def check_matrices(name: str, nodes: Sequence[Node]) -> None:
    """A matrix must be made of parameters only.

    Raises:
        CellError: one changes from step to step.
    """
    reads: list[bool] = []
    for node in nodes:
        reads.append(isinstance(node, Read) or (isinstance(node, Apply) and any(reads[a] for a in node.arguments)))
        if reads[-1] and len(node.shape) > 1:
            raise CellError(
                f"{name}: a matrix is made of an input or a state",
                hint="a matrix is made of learned matrices and numbers; what changes from step to step is a vector",
            )


def _check_declarations(graph: StepGraph) -> None:
    names = [d.name for d in (*graph.inputs, *graph.states, *graph.parameters)]
    for name in names:
        if not name.isidentifier() or names.count(name) > 1:
            raise CellError(f"{graph.name}: '{name}' is not a name, or declared twice")
    if not graph.states:
        raise CellError(f"{graph.name}: no state")
    for variable in (*graph.inputs, *graph.states):
        if variable.default is not None and (variable.size or not math.isfinite(variable.default)):
            raise CellError(f"{graph.name}: '{variable.name}' cannot be {variable.default} by default")
        if "/" in variable.size or (not variable.size and variable in graph.states):
            raise CellError(f"{graph.name}: '{variable.name}' cannot be of size [{variable.size}]")
    for parameter in graph.parameters:
        if len(set(parameter.gates)) < len(parameter.gates) or (parameter.gates and not parameter.shape):
            raise CellError(f"{graph.name}: the gates of '{parameter.name}' cannot be stacked")
        if not all(_is_size(size, parameter.shape[:index]) for index, size in enumerate(parameter.shape)):
            raise CellError(f"{graph.name}: '{parameter.name}' cannot be of shape [{', '.join(parameter.shape)}]")


def _is_size(size: str, before: Shape) -> bool:
    """A letter, or behind rows of size H the width `H/N` of a block."""
    letters = plain_letters(size)
    return all(letters) and (len(letters) == 1 or (len(letters) == 2 and before == letters[:1]))


def _check_node(graph: StepGraph, position: int, node: Node) -> None:
    match node:
        case Apply(operation, arguments, shape):
            if any(not 0 <= a < position for a in arguments):
                raise CellError(f"{graph.name}: node {position} uses a node that does not come before it")
            if result_shape(operation, [graph.nodes[a].shape for a in arguments]) != shape:
                raise CellError(f"{graph.name}: node {position} ({operation}) states a wrong shape")
        case Read(name, shape):
            if not any(v.name == name and v.shape == shape for v in (*graph.inputs, *graph.states)):
                raise CellError(f"{graph.name}: node {position} reads '{name}', which is not declared so")
        case Weight(name, gate, shape):
            declared = [p for p in graph.parameters if p.name == name and p.shape == shape]
            if not any(gate in (p.gates or (None,)) for p in declared):
                raise CellError(f"{graph.name}: node {position} takes weight '{name}', which is not declared so")
        case _:
            pass


def _check_results(graph: StepGraph) -> None:
    if len(graph.next_states) != len(graph.states):
        raise CellError(f"{graph.name}: {len(graph.states)} states but {len(graph.next_states)} next states")
    if any(not 0 <= p < len(graph.nodes) for p in (*graph.results, *(p for p, _ in graph.names))):
        raise CellError(f"{graph.name}: a result or a name lies outside the graph")
    for state, position in zip(graph.states, graph.next_states, strict=True):
        if graph.nodes[position].shape != (state.size,):
            raise CellError(f"{graph.name}: the next {state.name} is not a vector of size {state.size}")
    if len(graph.nodes[graph.output].shape) != 1:
        raise CellError(f"{graph.name}: the output is not a vector")
