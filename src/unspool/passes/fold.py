"""Fold: the loop as compiled kernels want it, with pointwise work brought back into it.

A plan takes everything out of the loop that can leave it. For a kernel only products are worth that: one product over
all T·B rows is fast, but a pointwise operation or a sum over units outside the loop is one more pass over memory, while
inside the fused loop it is nearly free. A sum of stored vectors is cheaper there, too, than a call of its own.

    before   prologue  a = W x + (b + bR); z = σ(a)   loop  h' = (1 − z) ∘ h + …      epilogue  y = o ∘ tanh(h')
    after    products  W x                            loop  z = σ(W x + b + bR); h' = …; y = o ∘ tanh(h')

Of what is left before the loop, products of an input with a stored matrix belong to the sweep (`products`): whoever
runs it does them too, forwards and backwards. The rest, if there is any, is torch's (`prologue`).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from unspool.ir import Apply, Constant, GraphBuilder, Read, StepGraph, Weight, is_block_diagonal
from unspool.ir.build import needed_for
from unspool.passes.hoist import hoistable
from unspool.passes.plan import Instruction, Plan
from unspool.passes.stack import StackedProduct, stack_products
from unspool.passes.sweep import Named, Sweep, weight_name


@dataclass(frozen=True)
class Hoisted:
    """An input times a whole stored matrix, for all steps at once: W x.

    Attributes:
        input: the input's name.
        weight: the stored parameter's name.
        names: what the loop calls the parts of the result, in order, side by side.
    """

    input: str
    weight: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Folded:
    """A plan cut for a kernel: what torch does for all steps at once, and the sweep in between.

    Attributes:
        plan: where it comes from; the positions below are those of its graph.
        prologue, epilogue: instructions before and after the loop.
        products: of inputs with stored matrices, before the loop, read by it alone.
        forward: the loop.
        sources: (name, position) of what the loop reads at every step: the prologue's, the products', inputs.
        constants: (name, position) of the prologue's vectors and numbers that the loop takes as weights.
        kept: positions of the values that the loop writes, in the order of `forward.writes`.
    """

    plan: Plan
    prologue: tuple[Instruction, ...]
    products: tuple[Hoisted, ...]
    forward: Sweep
    epilogue: tuple[Instruction, ...]
    sources: tuple[Named, ...]
    constants: tuple[Named, ...]
    kept: tuple[int, ...]

    @cached_property
    def stacks(self) -> tuple[tuple[str, ...], ...]:
        """The sources, those of one stacked product together, left in one piece, where the loop alone reads them."""
        done = {name for product in self.products for name in product.names}
        named = {position: name for name, position in self.sources if name not in done}
        alone = named.keys() - _read_outside(self.plan.graph, (*self.prologue, *self.epilogue))
        stacks: list[tuple[str, ...]] = []
        for instruction in self.prologue:
            if isinstance(instruction, StackedProduct) and alone.issuperset(instruction.results):
                stacks.append(tuple(named.pop(r) for r in instruction.results))
        return (*stacks, *((name,) for name in named.values()))


def fold(plan: Plan, *, whole: bool = False) -> Folded:
    """Cut `plan` for a kernel. Cost: linear in the number of nodes, once per cell.

    Args:
        plan: what is cut.
        whole: whether the loop has every product but those of inputs. For many sequences that saves passes over memory
            and calls; for few, one product for all steps is faster.
    """
    graph = plan.graph
    before, cheap = hoistable(graph), _cheap(graph)
    loop, epilogue = _loop_and_epilogue(graph, before, whole)
    needed = needed_for(graph.nodes, [*loop, *graph.next_states, *epilogue, graph.output]) & before
    outside = _prologue(graph, before, epilogue, {p for p in needed if not cheap[p]}, plan.timed, whole)
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
        if isinstance(node, Weight):
            return builder.add(node)
        if position in before and position not in plan.timed and not cheap[position]:
            name = _name(graph, position)
            constants[name] = position
            return builder.add(Weight(name, None, node.shape))
        if isinstance(node, Read) or (position in outside and position in plan.timed):
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
    prologue = stack_products(graph, sorted(p for p in outside if isinstance(graph.nodes[p], Apply)))
    after = stack_products(graph, sorted(epilogue))
    named = {position: name for name, position in sources.items()}
    alone = named.keys() - _read_outside(graph, (*prologue, *after))
    parted = [_hoisted(graph, i, named, alone) for i in prologue]
    return Folded(
        plan=plan,
        prologue=tuple(left for _, left in parted if left is not None),
        products=tuple(product for found, _ in parted for product in found),
        forward=forward,
        epilogue=after,
        sources=tuple(sources.items()),
        constants=tuple(constants.items()),
        kept=kept,
    )


def _loop_and_epilogue(graph: StepGraph, before: frozenset[int], whole: bool) -> tuple[frozenset[int], frozenset[int]]:
    """Positions inside the loop, and those after it: what only the output needs, from its first product on.

    With `whole` nothing is after it.
    """
    inside = set(needed_for(graph.nodes, graph.next_states) - before)
    after: set[int] = set()
    for position, node in enumerate(graph.nodes):
        if position in before or position in inside or not isinstance(node, Apply):
            continue
        if not whole and (node.operation == "product" or any(a in after for a in node.arguments)):
            after.add(position)
        else:
            inside.add(position)
    return frozenset(inside), frozenset(after)


def _cheap(graph: StepGraph) -> list[bool]:
    """Which values are stored vectors, or sums and differences of them: less work at every step than a call is."""
    cheap: list[bool] = []
    for node in graph.nodes:
        match node:
            case Weight(_, _, shape):
                cheap.append(len(shape) == 1)
            case Apply("add" | "subtract" | "negate", arguments, _):
                cheap.append(all(cheap[a] for a in arguments))
            case _:
                cheap.append(False)
    return cheap


def _hoisted(
    graph: StepGraph, instruction: Instruction, named: dict[int, str], alone: Collection[int]
) -> tuple[list[Hoisted], Instruction | None]:
    """The products of an input with whole stored matrices that the loop alone reads, and what is left of it."""
    operand = graph.nodes[instruction.operand] if isinstance(instruction, StackedProduct) else None
    if not isinstance(instruction, StackedProduct) or not isinstance(operand, Read):
        return [], instruction
    pairs = [*zip(instruction.matrices, instruction.results, strict=True)]
    there = {(m.name, m.gate): (p, r) for p, r in pairs if isinstance(m := graph.nodes[p], Weight) and r in alone}
    found: list[Hoisted] = []
    for stored in graph.parameters:
        whole = [(stored.name, gate) for gate in stored.gates or (None,)]
        if there.keys() >= set(whole) and not is_block_diagonal(stored.shape):
            taken = [there[part] for part in whole]
            pairs = [pair for pair in pairs if pair not in taken]
            found.append(Hoisted(operand.name, stored.name, tuple(named[r] for _, r in taken)))
    if not pairs:
        return found, None
    matrices, results = zip(*pairs, strict=True)
    return found, StackedProduct(instruction.operand, matrices, results)


def _read_outside(graph: StepGraph, instructions: Iterable[Instruction]) -> set[int]:
    read = {graph.output}
    for instruction in instructions:
        is_stack = isinstance(instruction, StackedProduct)
        read |= {instruction.operand} if is_stack else set(_arguments(graph, instruction))
    return read


def _prologue(
    graph: StepGraph,
    before: frozenset[int],
    epilogue: frozenset[int],
    needed: Collection[int],
    timed: frozenset[int],
    whole: bool,
) -> frozenset[int]:
    """Positions computed for all steps at once, before the loop; with `whole` of products only those of inputs."""
    wanted = {a for p in epilogue for a in _arguments(graph, p)} | {graph.output}
    for position in needed:
        node = graph.nodes[position]
        if isinstance(node, Apply):
            is_wanted = _is_of_input(graph, node) if whole else node.operation == "product"
            wanted |= {position} if is_wanted or position not in timed else set()
    return needed_for(graph.nodes, wanted & before)


def _is_of_input(graph: StepGraph, node: Apply) -> bool:
    return node.operation == "product" and isinstance(graph.nodes[node.arguments[1]], Read)


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
