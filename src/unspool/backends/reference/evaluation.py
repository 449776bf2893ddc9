"""Instructions of a plan as torch operations, on one step's vectors or on all T·B of them at once."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from unspool.backends.reference.operations import TORCH, block_product
from unspool.ir import Apply, Constant, Read, StepGraph, Weight, is_block_diagonal
from unspool.passes import Instruction, StackedProduct

Values = list[Any]
"""Per node its value: a tensor, or a float for a number; behind them the stacked matrices."""

Step = tuple[Any, tuple[int, ...], int | tuple[int, ...]]
"""A function, the positions of its arguments, and the position(s) of its result."""


class Evaluation:
    """Some instructions of a graph, ready to run.

    Args:
        graph: the step.
        instructions: in order.
        uncut: first results of the stacked products whose result is left in one piece, at that place.
        needed: weights that something else takes from the values.
        product: vectors [..., n] and a matrix [m, n] → [..., m].
    """

    def __init__(
        self,
        graph: StepGraph,
        instructions: Sequence[Instruction],
        *,
        uncut: Collection[int] = (),
        needed: Collection[int] = (),
        product: Callable[[Tensor, Tensor], Tensor] = torch.nn.functional.linear,
    ) -> None:
        self.graph, self._uncut, self._product = graph, frozenset(uncut), product
        self._stacks = [i for i in instructions if isinstance(i, StackedProduct)]
        self.steps = self.part(instructions)
        self._whole = [self._stored_as(s) for s in self._stacks]
        used = {a for i in instructions if isinstance(i, int) for a in _arguments(graph, i)} | set(needed)
        for stack, stored in zip(self._stacks, self._whole, strict=True):
            used |= {stack.operand} | (set() if stored else set(stack.matrices))
        self._sort_nodes(used)

    def given(self, inputs: Mapping[str, Any], parameters: Mapping[str, Tensor]) -> Values:
        """What is there before the first instruction, of what is used: inputs, weights, numbers, stacked matrices."""
        values = self._blank.copy()
        for position, name in self._inputs:
            values[position] = inputs.get(name)
        for position, name in self._uncut_weights:
            values[position] = parameters[name]
        for name, gates, places in self._cut_weights:
            parts = parameters[name].chunk(gates)
            for position, gate in places:
                values[position] = parts[gate]
        for stack, whole in zip(self._stacks, self._whole, strict=True):
            values.append(parameters[whole] if whole else torch.cat([values[m] for m in stack.matrices]))
        return values

    def _sort_nodes(self, used: set[int]) -> None:
        """Where `given` puts what, found once: at small sizes it would take most of a call."""
        gates = {p.name: p.gates for p in self.graph.parameters}
        self._blank: Values = [n.value if isinstance(n, Constant) else None for n in self.graph.nodes]
        self._inputs = [(p, n.name) for p, n in enumerate(self.graph.nodes) if isinstance(n, Read) and p in used]
        self._uncut_weights: list[tuple[int, str]] = []
        cut: dict[str, list[tuple[int, int]]] = {}
        for position, node in enumerate(self.graph.nodes):
            match node:
                case Weight(name, None, _) if position in used:
                    self._uncut_weights.append((position, name))
                case Weight(name, str(gate), _) if position in used:
                    cut.setdefault(name, []).append((position, gates[name].index(gate)))
                case _:
                    pass
        self._cut_weights = [(name, len(gates[name]), places) for name, places in cut.items()]

    def part(self, instructions: Sequence[Instruction]) -> list[Step]:
        """Some of the instructions, for `run`."""
        return [self._compile(i) for i in instructions]

    def _compile(self, instruction: Instruction) -> Step:
        nodes = self.graph.nodes
        if isinstance(instruction, StackedProduct):
            matrix = len(nodes) + self._stacks.index(instruction)
            blocks = is_block_diagonal(nodes[instruction.matrices[0]].shape)
            product = block_product if blocks else self._product
            results = instruction.results
            one = len(results) == 1 or results[0] in self._uncut
            return product, (instruction.operand, matrix), results[0] if one else results
        node = nodes[instruction]
        assert isinstance(node, Apply)
        return TORCH[node.operation], node.arguments, instruction

    def _stored_as(self, stack: StackedProduct) -> str | None:
        """Name of the parameter whose gates are just this stack's matrices in order, if there is one."""
        weights = [w for m in stack.matrices if isinstance(w := self.graph.nodes[m], Weight)]
        names = {w.name for w in weights}
        if len(names) > 1:
            return None
        (name,) = names
        stored = next(p for p in self.graph.parameters if p.name == name)
        return name if tuple(w.gate for w in weights) == (stored.gates or (None,)) else None


def run(steps: Sequence[Step], values: Values) -> None:
    """Compute every instruction's value in its place."""
    for function, arguments, result in steps:
        value = function(*[values[a] for a in arguments])
        if isinstance(result, int):
            values[result] = value
        else:
            for position, part in zip(result, value.chunk(len(result), -1), strict=True):
                values[position] = part


def within(lengths: Tensor | None, steps: int) -> Tensor | None:
    """[T, B, 1] bool: which steps lie within their sequence."""
    if lengths is None:
        return None
    return (torch.arange(steps, device=lengths.device)[:, None] < lengths)[..., None]


def crossings(reset: Tensor | None, alive: Tensor | None, reverse: bool) -> Tensor | None:
    """[T, B, 1] bool: before which steps, in running order, the state is reset; beyond a sequence's end never."""
    if reset is None:
        return None
    crossing = reset[..., None] if alive is None else reset[..., None] & alive
    return torch.cat([crossing[1:], torch.zeros_like(crossing[:1])]) if reverse else crossing


def without_padding(inputs: Mapping[str, Tensor], alive: Tensor | None) -> Mapping[str, Tensor]:
    """`inputs` with the first step in place of padding, which may be anything: a NaN would reach the gradients."""
    if alive is None:
        return inputs
    return {name: torch.where(alive, x, x[:1]) for name, x in inputs.items()}


def in_time(value: Any, steps: int, batch: int, alive: Tensor | None) -> Tensor:
    """An output [T, B, ·], zero beyond a sequence's end; one that no step changes lacks axes before."""
    output = value if value.dim() == 3 else value.expand(steps, batch, value.shape[-1])
    if alive is None:
        return output
    return torch.where(alive, output, torch.zeros((), dtype=output.dtype, device=output.device))


def _arguments(graph: StepGraph, position: int) -> tuple[int, ...]:
    node = graph.nodes[position]
    return node.arguments if isinstance(node, Apply) else ()
