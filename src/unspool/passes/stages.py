"""Stages: the order of a step's dependent products, and what each stage computes, keeps and stores.

    GRU, reset before the product            stage 0   products R_r h, R_z h; r, z and r ∘ h unit by unit
                                             stage 1   product R_n (r ∘ h); n and h' unit by unit
    adjoint of an Elman network              stage 0   dpre unit by unit
                                             stage 1   product Rᵀ dpre, which is dh

A product or a reduction needs whole vectors, so it ends a stage; everything else follows its arguments unit by unit.
Products that are only added are one accumulation, and those of one stage with the same operands are stacked.
"""

from dataclasses import dataclass

from unspool.ir import Apply, Node, Read, Weight
from unspool.ir.build import needed_for
from unspool.passes.sweep import Sweep

MOST_STACKED = 4
"""Accumulations in one group: more would not leave registers for several rows."""


@dataclass(frozen=True)
class Term:
    """A matrix times an operand: the matrix's weight, whether it is transposed, and the operand's position."""

    weight: Weight
    transposed: bool
    operand: int


@dataclass(frozen=True)
class Group:
    """Stacked accumulations: each result is a sum of products, and all have the same operands in the same order.

    Attributes:
        results: positions of the sums.
        terms: per operand the terms, one for each result.
    """

    results: tuple[int, ...]
    terms: tuple[tuple[Term, ...], ...]


@dataclass(frozen=True)
class Stage:
    """What runs between two points at which whole vectors are needed, for vectors of one size.

    Attributes:
        number: its place; stages of one number do not need each other.
        size: size letter.
        groups: the products that it begins with.
        held: positions computed here that a later stage needs: they go to memory.
        reduced: positions of the reductions that end it.
        states: indices of the states whose next value is stored here.
        writes, sums: indices of the sweep's writes and sums that are stored here.
    """

    number: int
    size: str
    groups: tuple[Group, ...]
    held: tuple[int, ...]
    reduced: tuple[int, ...]
    states: tuple[int, ...]
    writes: tuple[int, ...]
    sums: tuple[int, ...]


@dataclass(frozen=True)
class Schedule:
    """A sweep's stages in order, the numbers that it writes at the end of a step, and where each value is computed."""

    sweep: Sweep
    stages: tuple[Stage, ...]
    number_writes: tuple[int, ...]
    stage_of: dict[int, int]

    @property
    def pointwise(self) -> bool:
        """Whether no unit ever needs another one."""
        return all(not s.groups and not s.reduced for s in self.stages) and len(self.stages) == 1


def schedule(sweep: Sweep) -> Schedule:
    """The stages of `sweep`. Cost: linear in the number of nodes, once per cell."""
    nodes = sweep.nodes
    needed = needed_for(nodes, sweep.results)
    numbers = _stage_numbers(sweep)
    sums = _accumulations(sweep, needed, numbers)
    inner = _inner(nodes, sums)
    held = _held(sweep, needed, numbers, sums, inner)
    stored: dict[tuple[int, str], dict[str, list[int]]] = {}

    def at(position: int, kind: str, entry: int, size: str | None = None) -> None:
        key = (numbers[position], size or nodes[position].shape[0])
        stored.setdefault(key, {}).setdefault(kind, []).append(entry)

    for position in sums:
        at(position, "results", position)
    for position in held:
        at(position, "held", position)
    for position in sorted(needed):
        node = nodes[position]
        if isinstance(node, Apply) and node.operation in ("sum", "largest"):
            at(node.arguments[0], "reduced", position)
    for index, (state, position) in enumerate(zip(sweep.states, sweep.next_states, strict=True)):
        at(position, "states", index, state.size)
    for index, (_, position) in enumerate(sweep.writes):
        if nodes[position].shape:
            at(position, "writes", index)
    for index, (_, position) in enumerate(sweep.sums):
        at(position, "sums", index)
    stages = tuple(
        Stage(
            number,
            size,
            _groups(nodes, parts.get("results", []), sums),
            **{k: tuple(parts.get(k, ())) for k in ("held", "reduced", "states", "writes", "sums")},
        )
        for (number, size), parts in sorted(stored.items())
    )
    number_writes = tuple(i for i, (_, p) in enumerate(sweep.writes) if not nodes[p].shape)
    return Schedule(sweep, stages, number_writes, dict(enumerate(numbers)))


