"""The compiled backend's kernel: torch for what all steps share, a compiled sweep for the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Tensor

from unspool.backends.reference.evaluation import Evaluation, crossings, in_time, run, within, without_padding
from unspool.passes import Plan, StackedProduct
from unspool.runtime.compiled.cell import Call, compiled_cell
from unspool.runtime.compiled.hoisted import hoisted_product
from unspool.runtime.compiled.operator import sweep


@final
class CompiledKernel:
    """Runs a plan with compiled code; see `backends.kernel.Kernel` for the call. float32 and float64 on the CPU."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.cell = cell = compiled_cell(plan.graph)
        folded = cell.folded
        positions = dict(folded.sources)
        uncut = [positions[stack[0]] for stack in folded.stacks if len(stack) > 1]
        needed = [*(p for _, p in folded.constants), *(p for _, p in folded.sources), plan.graph.output]
        everything = Evaluation(
            plan.graph,
            (*folded.prologue, *folded.epilogue),
            uncut=self._uncut(uncut),
            needed=needed,
            product=hoisted_product,
        )
        self._everything = everything
        self._before, self._after = everything.part(folded.prologue), everything.part(folded.epilogue)
        self._sources = [positions[stack[0]] for stack in folded.stacks]
        self._constants = [p for _, p in folded.constants]

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
        steps, batch = next(iter(inputs.values())).shape[:2]
        alive = within(lengths, steps)
        crossing = crossings(reset, alive, reverse)
        values = self._everything.given(without_padding(inputs, alive), parameters)
        run(self._before, values)
        matrices = [parameters[name] for name in self.cell.matrices]
        rests = [] if crossing is None or rest is None else [r.expand(batch, -1) for r in rest]
        tensors = [
            *[_over_time(values[p], steps, batch) for p in self._sources],
            *[values[p] for p in self._constants],
            *matrices,
            *initial,
            *rests,
        ]
        flags = None if crossing is None else crossing[..., 0].contiguous().view(torch.uint8)
        ends = None if lengths is None else lengths.contiguous()
        results = sweep(self.cell, tensors, Call(steps, ends, flags, reverse))
        kept = len(self.cell.folded.kept)
        for position, value in zip(self.cell.folded.kept, results, strict=False):
            values[position] = value
        run(self._after, values)
        return in_time(values[self.plan.graph.output], steps, batch, alive), tuple(results[kept:])

    def _uncut(self, positions: list[int]) -> list[int]:
        stacks = [i for i in self.cell.folded.prologue if isinstance(i, StackedProduct)]
        return [s.results[0] for s in stacks if s.results[0] in positions]


def _over_time(value: Tensor, steps: int, batch: int) -> Tensor:
    """[T, B, ·]; what is the same for all steps or sequences takes no memory for it."""
    return value if value.shape[:2] == (steps, batch) else value.expand(steps, batch, -1)
