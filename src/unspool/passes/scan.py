"""Scan: the states whose update is linear in themselves, unit by unit. Their steps need not run one after another.

    before   minGRU   h' = (1 − z) ∘ h + z ∘ n              z and n see the input only
    after    a scan   h' = a ∘ h + b                        a = 1 − z, b = z ∘ n, for all steps at once

    before   LRU      p' = a ∘ p − b ∘ q + u                a complex number p + q i, turned and shrunk
                      q' = b ∘ p + a ∘ q + v
    after    a scan   [p', q'] = A [p, q] + [u, v]          A = [a, −b; b, a] of each unit, for all steps at once

A group of k states s is a scan if s' = A s + b, with a k × k matrix A for each unit, and nothing in A and b depends on
the group, neither within the step nor by way of other states over several steps. So everything that A and b need can
run for all T steps before the group does, and then, because steps compose, (A₂, b₂) after (A₁, b₁) is
(A₂ A₁, A₂ b₁ + b₂), the group itself in log T rounds. One state alone is the case k = 1:

    found       minGRU; a leaky trace u' = 0.9 u + h of a GRU's h, which never sees u; the LRU's p and q together
    not found   GRU: h' is not linear in h. LSTM: c' is linear in c, but its gate f depends on h, and h on c.
                IndRNN: a relu. A linear Elman network: R mixes the units.

States that depend on each other, over however many steps, cannot run before one another: they are a group, or none of
them is a scan. So whatever else the group reads does not depend on it. Linearity is found by following, through sums,
products and quotients, how much of the group is in each value. What is found is so; a step that is linear only because
something cancels is not found.
"""

from collections.abc import Callable
from dataclasses import dataclass

from unspool.ir import Apply, GraphBuilder, Node, Read, StepGraph
from unspool.passes.simplify import simpler_apply


@dataclass(frozen=True)
class Scan:
    """A group of k states s with s' = A s + b, unit by unit.

    Attributes:
        states: their names, in the order of the page.
        nodes: the graph's nodes at their positions, and behind them what A and b take besides.
        coefficients: positions of A, a row for each next state and in it one for each state: a vector or a number, the
            constant 0 where the one does not depend on the other.
        addends: positions of b, one for each next state.
    """

    states: tuple[str, ...]
    nodes: tuple[Node, ...]
    coefficients: tuple[tuple[int, ...], ...]
    addends: tuple[int, ...]


@dataclass(frozen=True)
class _Line:
    """A value as a₁ ∘ s₁ + a₂ ∘ s₂ + … + b; None for a part that is zero."""

    coefficients: tuple[int | None, ...]
    addend: int | None

    @property
    def is_free(self) -> bool:
        """Whether nothing of the group is in it."""
        return all(c is None for c in self.coefficients)


def scans(graph: StepGraph) -> tuple[Scan, ...]:
    """The groups of states of `graph` that are scans, in the order of the page. Cost: nodes × states × group size."""
    found = (_scan(graph, group) for group in _groups(graph))
    return tuple(scan for scan in found if scan)


def _groups(graph: StepGraph) -> list[tuple[str, ...]]:
    """The states, those together that depend on each other."""
    needs = _needs(graph)
    together = {name: tuple(o for o in needs if o == name or (o in needs[name] and name in needs[o])) for name in needs}
    return list(dict.fromkeys(together.values()))


def _scan(graph: StepGraph, group: tuple[str, ...]) -> Scan | None:
    builder = GraphBuilder()
    for node in graph.nodes:
        builder.add(node)
    lines = _lines(graph, group, builder)
    following = {s.name: lines[result] for s, result in zip(graph.states, graph.next_states, strict=True)}
    rows = [line for name in group if (line := following[name]) is not None]
    if len(rows) < len(group):
        return None
    zero = builder.constant(0.0)
    coefficients = tuple(tuple(zero if c is None else c for c in row.coefficients) for row in rows)
    addends = tuple(zero if row.addend is None else row.addend for row in rows)
    return Scan(group, tuple(builder.nodes), coefficients, addends)


def _lines(graph: StepGraph, group: tuple[str, ...], builder: GraphBuilder) -> list[_Line | None]:
    """Every value as a line in the group's states; None where it is none."""

    def both(operation: str, left: int | None, right: int | None) -> int | None:
        if left is None or right is None:
            rest = right if left is None else left
            return rest if left is not None or operation == "add" or rest is None else negative(rest)
        return simpler_apply(builder, operation, (left, right))

    def negative(part: int | None) -> int | None:
        return None if part is None else simpler_apply(builder, "negate", (part,))

    def scaled(line: _Line, apply: Callable[[int], int]) -> _Line:
        coefficients = tuple(None if c is None else apply(c) for c in line.coefficients)
        return _Line(coefficients, None if line.addend is None else apply(line.addend))

    nothing: tuple[int | None, ...] = (None,) * len(group)
    lines: list[_Line | None] = []
    for position, node in enumerate(graph.nodes):
        line: _Line | None = _Line(nothing, position)
        if isinstance(node, Read) and node.name in group:
            line = _Line(tuple(builder.constant(1.0) if name == node.name else None for name in group), None)
        elif isinstance(node, Apply) and node.operation != "size":  # how many units there are, no value decides
            given = [lines[a] for a in node.arguments]
            if any(g is None for g in given):
                line = None
            elif any(g is not None and not g.is_free for g in given):
                line = None
                match node.operation, given:
                    case "add" | "subtract", [_Line(a, b), _Line(c, d)]:
                        parts = tuple(both(node.operation, p, q) for p, q in zip(a, c, strict=True))
                        line = _Line(parts, both(node.operation, b, d))
                    case "negate", [_Line(a, b)]:
                        line = _Line(tuple(negative(p) for p in a), negative(b))
                    case "multiply", [_Line() as left, _Line(addend=int(factor)) as right] if right.is_free:
                        line = scaled(left, lambda p, f=factor: simpler_apply(builder, "multiply", (p, f)))
                    case "multiply", [_Line(addend=int(factor)) as left, _Line() as right] if left.is_free:
                        line = scaled(right, lambda p, f=factor: simpler_apply(builder, "multiply", (f, p)))
                    case "divide", [_Line() as left, _Line(addend=int(factor)) as right] if right.is_free:
                        line = scaled(left, lambda p, f=factor: simpler_apply(builder, "divide", (p, f)))
                    case _:
                        pass
        lines.append(line)
    return lines


def _needs(graph: StepGraph) -> dict[str, set[str]]:
    """State → names of the states that its next value depends on, in this step or by way of earlier ones."""
    updates = dict(zip((s.name for s in graph.states), graph.next_states, strict=True))
    found: dict[str, set[str]] = {}
    for state, result in updates.items():
        needed = found[state] = set()
        todo, seen = [result], set[int]()
        while todo:
            position = todo.pop()
            if position in seen:
                continue
            seen.add(position)
            node = graph.nodes[position]
            if isinstance(node, Read) and node.name in updates:
                needed.add(node.name)
                todo.append(updates[node.name])
            elif isinstance(node, Apply) and node.operation != "size":
                todo.extend(node.arguments)
    return found
