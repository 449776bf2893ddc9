"""Fold: the loop as compiled kernels want it, with pointwise work brought back into it.

A plan takes everything out of the loop that can leave it. For a kernel only products are worth that: one product over
all T·B rows is fast, but a pointwise operation or a sum over units outside the loop is one more pass over memory, while
inside the fused loop it is nearly free.

    before   prologue  a = W x + b; z = σ(a)        loop  h' = (1 − z) ∘ h + …      epilogue  y = o ∘ tanh(h')
    after    prologue  W x                          loop  z = σ(W x + b); h' = …; y = o ∘ tanh(h')
"""

from dataclasses import dataclass
from functools import cached_property

from unspool.ir import Apply, Constant, GraphBuilder, Read, StepGraph, Weight
from unspool.ir.build import needed_for
from unspool.passes.hoist import hoistable
from unspool.passes.plan import Instruction, Plan
from unspool.passes.stack import StackedProduct, stack_products
from unspool.passes.sweep import Named, Sweep, weight_name


@dataclass(frozen=True)
class Folded:
    """A plan cut for a kernel: what torch does for all steps at once, and the sweep in between.

    Attributes:
        plan: where it comes from; the positions below are those of its graph.
        prologue, epilogue: instructions before and after the loop.
        forward: the loop.
        sources: (name, position) of the prologue's or input's values that the loop reads at every step.
        constants: (name, position) of vectors and numbers that the loop takes as weights.
        kept: positions of the values that the loop writes, in the order of `forward.writes`.
    """

    plan: Plan
    prologue: tuple[Instruction, ...]
    forward: Sweep
    epilogue: tuple[Instruction, ...]
    sources: tuple[Named, ...]
    constants: tuple[Named, ...]
    kept: tuple[int, ...]

    @cached_property
    def stacks(self) -> tuple[tuple[str, ...], ...]:
        """The sources, those of one stacked product together, left in one piece, where the loop alone reads them."""
        named = {position: name for name, position in self.sources}
        alone = named.keys() - self._read_outside()
        stacks: list[tuple[str, ...]] = []
        for instruction in self.prologue:
            if isinstance(instruction, StackedProduct) and alone.issuperset(instruction.results):
                stacks.append(tuple(named.pop(r) for r in instruction.results))
        return (*stacks, *((name,) for name in named.values()))

    def _read_outside(self) -> set[int]:
        graph = self.plan.graph
        read = {graph.output}
        for instruction in (*self.prologue, *self.epilogue):
            is_stack = isinstance(instruction, StackedProduct)
            read |= {instruction.operand} if is_stack else set(_arguments(graph, instruction))
        return read


def fold(plan: Plan) -> Folded:
    """Cut `plan` for a kernel. Cost: linear in the number of nodes, once per cell."""
    graph = plan.graph
    before = hoistable(graph)
    loop, epilogue = _loop_and_epilogue(graph, before)
    outside = _prologue(graph, before, loop, epilogue, plan.timed)
    builder, moved = GraphBuilder(), {}
    sources: dict[str, int] = {}
    constants: dict[str, int] = {}
    states = {s.name for s in graph.states}

    def place(position: int) -> int:
        if position not in moved:
            moved[position] = _place(position)
        return moved[position]

    def _place(position: int) -> int:
        node = graph.nodes[position]
        if isinstance(node, Constant) or (isinstance(node, Read) and node.name in states):
            return builder.add(node)
        if position in before and position not in plan.timed:
            if isinstance(node, Weight) and len(node.shape) == 2:
                return builder.add(node)
            name = _name(graph, position)
            constants[name] = position
            return builder.add(Weight(name, None, node.shape))
        if isinstance(node, Read) or position in outside:
            name = _name(graph, position)
            sources[name] = position
            return builder.add(Read(name, node.shape))
        assert isinstance(node, Apply)
        return builder.apply(node.operation, *(place(a) for a in node.arguments))

    kept = _kept(graph, loop, epilogue)
    next_states = tuple(place(p) for p in graph.next_states)
    writes = tuple((_written(graph, p), place(p)) for p in kept)
    forward = Sweep(
        name=graph.name,
        nodes=tuple(builder.nodes),
        states=graph.states,
        next_states=next_states,
        writes=writes,
        names=tuple(sorted((moved[p], n) for p, n in graph.names if p in moved and p in loop)),
    )
    return Folded(
        plan=plan,
        prologue=stack_products(graph, sorted(p for p in outside if isinstance(graph.nodes[p], Apply))),
        forward=forward,
        epilogue=stack_products(graph, sorted(epilogue)),
        sources=tuple(sources.items()),
        constants=tuple(constants.items()),
        kept=kept,
    )


def _loop_and_epilogue(graph: StepGraph, before: frozenset[int]) -> tuple[frozenset[int], frozenset[int]]:
    """Positions inside the loop, and those after it: what only the output needs, from its first product on."""
    inside = set(needed_for(graph.nodes, graph.next_states) - before)
    after: set[int] = set()
    for position, node in enumerate(graph.nodes):
        if position in before or position in inside or not isinstance(node, Apply):
            continue
        if node.operation == "product" or any(a in after for a in node.arguments):
            after.add(position)
        else:
            inside.add(position)
    return frozenset(inside), frozenset(after)


def _prologue(
    graph: StepGraph, before: frozenset[int], loop: frozenset[int], epilogue: frozenset[int], timed: frozenset[int]
) -> frozenset[int]:
    """Positions computed for all steps at once, before the loop."""
    wanted = {a for p in epilogue for a in _arguments(graph, p)} | {graph.output}
    needed = needed_for(graph.nodes, [*loop, *graph.next_states, *epilogue, graph.output]) & before
    for position in needed:
        node = graph.nodes[position]
        if isinstance(node, Apply) and (node.operation == "product" or position not in timed):
            wanted.add(position)
    return needed_for(graph.nodes, wanted & before)


def _kept(graph: StepGraph, loop: frozenset[int], epilogue: frozenset[int]) -> tuple[int, ...]:
    wanted = {a for p in epilogue for a in _arguments(graph, p)} | {graph.output}
    states = {s.name for s in graph.states}
    reads = {p for p, n in enumerate(graph.nodes) if isinstance(n, Read) and n.name in states}
    return tuple(sorted(wanted & (loop | reads)))


def _name(graph: StepGraph, position: int) -> str:
    """A name for a value that the loop is given: the page's, or the product's (`W@x.r`), or its place."""
    node = graph.nodes[position]
    match node:
        case Read(name, _):
            return name
        case Weight():
            return weight_name(node)
        case Apply("product", (matrix, vector), _):
            left, right = graph.nodes[matrix], graph.nodes[vector]
            if isinstance(left, Weight) and isinstance(right, Read):
                return f"{left.name}@{right.name}" + (f".{left.gate}" if left.gate else "")
    return f"a#{position}"


def _written(graph: StepGraph, position: int) -> str:
    if position in graph.next_states:
        return f"{graph.states[graph.next_states.index(position)].name}'"
    return f"y#{position}"


def _arguments(graph: StepGraph, position: int) -> tuple[int, ...]:
    node = graph.nodes[position]
    return node.arguments if isinstance(node, Apply) else ()
