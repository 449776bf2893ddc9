"""The compiled backend's kernel: torch for what all steps share, a compiled sweep for the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import final

import torch
from torch import Tensor

from unspool.backends.reference.evaluation import Evaluation, crossings, in_time, run, within, without_padding
from unspool.ir import Apply
from unspool.passes import Plan, StackedProduct, make_plan
from unspool.passes.narrow import column_name, narrow
from unspool.runtime.compiled.cell import Call, compiled_cell
from unspool.runtime.compiled.hoisted import product
from unspool.runtime.compiled.operator import sweep
from unspool.runtime.compiled.watching import is_watched

_FEW = 4
"""Features of an input up to which products with it are done in the loop, feature by feature."""

_FEW_LEARNED = 1
"""The same where the input's gradient is wanted: it takes a sum over the units for every feature and step."""


_MANY = 4
"""Sequences from which on a product is faster in the loop than for all steps at once, with a pass over memory."""


@dataclass(frozen=True)
class Narrowed:
    """A cell that takes its input feature by feature.

    Attributes:
        x: the input's name.
        matrices: names of the parameters that are multiplied with it, of which the narrow cell has the columns.
        features: I.
        kernel: runs it.
    """

    x: str
    matrices: tuple[str, ...]
    features: int
    kernel: CompiledKernel

    def cut(
        self, inputs: Mapping[str, Tensor], parameters: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Inputs and parameters as the narrow cell takes them."""
        numbers = {name: value for name, value in inputs.items() if name != self.x}
        numbers |= {column_name(self.x, i): inputs[self.x][..., i : i + 1] for i in range(self.features)}
        weights = {name: value for name, value in parameters.items() if name not in self.matrices}
        for name in self.matrices:
            columns = parameters[name].t().contiguous().unbind(0)
            weights |= {column_name(name, i): column for i, column in enumerate(columns)}
        return numbers, weights


@final
class CompiledKernel:
    """Runs a plan with compiled code; see `backends.kernel.Kernel` for the call. float32 and float64 on the CPU.

    Args:
        plan: what it runs.
        fixed: names of the inputs whose gradients nobody wants.
        whole: whether the loop has every product but those of inputs, as is faster for many sequences.
    """

    def __init__(self, plan: Plan, fixed: frozenset[str] = frozenset(), *, whole: bool = False) -> None:
        self.plan, self._fixed, self._is_whole = plan, fixed, whole
        self.cell = cell = compiled_cell(plan.graph, fixed, whole=whole)
        self._narrowed = cache(self._narrow)
        self._without = cache(lambda constants: CompiledKernel(plan, constants, whole=whole))
        self._x = next((v.name for v in plan.graph.inputs if v.size), None)
        read = {r.name for r in cell.folded.forward.reads}
        self._read = [v.name for v in plan.graph.inputs if v.name in read]
        folded = cell.folded
        positions = dict(folded.sources)
        uncut = [positions[stack[0]] for stack in folded.stacks if len(stack) > 1]
        needed = [*(p for _, p in folded.constants), *(p for _, p in folded.sources), plan.graph.output]
        everything = Evaluation(
            plan.graph,
            (*folded.prologue, *folded.epilogue),
            uncut=self._uncut(uncut),
            needed=needed,
            product=product,
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
        watched = is_watched(inputs.values())
        if narrowed := None if watched else self._feature_by_feature(inputs):
            inputs, parameters = narrowed.cut(inputs, parameters)
            return narrowed.kernel(
                inputs, parameters, initial, lengths=lengths, reset=reset, rest=rest, reverse=reverse
            )
        if constants := None if watched else self._constants_among(inputs, parameters):
            return self._without(constants)(
                inputs, parameters, initial, lengths=lengths, reset=reset, rest=rest, reverse=reverse
            )
        steps, batch = next(iter(inputs.values())).shape[:2]
        if self._has_more and not watched and batch >= _MANY:
            return self._whole(inputs, parameters, initial, lengths=lengths, reset=reset, rest=rest, reverse=reverse)
        alive = within(lengths, steps)
        crossing = crossings(reset, alive, reverse)
        inputs = without_padding(inputs, alive)
        values = self._everything.given(inputs, parameters)
        run(self._before, values)
        rests = [] if crossing is None or rest is None else [r.expand(batch, -1) for r in rest]
        tensors = [
            *[inputs[name] for name in self.cell.inputs],
            *[_over_time(values[p], steps, batch) for p in self._sources],
            *[values[p] for p in self._constants],
            *[parameters[name] for name in self.cell.parameters],
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

    def _feature_by_feature(self, inputs: Mapping[str, Tensor]) -> Narrowed | None:
        """How to run an input of few features, where nobody watches: a tracer would make a condition of the size."""
        x = None if self._x is None else inputs.get(self._x)
        if x is None:
            return None
        features, learned = x.shape[-1], x.requires_grad
        few = _FEW_LEARNED if learned else _FEW
        return self._narrowed(features, learned) if 1 <= features <= few else None

    def _constants_among(self, inputs: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> frozenset[str] | None:
        """The inputs that the loop reads and that need no gradient (a mask, a time step), where they are news.

        Of such an input the adjoint would write a number for each that it reads.
        """
        if not self._read or not torch.is_grad_enabled():
            return None
        constants = frozenset(name for name in self._read if not inputs[name].requires_grad) | self._fixed
        learns = constants != self._fixed and any(p.requires_grad for p in parameters.values())
        return constants if learns else None

    @cached_property
    def _has_more(self) -> bool:
        """Whether there are products outside the loop that could be in it: of a computed value, or for the output."""
        if self._is_whole:
            return False
        folded, graph = self.cell.folded, self.plan.graph
        before = [i for i in folded.prologue if isinstance(i, StackedProduct) and i.results[0] in self.plan.timed]
        computed = any(isinstance(graph.nodes[i.operand], Apply) for i in before)
        return computed or any(isinstance(i, StackedProduct) for i in folded.epilogue)

    @cached_property
    def _whole(self) -> CompiledKernel:
        """With those products in the loop."""
        return CompiledKernel(self.plan, self._fixed, whole=True)

    def _narrow(self, features: int, learned: bool) -> Narrowed | None:
        graph = narrow(self.plan.graph, features)
        if graph is None:
            return None
        x = self.plan.graph.vector_inputs[0]
        there = {p.name for p in graph.parameters}
        matrices = tuple(p.name for p in self.plan.graph.parameters if p.name not in there)
        names = frozenset() if learned else frozenset(column_name(x.name, i) for i in range(features))
        return Narrowed(x.name, matrices, features, CompiledKernel(make_plan(graph), names))

    def _uncut(self, positions: list[int]) -> list[int]:
        stacks = [i for i in self.cell.folded.prologue if isinstance(i, StackedProduct)]
        return [s.results[0] for s in stacks if s.results[0] in positions]


def _over_time(value: Tensor, steps: int, batch: int) -> Tensor:
    """[T, B, ·]; what is the same for all steps or sequences takes no memory for it."""
    return value if value.shape[:2] == (steps, batch) else value.expand(steps, batch, -1)
