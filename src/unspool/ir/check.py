"""A graph from outside (a saved model, a test) is checked before it is used."""

from unspool.errors import CellError
from unspool.ir.build import result_shape
from unspool.ir.graph import StepGraph
from unspool.ir.nodes import Apply, Read, Weight


def check_graph(graph: StepGraph) -> StepGraph:
    """Return `graph` if it is well formed.

    Raises:
        CellError: a node follows its user, an operation is unknown, a shape is wrong, or a name is not declared.
    """
    variables = {v.name: (v.size,) for v in (*graph.inputs, *graph.states)}
    weights = {p.name: p for p in graph.parameters}
    for position, node in enumerate(graph.nodes):
        match node:
            case Apply(operation, arguments, shape):
                if any(not 0 <= a < position for a in arguments):
                    raise CellError(f"{graph.name}: node {position} uses a node that does not come before it")
                if result_shape(operation, [graph.nodes[a].shape for a in arguments]) != shape:
                    raise CellError(f"{graph.name}: node {position} ({operation}) states a wrong shape")
            case Read(name, shape):
                if variables.get(name) != shape:
                    raise CellError(f"{graph.name}: node {position} reads '{name}', which is not declared so")
            case Weight(name, gate, shape):
                parameter = weights.get(name)
                if parameter is None or parameter.shape != shape or (gate or "") not in (parameter.gates or ("",)):
                    raise CellError(f"{graph.name}: node {position} takes weight '{name}', which is not declared so")
            case _:
                pass
    if len(graph.next_states) != len(graph.states):
        raise CellError(f"{graph.name}: {len(graph.states)} states but {len(graph.next_states)} next states")
    if any(not 0 <= r < len(graph.nodes) for r in graph.results):
        raise CellError(f"{graph.name}: a result lies outside the graph")
    for state, position in zip(graph.states, graph.next_states, strict=True):
        if graph.nodes[position].shape != (state.size,):
            raise CellError(f"{graph.name}: the next {state.name} is not a vector of size {state.size}")
    if len(graph.nodes[graph.output].shape) != 1:
        raise CellError(f"{graph.name}: the output is not a vector")
    return graph
