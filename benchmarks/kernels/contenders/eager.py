"""The eager step loop as a good programmer writes it: W x hoisted, gates stacked, time unbound, one torch.stack."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks.kernels.case import Case
from benchmarks.kernels.contenders.contender import Contender, TorchRun, torch_contender
from benchmarks.kernels.contenders.loop import HAND_WRITTEN, Library, Loop
from unspool.backends.reference.operations import TORCH, block_product
from unspool.runtime import kernel_for

TORCH_LIBRARY = Library(
    operations=TORCH,
    product=torch.nn.functional.linear,
    block_product=block_product,
    join=torch.cat,
    split=lambda value, count: value.chunk(count, -1),
    expand=lambda value, like: value if value.shape == like.shape else value.expand_as(like),
)


def eager(case: Case, mode: str, limit: float) -> Iterator[Contender]:
    """The reference backend, which is such a loop for any cell; for three cells also one written by hand."""
    del limit
    kernel, name = kernel_for(case.graph, "reference"), case.graph.vector_inputs[0].name
    initial = case.initial()

    def reference(x: Tensor, parameters: Sequence[Tensor]) -> Tensor:
        return kernel({name: x}, dict(zip(case.parameters, parameters, strict=True)), initial)[0]

    if case.cell in HAND_WRITTEN:
        loop = HAND_WRITTEN[case.cell]()
        yield torch_contender(case, mode, "by hand", unrolled(loop, initial))
    yield torch_contender(case, mode, "derived", reference)


def unrolled(
    loop: Loop, initial: Sequence[Tensor], *, wrap: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda f: f
) -> TorchRun:
    """The loop over time around the step; `wrap` is put around the functions that it calls."""
    prologue, step = wrap(loop.prologue), wrap(loop.step)

    def run(x: Tensor, parameters: Sequence[Tensor]) -> Tensor:
        fixed, timed = prologue(x, parameters)
        columns = [value.unbind(0) for value in timed]
        states: Sequence[Tensor] = initial
        collected = []
        for now in zip(*columns, strict=True) if columns else ((),) * len(x):
            states, kept = step(fixed, now, states)
            collected.append(kept)
        return loop.epilogue(fixed, timed, [torch.stack(values) for values in zip(*collected, strict=True)])

    return run
