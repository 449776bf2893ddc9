"""Retention: what a step keeps of a state's old value, unit by unit: the factor that the page multiplies it by.

    LSTM     c' = f ∘ c + i ∘ g                f
    GRU      h' = (1 − z) ∘ n + z ∘ h          z
    minGRU   h' = (1 − z) ∘ h + z ∘ n          1 − z
    CTRNN    h' = h + (−h + …) / tau           1 + −1 / tau
    Elman    h' = tanh(W x + R h)              none: nothing of h gets through but by R and tanh

It is read off the page by following sums, products and quotients; a function of h, also a gate, counts as another
value, although it may depend on h. So it is the direct way alone of ∂h'/∂h.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from unspool.ir import Apply, Constant, GraphBuilder, Node, Read, StepGraph, Variable, Weight
from unspool.ir.print import written
from unspool.passes.simplify import simpler_apply, simplify

LONGEST = 60
"""Letters of a factor's text; of inner steps that follow one another it grows without end."""


@dataclass(frozen=True)
class Gate:
    """σ(u), or 1 − σ(u), as the page builds it.

    Attributes:
        opens: 1 where a larger u opens the gate, −1 where it closes it.
        biases: vectors that are only added in u.
    """

    opens: int
    biases: tuple[Weight, ...]


@dataclass(frozen=True)
class Retention:
    """The factor of a state's old value in its next one.

    Attributes:
        state: its name.
        text: the factor as the page writes it, `f` or `1 − z`; cut where it is long.
        step: the cell's step with the factor, [size], in place of its output.
        keep: the factor where it is a gate.
        write: the gate on what is added to the state where that is another gate (LSTM: i).
    """

    state: str
    text: str
    step: StepGraph
    keep: Gate | None
    write: Gate | None


def retentions(graph: StepGraph) -> tuple[Retention | None, ...]:
    """The factor for each state of `graph`, None where there is none. Cost: linear in nodes × states."""
    graph = simplify(graph)
    return tuple(_retention(graph, *pair) for pair in zip(graph.states, graph.next_states, strict=True))


def _retention(graph: StepGraph, state: Variable, following: int) -> Retention | None:
    builder = GraphBuilder()
    for node in graph.nodes:
        builder.add(node)
    factor = _factors(graph.nodes, state.name, builder)[following]
    if factor is None:
        return None
    names = dict(graph.names)
    text = names.get(factor) or written(builder.nodes, names)[factor].replace("+ −", "− ")
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    output = factor
    if not builder.nodes[factor].shape:  # a number, the same for every unit
        nothing = builder.apply("multiply", builder.constant(0.0), builder.read(state))
        output = builder.apply("add", nothing, factor)
    step = replace(graph, nodes=tuple(builder.nodes), output=output)
    keep = _gate(builder.nodes, factor)
    factors_of_terms = (f for term in _terms(graph.nodes, following) for f in _arguments(graph.nodes[term]))
    others = (_gate(graph.nodes, f) for f in factors_of_terms)
    write = next((g for g in others if keep and g and g.biases != keep.biases), None)
    return Retention(state.name, text, step, keep, write)


def _factors(nodes: tuple[Node, ...], state: str, builder: GraphBuilder) -> list[int | None]:
    """For every node the position of what it multiplies the state by; None where the state is not in it by itself."""

    def apply(operation: str, *arguments: int) -> int:
        return simpler_apply(builder, operation, arguments)

    factors: list[int | None] = []
    for node in nodes:
        factor: int | None = None
        if isinstance(node, Read) and node.name == state:
            factor = builder.constant(1.0)
        elif isinstance(node, Apply):
            given = [factors[a] for a in node.arguments]
            match node.operation, given:
                case "add" | "subtract", [int(left), int(right)]:
                    factor = apply(node.operation, left, right)
                case "add" | "subtract", [int(left), None]:
                    factor = left
                case "add", [None, int(right)]:
                    factor = right
                case "subtract", [None, int(right)]:
                    factor = apply("negate", right)
                case "negate", [int(inner)]:
                    factor = apply("negate", inner)
                case "multiply", [int(left), None]:
                    factor = apply("multiply", left, node.arguments[1])
                case "multiply", [None, int(right)]:
                    factor = apply("multiply", node.arguments[0], right)
                case "divide", [int(left), None]:
                    factor = apply("divide", left, node.arguments[1])
                case _:
                    pass
        factors.append(factor)
    return factors


def _gate(nodes: Sequence[Node], position: int) -> Gate | None:
    match nodes[position]:
        case Apply("sigmoid", (argument,), _):
            terms = (nodes[t] for t in _terms(nodes, argument))
            return Gate(1, tuple(t for t in terms if isinstance(t, Weight)))
        case Apply("subtract", (one, inner), _) if nodes[one] == Constant(1.0) and (gate := _gate(nodes, inner)):
            return replace(gate, opens=-gate.opens)
        case _:
            return None


def _terms(nodes: Sequence[Node], position: int) -> list[int]:
    """Positions of the terms of a sum."""
    match nodes[position]:
        case Apply("add", (left, right), _):
            return [*_terms(nodes, left), *_terms(nodes, right)]
        case _:
            return [position]


def _arguments(node: Node) -> tuple[int, ...]:
    return node.arguments if isinstance(node, Apply) and node.operation == "multiply" else ()
