"""Save plan: which values the forward sweep keeps for the adjoint, and which the adjoint computes again.

Kept is what the adjoint needs and cannot have from what is there anyway: the sequences that the loop reads, the states
before and after each step, and what is already kept. So a product or a reduction is never done twice, and a pointwise
value is computed again where its arguments are at hand.

    LSTM   saved  i, f, g, o and c'        5 values per unit and step      computed again   tanh(c')
    GRU    saved  r, z, n, R_n h           4 values per unit and step      W x is not needed any more
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from unspool.ir import Apply, Constant, GraphBuilder, Node, Read, Weight
from unspool.ir.build import needed_for
from unspool.passes.adjoint import Adjoint, adjoint
from unspool.passes.sweep import Named, Sweep


@dataclass(frozen=True)
class DeferredGradient:
    """A matrix's gradient as one product after the adjoint sweep: Σ delta ⊗ operand.

    Attributes:
        weight: the matrix.
        delta: name of the adjoint's write.
        operand: name of the adjoint's read: a state before the step, or what the forward sweep read or saved.
    """

    weight: Weight
    delta: str
    operand: str


@dataclass(frozen=True)
class Training:
    """The two sweeps of training.

    Attributes:
        forward: the forward sweep, which also writes what is saved.
        saved: the names of those further writes; `NAME'` is the state NAME after each step.
        adjoint: the adjoint sweep. It reads the forward's reads and saved values by their names, and the state before
            a step by the state's name.
        deferred: the matrices' gradients.
        totals: (`∂NAME`, the adjoint's sum that it is) of each vector's gradient. Vectors that are only added to each
            other share one.
    """

    forward: Sweep
    saved: tuple[str, ...]
    adjoint: Sweep
    deferred: tuple[DeferredGradient, ...]
    totals: tuple[tuple[str, str], ...]

    def kept(self, products: Iterable[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
        """Those of the products, each named by what is read of it, that are read again: by the adjoint or after it."""
        read = {r.name for r in self.adjoint.reads} | {d.operand for d in self.deferred}
        return tuple(names for names in products if read & set(names))


def plan_training(forward: Sweep, products: Collection[tuple[str, ...]] = (), fixed: Collection[str] = ()) -> Training:
    """The forward sweep that saves, and its adjoint. Cost: linear in the number of nodes, once per cell.

    Args:
        forward: the sweep.
        products: the names of what it reads of each product before the loop. If the adjoint reads any of a product's,
            all of it has to be kept; where that takes more memory, what it is read for is saved instead.
        fixed: the names of the reads whose gradients nobody wants.
    """
    keeping = _plan(forward, frozenset(), fixed)
    if not (held := keeping.kept(products)):
        return keeping
    saving = _plan(forward, frozenset(name for names in held for name in names), fixed)
    return min((keeping, saving), key=lambda t: len(t.saved) + sum(map(len, t.kept(products))))


def _plan(forward: Sweep, fleeting: frozenset[str], fixed: Collection[str]) -> Training:
    """As `plan_training`, where reads that are fleeting are not at hand any more, unless nothing else will do."""
    derived = adjoint(forward, fixed)
    count = derived.forward_nodes
    operands = {d.operand for d in derived.deferred}
    crossing = _crossing(derived) | operands
    states = {s.name: p for s, p in zip(forward.states, forward.next_states, strict=True)}
    carried = {n.name for p in crossing if isinstance(n := forward.nodes[p], Read) and n.name in states}
    # A product's operand must be in memory for the product after the sweep, so it is never computed again.
    forced = {p for p in operands if isinstance(forward.nodes[p], Apply)} | (_compared(forward) & crossing)
    saved = _choose(forward, crossing, forced, {states[name] for name in carried}, (set(states) - carried) | fleeting)
    written = {position: name for name, position in forward.writes}
    further: list[Named] = []
    read_back: dict[int, str] = {}
    for name in sorted(carried):
        position = states[name]
        if (f"{name}'", position) not in forward.writes:
            further.append((f"{name}'", position))
        if isinstance(forward.nodes[position], Apply):
            read_back[position] = f"{name}'"
    for position in sorted(saved):
        name = written.get(position, f"v#{position}")
        read_back[position] = name
        if position not in written:
            further.append((name, position))
    kept = replace(forward, writes=(*forward.writes, *further))
    backward, deferred, totals = _adjoint(derived, count, read_back, forward)
    return Training(kept, tuple(n for n, _ in further), replace(backward, shifted=frozenset(carried)), deferred, totals)


def saved_values(training: Training) -> dict[str, tuple[str, ...]]:
    """Per size letter ("" for one number) the names of what is saved at every step."""
    forward = training.forward
    found: dict[str, tuple[str, ...]] = {}
    for name, position in forward.writes:
        if name in training.saved:
            letter = "".join(forward.nodes[position].shape)
            found[letter] = (*found.get(letter, ()), name)
    return found


def _crossing(derived: Adjoint) -> set[int]:
    """Forward values that the adjoint's own nodes, or its results, use."""
    sweep, count, found = derived.sweep, derived.forward_nodes, set[int]()
    todo, seen = [*sweep.results, *(d.delta for d in derived.deferred)], set[int]()
    while todo:
        position = todo.pop()
        if position < count:
            found.add(position)
        elif position not in seen:
            seen.add(position)
            todo += _values(sweep, position)
    return found


def _compared(forward: Sweep) -> set[int]:
    """What a largest unit was found in: computed again, in other company, it may round to a value that is none of them.

    Then no unit would be the largest, and its gradient 0 / 0.
    """
    return {
        n.arguments[0]
        for n in forward.nodes
        if isinstance(n, Apply) and n.operation == "largest" and isinstance(forward.nodes[n.arguments[0]], Apply)
    }


def _choose(forward: Sweep, crossing: set[int], forced: set[int], after: set[int], unknown: set[str]) -> set[int]:
    """Positions to save: of the crossing values those that cannot be had from what is at hand.

    A number that a vector is computed with, such as a mean, costs next to nothing: with it perhaps no vector is saved.
    """
    wanted = crossing | _numbers_for_vectors(forward, crossing)
    saved: set[int] = set()
    at_hand: list[bool] = []
    for position, node in enumerate(forward.nodes):
        match node:
            case Read(name, _):
                here = name not in unknown
            case Weight() | Constant():
                here = True
            case Apply(operation, _, _):
                is_pointwise = operation not in ("product", "sum", "largest")
                here = is_pointwise and all(at_hand[a] for a in _values(forward, position))
                here = position in after or (here and position not in forced)
                if position in wanted and not here:
                    saved.add(position)
                    here = True
        at_hand.append(here)
    return saved & _read_again(forward, crossing, saved | after)


def _numbers_for_vectors(forward: Sweep, crossing: set[int]) -> set[int]:
    nodes = forward.nodes
    vectors = [p for p in needed_for(nodes, crossing) if nodes[p].shape]
    return {a for p in vectors for a in _values(forward, p) if isinstance(nodes[a], Apply) and not nodes[a].shape}


def _read_again(forward: Sweep, crossing: set[int], there: set[int]) -> set[int]:
    """What is met on the way back from the crossing values, which ends at what is there."""
    todo, seen = [*crossing], set[int]()
    while todo:
        position = todo.pop()
        if position not in seen:
            seen.add(position)
            todo += () if position in there else _values(forward, position)
    return seen


def _adjoint(
    derived: Adjoint, count: int, read_back: dict[int, str], forward: Sweep
) -> tuple[Sweep, tuple[DeferredGradient, ...], tuple[tuple[str, str], ...]]:
    """The adjoint with the saved values read instead of computed, and each deferred gradient's delta written."""
    sweep = derived.sweep
    builder, moved = GraphBuilder(), {}

    def place(position: int) -> int:
        if position not in moved:
            node = sweep.nodes[position]
            if position in read_back:
                moved[position] = builder.add(Read(read_back[position], node.shape))
            elif isinstance(node, Apply):
                values = [place(a) for a in _values(sweep, position)]
                if len(values) < len(node.arguments):
                    values.append(builder.add(_like(sweep, node)))
                moved[position] = builder.apply(node.operation, *values)
            else:
                moved[position] = builder.add(node)
        return moved[position]

    next_states = tuple(place(p) for p in sweep.next_states)
    writes = [(name, place(p)) for name, p in sweep.writes]
    sums: dict[int, str] = {}
    totals = tuple((name, sums.setdefault(place(p), name)) for name, p in sweep.sums)
    deltas = {position: name for name, position in reversed(writes)}
    deferred = []
    for gradient in derived.deferred:
        delta = place(gradient.delta)
        if delta not in deltas:
            deltas[delta] = f"∂#{len(deltas)}"
            writes.append((deltas[delta], delta))
        operand = forward.nodes[gradient.operand]
        name = operand.name if isinstance(operand, Read) else read_back[gradient.operand]
        deferred.append(DeferredGradient(gradient.weight, deltas[delta], name))
    final = Sweep(
        name=sweep.name,
        nodes=tuple(builder.nodes),
        states=sweep.states,
        next_states=next_states,
        writes=tuple(writes),
        sums=tuple((name, p) for p, name in sums.items()),
        names=tuple(sorted((moved[p], n) for p, n in sweep.names if p in moved)),
    )
    return final, tuple(deferred), totals


def _values(sweep: Sweep, position: int) -> tuple[int, ...]:
    """The arguments whose values a node needs, not their size alone, where that is a state's too."""
    node = sweep.nodes[position]
    if not isinstance(node, Apply):
        return ()
    shape = sweep.nodes[node.arguments[-1]].shape
    for_its_size = node.operation in ("size", "spread") and any(s.shape == shape for s in sweep.states)
    return node.arguments[:-1] if for_its_size else node.arguments


def _like(sweep: Sweep, node: Apply) -> Node:
    """A carried state of the size of the last argument."""
    state = next(s for s in sweep.states if s.shape == sweep.nodes[node.arguments[-1]].shape)
    return Read(state.name, state.shape)
