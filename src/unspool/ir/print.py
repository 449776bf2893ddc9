"""A graph as text: its equations, one line per value that has a name or several users."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from itertools import count

from unspool.ir.build import needed_for
from unspool.ir.graph import Parameter, StepGraph
from unspool.ir.nodes import Apply, Constant, Node, Read, Weight
from unspool.ir.operations import DERIVED, MATRICES, OPERATIONS

SHORT = 8
"""Letters of an expression that is written out wherever it is used, such as 1 − z."""

LONG = 100
"""Letters from which an expression is cut into several lines."""


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
    writer = _Writer(nodes, dict(names))
    for position in range(len(nodes)):
        writer.write(position)
    return [text for text, _ in writer.texts.values()]


def with_fresh_names(
    nodes: Sequence[Node],
    names: Mapping[int, str],
    results: Sequence[int],
    *,
    letter: str = "v",
    taken: Set[str] = frozenset(),
) -> dict[int, str]:
    """`names`, and v1, v2 … for what would otherwise be written twice or make a line too long.

    Args:
        nodes: what is printed.
        names: position → name.
        results: positions that are printed besides as uses of their own.
        letter: what fresh names begin with.
        taken: names that are in use elsewhere.
    """
    used = set(taken) | set(names.values())
    used |= {n.name for n in nodes if isinstance(n, Read | Weight)}
    fresh = (name for i in count(1) if (name := f"{letter}{i}") not in used)
    needed = needed_for(nodes, results)
    uses = Counter(results)
    for position in needed:
        uses.update(_arguments(nodes[position]))
    writer = _Writer(nodes, dict(names))
    for position in sorted(needed):
        text = writer.write(position)
        while len(text) > LONG and (part := writer.longest_part(position)) is not None:
            writer.name(part, next(fresh))
            text = writer.write(position)
        if uses[position] > 1 and len(text) > SHORT and writer.can_be_named(position):
            writer.name(position, next(fresh))
    return writer.names


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
    return with_fresh_names(graph.nodes, names, graph.results)


class _Writer:
    """Writes values in order; how a value reads in another one depends on whether it has a name by then."""

    def __init__(self, nodes: Sequence[Node], names: dict[int, str]) -> None:
        self.nodes, self.names = nodes, names
        self.texts: dict[int, tuple[str, int]] = {}
        """Position → expression, and how tightly it binds."""

    def write(self, position: int) -> str:
        """The expression at `position`; those of its arguments are written."""
        match self.nodes[position]:
            case Read(name, _):
                written = name, 9
            case Weight(name, gate, _):
                written = (name if gate is None else f"{name}.{gate}"), 9
            case Constant(value, _):
                text = f"{value:g}" if float(f"{value:g}") == value else repr(value)
                written = text.replace("-", "−"), 9 if value >= 0 else 3
            case Apply("add", (left, right), _) if self._is_negated(right):
                (negated,) = _arguments(self.nodes[right])
                written = _written("subtract", [self._inside(left), self._inside(negated)])
            case Apply("spread", (number, _), _):
                written = self._inside(number)  # a number is for every unit anyway
            case Apply(operation, arguments, _):
                written = _written(operation, [self._inside(a) for a in arguments])
        self.texts[position] = written
        return written[0]

    def name(self, position: int, name: str) -> None:
        """From now on `position` reads as `name`."""
        self.names[position] = name

    def longest_part(self, position: int) -> int | None:
        """The argument without a name that takes the most room at `position`, if it takes some."""
        parts = [a for a in _arguments(self.nodes[position]) if self.can_be_named(a) and len(self.texts[a][0]) > SHORT]
        return max(parts, key=lambda p: len(self.texts[p][0]), default=None)

    def can_be_named(self, position: int) -> bool:
        """Whether it is an expression for a vector or a number, and has no name."""
        node = self.nodes[position]
        return isinstance(node, Apply) and len(node.shape) < 2 and position not in self.names

    def _inside(self, position: int) -> tuple[str, int]:
        return (self.names[position], 9) if position in self.names else self.texts[position]

    def _is_negated(self, position: int) -> bool:
        node = self.nodes[position]
        return position not in self.names and isinstance(node, Apply) and node.operation == "negate"


def _arguments(node: Node) -> tuple[int, ...]:
    return node.arguments if isinstance(node, Apply) else ()


def _written(operation: str, arguments: list[tuple[str, int]]) -> tuple[str, int]:
    op = OPERATIONS.get(operation) or DERIVED.get(operation) or MATRICES[operation]
    loose = 1 if operation == "power" else 0  # a ^ b ^ c is a ^ (b ^ c); everything else is read from the left
    parts = []
    for index, (text, binding) in enumerate(arguments):
        tight = op.binding + (index != loose)
        parts.append(f"({text})" if op.binding < 9 and binding < tight else text)
    return op.form.format(*parts), op.binding
