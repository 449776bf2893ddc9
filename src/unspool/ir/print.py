"""A graph as text: its equations, one line per value that has a name or several users."""

from collections.abc import Mapping, Sequence

from unspool.ir.graph import Parameter, StepGraph
from unspool.ir.nodes import Apply, Constant, Node, Read, Weight
from unspool.ir.operations import DERIVED, OPERATIONS


def print_graph(graph: StepGraph) -> str:
    """The graph as equations, with what it reads, learns and returns.

    For example::

        gru: x [I], h [H] → h [H]
        W [3·H, I]  R [3·H, H]  b [3·H]  bR [3·H]   gates r z n
          r  = σ(W.r @ x + b.r + R.r @ h + bR.r)
          …
          h' = (1 − z) ∘ n + z ∘ h
    """
    lines = expressions(graph)
    width = max(len(name) for name, _ in lines)
    reads = ", ".join(f"{v.name} [{v.size}]" for v in (*graph.inputs, *graph.states))
    gives = ", ".join(f"{v.name} [{v.size}]" for v in graph.states)
    head = [f"{graph.name}: {reads} → {gives}"]
    if graph.output != graph.next_states[0]:
        head[0] += f"; output [{graph.output_size}]"
    if graph.parameters:
        head.append("  ".join(f"{p.name} {parameter_shape(p)}" for p in graph.parameters))
        gates = next((p.gates for p in graph.parameters if p.gates), ())
        if gates:
            head[-1] += f"   gates {' '.join(gates)}"
    return "\n".join([*head, *(f"  {name:<{width}} = {text}" for name, text in lines)])


def expressions(graph: StepGraph) -> list[tuple[str, str]]:
    """(name, right-hand side) of every equation, in order; the last ones are the next states and the output."""
    names = _line_names(graph)
    text = written(graph.nodes, names)
    lines = [(names[p], text[p]) for p in sorted(names)]
    for state, result in zip(graph.states, graph.next_states, strict=True):
        if names.get(result) != f"{state.name}'":
            lines.append((f"{state.name}'", names.get(result, text[result])))
    if graph.output not in graph.next_states:
        lines.append(("output", names.get(graph.output, text[graph.output])))
    return lines


def written(nodes: Sequence[Node], names: Mapping[int, str]) -> list[str]:
    """Every value as an expression of what it reads and of the values that have names."""
    texts: list[str] = []
    inside: list[tuple[str, int]] = []  # as it stands in another expression, and how tightly it binds there
    for position, node in enumerate(nodes):
        match node:
            case Read(name, _):
                text, binding = name, 9
            case Weight(name, gate, _):
                text, binding = (name if gate is None else f"{name}.{gate}"), 9
            case Constant(value, _):
                text, binding = f"{value:g}".replace("-", "−"), 9 if value >= 0 else 3
            case Apply(operation, arguments, _):
                text, binding = _written(operation, [inside[a] for a in arguments])
        texts.append(text)
        inside.append((names[position], 9) if position in names else (text, binding))
    return texts


def parameter_shape(parameter: Parameter) -> str:
    """`[3·H, I]`: the stored shape in size letters."""
    rows = f"{len(parameter.gates)}·{parameter.shape[0]}" if parameter.gates else "".join(parameter.shape[:1])
    return f"[{', '.join((rows, *parameter.shape[1:])) if parameter.shape else ''}]"


def _line_names(graph: StepGraph) -> dict[int, str]:
    """Names of the values that get a line of their own: named on the page, a next state, or used twice."""
    names = {p: n for p, n in graph.names if isinstance(graph.nodes[p], Apply)}
    for state, result in zip(graph.states, graph.next_states, strict=True):
        if isinstance(graph.nodes[result], Apply) and not names.get(result, "").endswith("'"):
            names[result] = f"{state.name}'"
    for position, users in enumerate(graph.users()):
        if isinstance(graph.nodes[position], Apply) and len(users) > 1:
            names.setdefault(position, f"v{position}")
    return names


def _written(operation: str, arguments: list[tuple[str, int]]) -> tuple[str, int]:
    op = OPERATIONS.get(operation) or DERIVED[operation]
    loose = 1 if operation == "power" else 0  # a ^ b ^ c is a ^ (b ^ c); everything else is read from the left
    parts = []
    for index, (text, binding) in enumerate(arguments):
        tight = op.binding + (index != loose)
        parts.append(f"({text})" if op.binding < 9 and binding < tight else text)
    return op.form.format(*parts), op.binding