def _stage_numbers(sweep: Sweep) -> list[int]:
    """For every node the first stage in which its value can be had."""
    numbers: list[int] = []
    for node in sweep.nodes:
        if not isinstance(node, Apply):
            numbers.append(0)
        elif node.operation == "product":
            operand = node.arguments[1]
            numbers.append(numbers[operand] + isinstance(sweep.nodes[operand], Apply))
        else:
            after = node.operation in ("sum", "largest")
            numbers.append(max(numbers[a] for a in node.arguments) + after)
    return numbers


def _accumulations(sweep: Sweep, needed: frozenset[int], numbers: list[int]) -> dict[int, tuple[int, ...]]:
    """Position of every sum of products → the products in it; a product that is not only added stands alone."""
    nodes = sweep.nodes
    users: dict[int, list[int]] = {}
    for position in needed:
        node = nodes[position]
        for argument in node.arguments if isinstance(node, Apply) else ():
            users.setdefault(argument, []).append(position)
    found: dict[int, tuple[int, ...]] = {}
    states = {s.name for s in sweep.states}

    def at_once(left: int, right: int) -> bool:
        """Whether both are had in one stage: products of what is read wait for any."""
        return numbers[left] == numbers[right] or any(all(is_read(p) for p in found[a]) for a in (left, right))

    def is_read(product: int) -> bool:
        operand = nodes[_apply(nodes, product).arguments[1]]
        return isinstance(operand, Read) and operand.name not in states

    for position in sorted(needed):
        node = nodes[position]
        if not isinstance(node, Apply):
            continue
        if node.operation == "product":
            found[position] = (position,)
        elif node.operation == "add":
            left, right = node.arguments
            alone = all(users[a] == [position] and a not in sweep.results for a in (left, right))
            if left != right and left in found and right in found and alone and at_once(left, right):
                found[position] = (*found.pop(left), *found.pop(right))
    return found


def _inner(nodes: tuple[Node, ...], sums: dict[int, tuple[int, ...]]) -> set[int]:
    """Positions inside the sums of products: nothing else needs them."""
    inner: set[int] = set()
    for position, products in sums.items():
        todo = [position]
        while todo:
            node = nodes[todo.pop()]
            if isinstance(node, Apply) and node.operation == "add":
                for argument in node.arguments:
                    inner.add(argument)
                    if argument not in products:
                        todo.append(argument)
    return inner


def _held(
    sweep: Sweep, needed: frozenset[int], numbers: list[int], sums: dict[int, tuple[int, ...]], inner: set[int]
) -> list[int]:
    """Vectors that a later stage uses: a product's operand, or a value of an earlier stage."""
    nodes, held = sweep.nodes, set[int]()
    for products in sums.values():
        held |= {_apply(nodes, p).arguments[1] for p in products}
    for position in needed - inner - set(sums):
        node = nodes[position]
        if not isinstance(node, Apply):
            continue
        stage = numbers[position] - (node.operation in ("sum", "largest"))
        held |= {a for a in node.arguments if numbers[a] < stage}
    return sorted(p for p in held if isinstance(n := nodes[p], Apply) and n.shape and len(n.shape) == 1)


def _groups(nodes: tuple[Node, ...], results: list[int], sums: dict[int, tuple[int, ...]]) -> tuple[Group, ...]:
    by_operands: dict[tuple[tuple[int, tuple[str, ...]], ...], list[tuple[int, list[Term]]]] = {}
    for result in results:
        terms = sorted((_term(nodes, p) for p in sums[result]), key=lambda t: t.operand)
        key = tuple((t.operand, t.weight.shape) for t in terms)
        by_operands.setdefault(key, []).append((result, terms))
    groups = []
    for members in by_operands.values():
        for start in range(0, len(members), MOST_STACKED):
            part = members[start : start + MOST_STACKED]
            groups.append(Group(tuple(r for r, _ in part), tuple(zip(*(t for _, t in part), strict=True))))
    return tuple(groups)


def _term(nodes: tuple[Node, ...], product: int) -> Term:
    matrix, operand = _apply(nodes, product).arguments
    node = nodes[matrix]
    transposed = isinstance(node, Apply)
    weight = nodes[node.arguments[0]] if isinstance(node, Apply) else node
    assert isinstance(weight, Weight)
    return Term(weight, transposed, operand)


def _apply(nodes: tuple[Node, ...], position: int) -> Apply:
    node = nodes[position]
    assert isinstance(node, Apply)
    return node
