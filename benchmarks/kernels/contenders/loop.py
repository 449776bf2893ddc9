"""A step loop in three parts: what runs for all steps at once, the step, and what follows the loop.

`PlanLoop` derives them from any cell's plan, for torch and for JAX alike. `HAND_WRITTEN` holds what a good
programmer writes for the three classical cells.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.nn import functional

from unspool.ir import Apply, Constant, Read, StepGraph, Weight, is_block_diagonal
from unspool.passes import Plan, StackedProduct, make_plan

Arrays = Sequence[Any]


class Loop(Protocol):
    """Three pure functions of arrays."""

    def prologue(self, x: Any, parameters: Arrays) -> tuple[Arrays, Arrays]:
        """(what is the same at every step, what has a time axis), from x [T, B, I] and the stored parameters."""
        ...

    def step(self, fixed: Arrays, now: Arrays, states: Arrays) -> tuple[Arrays, Arrays]:
        """(next states, what the epilogue needs of this step)."""
        ...

    def epilogue(self, fixed: Arrays, timed: Arrays, kept: Arrays) -> Any:
        """The output [T, B, ·], from what the steps kept, stacked over time."""
        ...


@dataclass(frozen=True)
class Library:
    """The functions of an array library that a plan needs."""

    operations: Mapping[str, Callable[..., Any]]
    product: Callable[[Any, Any], Any]
    """(vectors [..., n], matrix [m, n]) → [..., m]."""
    block_product: Callable[[Any, Any], Any]
    """The same for block-diagonal matrices, as `reference.operations.block_product`."""
    join: Callable[[list[Any]], Any]
    """Matrices one under the other."""
    split: Callable[[Any, int], Sequence[Any]]
    """The last axis in equal parts."""
    expand: Callable[[Any, Any], Any]
    """The first argument in the shape of the second."""


class PlanLoop:
    """The parts of a plan: prologue hoisted, products that share an operand stacked.

    Everything is decided here; what runs later are lists of functions and numbers, which torch.compile can trace.
    """

    def __init__(self, graph: StepGraph, library: Library) -> None:
        self.plan = plan = make_plan(graph)
        nodes, self.graph = plan.graph.nodes, plan.graph
        missing = {n.operation for n in nodes if isinstance(n, Apply)} - library.operations.keys() - {"product"}
        if missing:
            raise NotImplementedError(f"no operation {', '.join(sorted(missing))}")
        # A stacked matrix is a value like any other, behind the nodes.
        stacks = [i for i in (*plan.prologue, *plan.loop, *plan.epilogue) if isinstance(i, StackedProduct)]
        self._stacks = [(s.matrices, _whole(plan.graph, s)) for s in stacks]
        self._join = library.join
        self._expand = library.expand
        place = {s: len(nodes) + i for i, s in enumerate(stacks)}
        parts = (plan.prologue, plan.loop, plan.epilogue)
        self._before, self._loop, self._after = ([_instruction(plan, i, place, library) for i in p] for p in parts)
        later = [*self._loop, *self._after]
        made = {r for _, _, results in later for r in results}
        states = [Read(s.name, s.shape) for s in plan.graph.states]
        outer = {a for _, arguments, _ in later for a in arguments} | set(plan.graph.results)
        outer = {p for p in outer - made if p >= len(nodes) or nodes[p] not in states}
        self._timed = sorted(outer & plan.timed)
        self._fixed = sorted(p for p in outer - plan.timed if p >= len(nodes) or not isinstance(nodes[p], Constant))
        self._states = [nodes.index(s) if s in nodes else -1 for s in states]
        self._kept, self._next, self._output = plan.kept, plan.graph.next_states, plan.graph.output
        self._numbers = [n.value if isinstance(n, Constant) else None for n in nodes] + [None] * len(stacks)

    def prologue(self, x: Any, parameters: Arrays) -> tuple[Arrays, Arrays]:
        """See `Loop`."""
        graph = self.graph
        stored = dict(zip([p.name for p in graph.parameters], parameters, strict=True))
        values: list[Any] = list(self._numbers)
        for position, node in enumerate(graph.nodes):
            if isinstance(node, Read) and node.name == graph.vector_inputs[0].name:
                values[position] = x
            elif isinstance(node, Weight):
                values[position] = _gate(graph, stored, node)
        for position, (matrices, whole) in enumerate(self._stacks, len(graph.nodes)):
            values[position] = stored[whole] if whole else self._join([values[m] for m in matrices])
        _run(self._before, values)
        return [values[p] for p in self._fixed], [values[p] for p in self._timed]

    def step(self, fixed: Arrays, now: Arrays, states: Arrays) -> tuple[Arrays, Arrays]:
        """See `Loop`."""
        values = self._filled(fixed, now)
        for position, state in zip(self._states, states, strict=True):
            if position >= 0:
                values[position] = state
        _run(self._loop, values)
        following = [self._expand(values[p], s) for p, s in zip(self._next, states, strict=True)]
        return following, [values[p] for p in self._kept]

    def epilogue(self, fixed: Arrays, timed: Arrays, kept: Arrays) -> Any:
        """See `Loop`."""
        values = self._filled(fixed, timed)
        for position, value in zip(self._kept, kept, strict=True):
            values[position] = value
        _run(self._after, values)
        return values[self._output]

    def _filled(self, fixed: Arrays, timed: Arrays) -> list[Any]:
        values: list[Any] = list(self._numbers)
        for position, value in zip(self._fixed, fixed, strict=True):
            values[position] = value
        for position, value in zip(self._timed, timed, strict=True):
            values[position] = value
        return values


_Instruction = tuple[Callable[..., Any], tuple[int, ...], tuple[int, ...]]
"""(function, positions of its arguments, positions of its results)."""


def _run(instructions: Sequence[_Instruction], values: list[Any]) -> None:
    for function, arguments, results in instructions:
        value = function(*[values[a] for a in arguments])
        if len(results) == 1:
            values[results[0]] = value
        else:
            for position, part in zip(results, value, strict=True):
                values[position] = part


def _instruction(
    plan: Plan, instruction: int | StackedProduct, place: Mapping[StackedProduct, int], library: Library
) -> _Instruction:
    nodes = plan.graph.nodes
    if isinstance(instruction, StackedProduct):
        blocks = is_block_diagonal(nodes[instruction.matrices[0]].shape)
        product = library.block_product if blocks else library.product
        count, split = len(instruction.results), library.split
        function = product if count == 1 else lambda vectors, matrix: split(product(vectors, matrix), count)
        return function, (instruction.operand, place[instruction]), instruction.results
    node = nodes[instruction]
    assert isinstance(node, Apply)
    return library.operations[node.operation], node.arguments, (instruction,)


def _whole(graph: StepGraph, stack: StackedProduct) -> str | None:
    """The parameter that is such a stack as it is stored, if there is one."""
    weights = [n for m in stack.matrices if isinstance(n := graph.nodes[m], Weight)]
    if len(weights) < len(stack.matrices) or len({w.name for w in weights}) > 1:
        return None
    declared = next(p for p in graph.parameters if p.name == weights[0].name)
    return declared.name if tuple(w.gate for w in weights) == (declared.gates or (None,)) else None


def _gate(graph: StepGraph, stored: Mapping[str, Any], node: Weight) -> Any:
    whole = stored[node.name]
    if node.gate is None:
        return whole
    gates = next(p.gates for p in graph.parameters if p.name == node.name)
    rows = whole.shape[0] // len(gates)
    first = gates.index(node.gate) * rows
    return whole[first : first + rows]


class _Hand:
    """x W + b (+ bR where the page adds it to the same sum) for all steps in one call of BLAS; R transposed once."""

    own_bias = False

    def prologue(self, x: Any, parameters: Arrays) -> tuple[Arrays, Arrays]:
        """See `Loop`."""
        W, R, b, bR = parameters
        bias = b if self.own_bias else b + bR
        return [R.t(), bR], [functional.linear(x, W, bias)]

    def epilogue(self, fixed: Arrays, timed: Arrays, kept: Arrays) -> Any:
        """See `Loop`."""
        del fixed, timed
        return kept[0]


class HandElman(_Hand):
    """Two operations a step."""

    def step(self, fixed: Arrays, now: Arrays, states: Arrays) -> tuple[Arrays, Arrays]:
        """See `Loop`."""
        h = torch.tanh(torch.addmm(now[0], states[0], fixed[0]))
        return [h], [h]


class HandGRU(_Hand):
    """r and z in one σ; the interpolation as one lerp."""

    own_bias = True

    def step(self, fixed: Arrays, now: Arrays, states: Arrays) -> tuple[Arrays, Arrays]:
        """See `Loop`."""
        (h,) = states
        units = h.shape[1]
        inner, outer = torch.addmm(fixed[1], h, fixed[0]), now[0]
        r, z = torch.sigmoid(outer[:, : 2 * units] + inner[:, : 2 * units]).chunk(2, 1)
        n = torch.tanh(torch.addcmul(outer[:, 2 * units :], r, inner[:, 2 * units :]))
        h = torch.lerp(n, h, z)
        return [h], [h]


class HandLSTM(_Hand):
    """i and f in one σ; the new c by addcmul."""

    def step(self, fixed: Arrays, now: Arrays, states: Arrays) -> tuple[Arrays, Arrays]:
        """See `Loop`."""
        h, c = states
        units = h.shape[1]
        gates = torch.addmm(now[0], h, fixed[0])
        i, f = torch.sigmoid(gates[:, : 2 * units]).chunk(2, 1)
        g, o = gates[:, 2 * units :].chunk(2, 1)
        c = torch.addcmul(f * c, i, torch.tanh(g))
        h = torch.sigmoid(o) * torch.tanh(c)
        return [h, c], [h]


HAND_WRITTEN: dict[str, Callable[[], Loop]] = {"elman": HandElman, "gru": HandGRU, "lstm": HandLSTM}
