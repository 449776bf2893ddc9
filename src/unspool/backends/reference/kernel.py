"""The loop over time as torch operations: any device, any dtype, any torch transform.

Nothing is written in place and no value decides the control flow, so double backward, `torch.func.jvp`,
`vmap` and `jacrev` go through. Time: a handful of dispatched operations per step; memory: what autograd keeps.
"""

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor

from unspool.backends.reference.operations import TORCH
from unspool.ir import Apply, Constant, Read, Weight
from unspool.passes import Plan, StackedProduct

Values = list[Any]
"""Per node its value: a tensor, or a float for a number."""


@final
class ReferenceKernel:
    """Runs a plan step by step; see `backends.kernel.Kernel` for the call."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._instructions = {
            part: [_compile(plan, i) for i in getattr(plan, part)] for part in ("prologue", "loop", "epilogue")
        }
        nodes = plan.graph.nodes
        reads = {n.name: p for p, n in enumerate(nodes) if isinstance(n, Read)}
        self._states = [reads.get(s.name) for s in plan.graph.states]
        loop_positions = {a for i in plan.loop for a in _reads(plan, i)} | set(plan.graph.next_states)
        self._sliced = sorted(plan.timed & loop_positions)

    def __call__(
        self,
        inputs: Mapping[str, Tensor],
        parameters: Mapping[str, Tensor],
        initial: Sequence[Tensor],
        *,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
        rest: Sequence[Tensor] | None = None,
        reverse: bool = False,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Output [T, B, ·] and final states [B, ·]; the arguments are those of `Kernel`."""
        graph = self.plan.graph
        steps, batch = next(iter(inputs.values())).shape[:2]
        alive = _alive(lengths, steps)
        if alive is not None:
            # Padding may be anything, and a NaN there would reach the gradients: repeat the first step instead.
            inputs = {name: torch.where(alive, x, x[:1]) for name, x in inputs.items()}
        crossing = _crossing(reset, alive, reverse)
        values = self._constants(inputs, parameters)
        _run(self._instructions["prologue"], values)
        sliced = [(p, values[p].unbind(0)) for p in self._sliced]
        state = tuple(initial)
        kept: list[list[Tensor]] = [[] for _ in self.plan.kept]
        order = range(steps - 1, -1, -1) if reverse else range(steps)
        for t in order:
            if crossing is not None and rest is not None:
                state = tuple(torch.where(crossing[t], r, s) for r, s in zip(rest, state, strict=True))
            now = values.copy()
            for position, parts in sliced:
                now[position] = parts[t]
            for position, value in zip(self._states, state, strict=True):
                if position is not None:
                    now[position] = value
            _run(self._instructions["loop"], now)
            # A next state that only reads the inputs or parameters may lack the batch axis.
            following = tuple(
                now[p] if now[p].shape == s.shape else now[p].expand_as(s)
                for p, s in zip(graph.next_states, state, strict=True)
            )
            if alive is not None:
                following = tuple(torch.where(alive[t], n, s) for n, s in zip(following, state, strict=True))
            state = following
            for collected, position in zip(kept, self.plan.kept, strict=True):
                collected.append(now[position])
        for collected, position in zip(kept, self.plan.kept, strict=True):
            values[position] = torch.stack(collected[::-1] if reverse else collected)
        _run(self._instructions["epilogue"], values)
        output = values[graph.output]
        if output.dim() < 3:
            output = output.expand(steps, batch, output.shape[-1])
        if alive is not None:
            output = torch.where(alive, output, torch.zeros((), dtype=output.dtype, device=output.device))
        return output, state

    def _constants(self, inputs: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> Values:
        """What is known before the first step: inputs over all time, weights per gate, numbers, stacked matrices."""
        graph = self.plan.graph
        stored = {p.name: p for p in graph.parameters}
        parts = {
            p.name: dict(zip(p.gates, parameters[p.name].chunk(len(p.gates)), strict=True))
            for p in graph.parameters
            if p.gates
        }
        values: Values = []
        for node in graph.nodes:
            match node:
                case Read(name, _):
                    values.append(inputs.get(name))
                case Weight(name, gate, _):
                    values.append(parameters[name] if gate is None else parts[name][gate])
                case Constant(value, _):
                    values.append(value)
                case _:
                    values.append(None)
        for instruction in (*self.plan.prologue, *self.plan.loop, *self.plan.epilogue):
            if isinstance(instruction, StackedProduct):
                weights = [graph.nodes[m] for m in instruction.matrices]
                names = {w.name for w in weights if isinstance(w, Weight)}
                gates = tuple(w.gate for w in weights if isinstance(w, Weight))
                name = next(iter(names))
                whole = len(names) == 1 and gates == (stored[name].gates or (None,))
                matrix = parameters[name] if whole else torch.cat([values[m] for m in instruction.matrices])
                values.append(matrix)
        return values


def _compile(plan: Plan, instruction: int | StackedProduct) -> tuple[Any, ...]:
    """(function, positions of its arguments, position(s) of its result)."""
    if isinstance(instruction, StackedProduct):
        stacked = [i for i in (*plan.prologue, *plan.loop, *plan.epilogue) if isinstance(i, StackedProduct)]
        matrix = len(plan.graph.nodes) + stacked.index(instruction)
        return torch.nn.functional.linear, (instruction.operand, matrix), instruction.results
    node = plan.graph.nodes[instruction]
    assert isinstance(node, Apply)
    return TORCH[node.operation], node.arguments, instruction


def _run(instructions: list[tuple[Any, ...]], values: Values) -> None:
    for function, arguments, result in instructions:
        value = function(*[values[a] for a in arguments])
        if isinstance(result, int):
            values[result] = value
        elif len(result) == 1:
            values[result[0]] = value
        else:
            for position, part in zip(result, value.chunk(len(result), -1), strict=True):
                values[position] = part


def _reads(plan: Plan, instruction: int | StackedProduct) -> tuple[int, ...]:
    if isinstance(instruction, StackedProduct):
        return (instruction.operand,)
    node = plan.graph.nodes[instruction]
    return node.arguments if isinstance(node, Apply) else ()


def _alive(lengths: Tensor | None, steps: int) -> Tensor | None:
    """[T, B, 1] bool: which steps lie within their sequence."""
    if lengths is None:
        return None
    return (torch.arange(steps, device=lengths.device)[:, None] < lengths)[..., None]


def _crossing(reset: Tensor | None, alive: Tensor | None, reverse: bool) -> Tensor | None:
    """[T, B, 1] bool: before which steps, in running order, the state is reset; beyond a sequence's end never."""
    if reset is None:
        return None
    crossing = reset[..., None] if alive is None else reset[..., None] & alive
    return torch.cat([crossing[1:], torch.zeros_like(crossing[:1])]) if reverse else crossing
