"""The loop over time as torch operations: any device, any dtype, any torch transform.

Nothing is written in place and no value decides the control flow, so double backward, `torch.func.jvp`,
`vmap` and `jacrev` go through. Time: a handful of dispatched operations per step; memory: what autograd keeps.
"""

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Tensor

from unspool.backends.reference.evaluation import Evaluation, crossings, in_time, run, within, without_padding
from unspool.ir import Apply, Read
from unspool.passes import Plan, StackedProduct


@final
class ReferenceKernel:
    """Runs a plan step by step; see `backends.kernel.Kernel` for the call."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        instructions = (*plan.prologue, *plan.loop, *plan.epilogue)
        self._everything = Evaluation(plan.graph, instructions, needed=plan.graph.results)
        self._parts = {part: self._everything.part(getattr(plan, part)) for part in ("prologue", "loop", "epilogue")}
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
        alive = within(lengths, steps)
        crossing = crossings(reset, alive, reverse)
        values = self._everything.given(without_padding(inputs, alive), parameters)
        run(self._parts["prologue"], values)
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
            run(self._parts["loop"], now)
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
        run(self._parts["epilogue"], values)
        return in_time(values[graph.output], steps, batch, alive), state


def _reads(plan: Plan, instruction: int | StackedProduct) -> tuple[int, ...]:
    if isinstance(instruction, StackedProduct):
        return (instruction.operand,)
    node = plan.graph.nodes[instruction]
    return node.arguments if isinstance(node, Apply) else ()
