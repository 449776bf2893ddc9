"""A graph as JSON and back. Reading it checks everything and executes nothing."""

from typing import Any

from unspool.errors import CellError
from unspool.ir.check import check_graph
from unspool.ir.graph import Parameter, StepGraph, Variable
from unspool.ir.nodes import Apply, Constant, Node, Read, Weight

FORMAT = 1


def graph_to_json(graph: StepGraph) -> dict[str, Any]:
    """Plain lists, strings and numbers for `json.dumps`."""
    return {
        "format": FORMAT,
        "name": graph.name,
        "inputs": [_variable_to_json(v) for v in graph.inputs],
        "states": [[v.name, v.size] for v in graph.states],
        "parameters": [_parameter_to_json(p) for p in graph.parameters],
        "nodes": [_node_to_json(n) for n in graph.nodes],
        "next_states": list(graph.next_states),
        "output": graph.output,
        "names": [[p, n] for p, n in graph.names],
    }


def graph_from_json(data: dict[str, Any]) -> StepGraph:
    """The graph that `graph_to_json` wrote.

    Raises:
        CellError: the data are not such a graph, or of a newer format.
    """
    try:
        if data["format"] != FORMAT:
            raise CellError(f"graph format {data['format']!r} is not known", hint="a newer version of Unspool wrote it")
        graph = StepGraph(
            name=str(data["name"]),
            inputs=tuple(_variable_from_json(*v) for v in data["inputs"]),
            states=tuple(Variable(str(n), str(s)) for n, s in data["states"]),
            parameters=tuple(_parameter_from_json(*p) for p in data["parameters"]),
            nodes=tuple(_node_from_json(n) for n in data["nodes"]),
            next_states=tuple(int(i) for i in data["next_states"]),
            output=int(data["output"]),
            names=tuple((int(p), str(n)) for p, n in data["names"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CellError(f"not a step graph: {error!r}") from error
    return check_graph(graph)


def _variable_to_json(variable: Variable) -> list[Any]:
    default = [] if variable.default is None else [variable.default]
    return [variable.name, variable.size, *default]


def _variable_from_json(name: Any, size: Any, default: Any = None) -> Variable:
    return Variable(str(name), str(size), None if default is None else float(default))


def _parameter_to_json(parameter: Parameter) -> list[Any]:
    fixed = ["fixed"] if parameter.fixed else []
    return [parameter.name, list(parameter.shape), list(parameter.gates), *fixed]


def _parameter_from_json(name: Any, shape: Any, gates: Any, fixed: Any = None) -> Parameter:
    if fixed not in (None, "fixed"):
        raise ValueError(f"parameter {name!r} is {fixed!r}")
    return Parameter(str(name), _letters(shape), _letters(gates), fixed is not None)


def _letters(texts: list[Any]) -> tuple[str, ...]:
    return tuple(str(text) for text in texts)


def _node_to_json(node: Node) -> list[Any]:
    match node:
        case Read(name, shape):
            return ["read", name, list(shape)]
        case Weight(name, gate, shape):
            return ["weight", name, gate, list(shape)]
        case Constant(value, _):
            return ["constant", value]
        case Apply(operation, arguments, shape):
            return ["apply", operation, list(arguments), list(shape)]


def _node_from_json(data: list[Any]) -> Node:
    match data:
        case ["read", str(name), shape]:
            return Read(name, _letters(shape))
        case ["weight", str(name), gate, shape]:
            return Weight(name, None if gate is None else str(gate), _letters(shape))
        case ["constant", value]:
            return Constant(float(value))
        case ["apply", str(operation), arguments, shape]:
            return Apply(operation, tuple(int(a) for a in arguments), _letters(shape))
        case _:
            raise ValueError(f"unknown node {data!r}")
