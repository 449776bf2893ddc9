"""Scan: the states whose update is linear in themselves, unit by unit. Their steps need not run one after another.

    before   minGRU   h' = (1 − z) ∘ h + z ∘ n              z and n see the input only
    after    a scan   h' = a ∘ h + b                        a = 1 − z, b = z ∘ n, for all steps at once

A state h is a scan if h' = a ∘ h + b and nothing in a and b depends on h, neither within the step nor by way of other
states over several steps. So everything that a and b need can run for all T steps before h does, and then, because
steps compose, (a₂, b₂) after (a₁, b₁) is (a₂ ∘ a₁, a₂ ∘ b₁ + b₂), h itself in log T rounds:

    found       minGRU; a leaky trace u' = 0.9 u + h of a GRU's h, which never sees u
    not found   GRU: h' is not linear in h. LSTM: c' is linear in c, but its gate f depends on h, and h on c.
                IndRNN: a relu. A linear Elman network: R mixes the units.

It is found by following, through sums, products and quotients, how much of the state is in each value. What is found
is so; a step that is linear only because something cancels is not found.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from unspool.ir import Apply, GraphBuilder, Node, Read, StepGraph, Variable
from unspool.passes.simplify import simpler_apply


@dataclass(frozen=True)
class Scan:
    """A state with h' = a ∘ h + b.

    Attributes:
        state: its name.
        nodes: the graph's nodes at their positions, and behind them what a and b take besides.
        coefficient: position of a, a vector or a number; the constant 0 where h' does not depend on h.
        addend: position of b.
    """

    state: str
    nodes: tuple[Node, ...]
    coefficient: int
    addend: int


@dataclass(frozen=True)
class _Line:
    """A value as a ∘ h + b; None for a part that is zero."""

    coefficient: int | None
    addend: int | None


def scans(graph: StepGraph) -> tuple[Scan, ...]:
    """The states of `graph` that are scans, in the order of the page. Cost: linear in nodes × states."""
    found = (_scan(graph, state, result) for state, result in zip(graph.states, graph.next_states, strict=True))
    return tuple(scan for scan in found if scan)


def _scan(graph: StepGraph, state: Variable, result: int) -> Scan | None:
    builder = GraphBuilder()
    for node in graph.nodes:
        builder.add(node)
    line = _lines(graph, state, builder)[result]
    if line is None:
        return None
    zero = builder.constant(0.0)
    coefficient, addend = (zero if part is None else part for part in (line.coefficient, line.addend))
    if state.name in _needs(graph, builder.nodes, (coefficient, addend)):
        return None
    return Scan(state.name, tuple(builder.nodes), coefficient, addend)


def _lines(graph: StepGraph, state: Variable, builder: GraphBuilder) -> list[_Line | None]:
    """Every value as a line in the state; None where it is none."""

    def both(operation: str, left: int | None, right: int | None) -> int | None:
        if left is None or right is None:
            rest = right if left is None else left
            return rest if left is not None or operation == "add" or rest is None else negative(rest)
        return simpler_apply(builder, operation, (left, right))

    def negative(part: int | None) -> int | None:
        return None if part is None else simpler_apply(builder, "negate", (part,))

    def scaled(line: _Line, apply: Callable[[int], int]) -> _Line:
        return _Line(*(None if part is None else apply(part) for part in (line.coefficient, line.addend)))

    lines: list[_Line | None] = []
    for position, node in enumerate(graph.nodes):
        line: _Line | None = _Line(None, position)
        if isinstance(node, Read) and node.name == state.name:
            line = _Line(builder.constant(1.0), None)
        elif isinstance(node, Apply) and node.operation != "size":  # how many units there are, no value decides
            given = [lines[a] for a in node.arguments]
            if any(g is None for g in given):
                line = None
            elif any(g is not None and g.coefficient is not None for g in given):
                line = None
                match node.operation, given:
                    case "add" | "subtract", [_Line(a, b), _Line(c, d)]:
                        line = _Line(both(node.operation, a, c), both(node.operation, b, d))
                    case "negate", [_Line(a, b)]:
                        line = _Line(negative(a), negative(b))
                    case "multiply", [_Line() as left, _Line(None, int(factor))]:
                        line = scaled(left, lambda p, f=factor: simpler_apply(builder, "multiply", (p, f)))
                    case "multiply", [_Line(None, int(factor)), _Line() as right]:
                        line = scaled(right, lambda p, f=factor: simpler_apply(builder, "multiply", (f, p)))
                    case "divide", [_Line() as left, _Line(None, int(factor))]:
                        line = scaled(left, lambda p, f=factor: simpler_apply(builder, "divide", (p, f)))
                    case _:
                        pass
        lines.append(line)
    return lines


def _needs(graph: StepGraph, nodes: list[Node], results: Iterable[int]) -> set[str]:
    """Names of the states that `results` depend on, in this step or by way of earlier ones."""
    updates = dict(zip((s.name for s in graph.states), graph.next_states, strict=True))
    found: set[str] = set()
    todo, seen = list(results), set[int]()
    while todo:
        position = todo.pop()
        if position in seen:
            continue
        seen.add(position)
        node = nodes[position]
        if isinstance(node, Read) and node.name in updates:
            found.add(node.name)
            todo.append(updates[node.name])
        elif isinstance(node, Apply) and node.operation != "size":
            todo.extend(node.arguments)
    return found
