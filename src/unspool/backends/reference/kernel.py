"""The loop over time as torch operations: any device, any dtype, any torch transform.

Nothing is written in place and no value decides the control flow, so double backward, `torch.func.jvp`,
`vmap` and `jacrev` go through. Time: a handful of dispatched operations per step; memory: what autograd keeps.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import final

import torch
from torch import Tensor

from unspool.backends.reference.evaluation import (
    Evaluation,
    Values,
    crossings,
    in_time,
    run,
    within,
    without_padding,
)
from unspool.backends.reference.exporting import apart, is_exporting, scan
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
        state = tuple(initial)
        if alive is None and crossing is None and not reverse and steps > 1 and is_exporting():
            stacked, state = scan(partial(self._step, apart(values)), [values[p] for p in self._sliced], state)
        else:
            stacked, state = self._loop(values, steps, state, alive, crossing, rest, reverse)
        for position, value in zip(self.plan.kept, stacked, strict=True):
            values[position] = value
        run(self._parts["epilogue"], values)
        return in_time(values[graph.output], steps, batch, alive), state

    def _loop(
        self,
        values: Values,
        steps: int,
        state: tuple[Tensor, ...],
        alive: Tensor | None,
        crossing: Tensor | None,
        rest: Sequence[Tensor] | None,
        reverse: bool,
    ) -> tuple[list[Tensor], tuple[Tensor, ...]]:
        """What the plan keeps of every step [T, B, ·], and the final states."""
        sliced = [values[p].unbind(0) for p in self._sliced]
        kept: list[list[Tensor]] = []
        order = range(steps)
        for t in reversed(order) if reverse else order:
            if crossing is not None and rest is not None:
                state = tuple(torch.where(crossing[t], r, s) for r, s in zip(rest, state, strict=True))
            following, results = self._step(values, [parts[t] for parts in sliced], state)
            if alive is not None:
                following = tuple(torch.where(alive[t], n, s) for n, s in zip(following, state, strict=True))
            state = following
            kept.append(results)
        return [torch.stack(one[::-1] if reverse else one) for one in map(list, zip(*kept, strict=True))], state

    def _step(
        self, values: Values, now: Sequence[Tensor], state: Sequence[Tensor]
    ) -> tuple[tuple[Tensor, ...], list[Tensor]]:
        """The states after a step, and what the plan keeps of it; `now` is what the step reads of the prologue."""
        found = values.copy()
        for position, value in zip(self._sliced, now, strict=True):
            found[position] = value
        for position, value in zip(self._states, state, strict=True):
            if position is not None:
                found[position] = value
        run(self._parts["loop"], found)
        # A next state that only reads the inputs or parameters may lack the batch axis.
        following = tuple(
            found[p] if found[p].shape == s.shape else found[p].expand_as(s)
            for p, s in zip(self.plan.graph.next_states, state, strict=True)
        )
        return following, [found[p] for p in self.plan.kept]


def _reads(plan: Plan, instruction: int | StackedProduct) -> tuple[int, ...]:
    if isinstance(instruction, StackedProduct):
        return (instruction.operand,)
    node = plan.graph.nodes[instruction]
    return node.arguments if isinstance(node, Apply) else ()
