"""Compiled sweeps in torch's autograd: a Function in eager mode, one opaque operator under torch.compile.

`torch.ops.unspool.sweep` names its cell by the graph as JSON, so that a compiled program can be kept and run in
another process. A second derivative cannot be had from a kernel: where one is asked for, the reference computes it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from unspool.runtime.compiled.backward import run_adjoint
from unspool.runtime.compiled.cell import Call, CompiledCell, cell_of
from unspool.runtime.compiled.forward import result_shapes, run_forward, run_reference
from unspool.runtime.compiled.watching import is_watched
from unspool.runtime.compiled.words import even

_LOG = logging.getLogger("unspool")


def sweep(cell: CompiledCell, tensors: Sequence[Tensor], call: Call) -> tuple[Tensor, ...]:
    """Kept values [T, B, ·] and final states [B, ·] of a cell, differentiable by every tensor.

    Args:
        cell: the cell.
        tensors: as in `Given`, in its order.
        call: the rest of what is asked for.
    """
    saving = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    if is_watched(tensors):
        arguments = (cell.text, list(tensors), call.lengths, call.crossing, call.steps, call.reverse, saving)
        return tuple(torch.ops.unspool.sweep(*arguments)[: _count(cell)])
    if saving:
        return _Sweep.apply(cell, call, *tensors)
    return tuple(run_forward(cell, [even(t) for t in tensors], call, saving=False))


class _Sweep(torch.autograd.Function):
    """The sweep and its adjoint."""

    @staticmethod
    def forward(ctx: Any, cell: CompiledCell, call: Call, *tensors: Tensor) -> tuple[Tensor, ...]:
        results = run_forward(cell, [even(t) for t in tensors], call, saving=True)
        ctx.cell, ctx.call, ctx.count = cell, call, len(tensors)
        ctx.save_for_backward(*tensors, *results)
        ctx.set_materialize_grads(False)
        return tuple(results[: _count(cell)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        saved = ctx.saved_tensors  # once: a checkpoint gives them out one time only
        tensors, results = saved[: ctx.count], saved[ctx.count :]
        needed = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():
            return (None, None, *_differentiable(ctx.cell, ctx.call, tensors, gradients, needed))
        found = run_adjoint(ctx.cell, [even(t) for t in tensors], ctx.call, results, gradients, needed)
        return (None, None, *found)


def _differentiable(
    cell: CompiledCell,
    call: Call,
    tensors: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    needed: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients that can be differentiated again, by way of the reference."""
    _say_once()
    results = run_reference(cell, cell.given(tensors), call)
    pairs = [(r, g) for r, g in zip(results, gradients, strict=True) if g is not None and r.requires_grad]
    wanted = [t for t, n in zip(tensors, needed, strict=True) if n]
    if not pairs:
        return [None] * len(tensors)
    values, weights = zip(*pairs, strict=True)
    found = iter(torch.autograd.grad(values, wanted, weights, create_graph=True, allow_unused=True))
    return [next(found) if n else None for n in needed]


@cache
def _say_once() -> None:
    _LOG.info("second derivatives run on the reference: compiled kernels have none")


_SWEEP = (
    "sweep(str cell, Tensor[] tensors, Tensor? lengths, Tensor? crossing, SymInt steps, bool reverse, bool saving)"
    " -> Tensor[]"
)
_ADJOINT = (
    "sweep_adjoint(str cell, Tensor[] tensors, Tensor[] results, Tensor?[] gradients, Tensor? lengths,"
    " Tensor? crossing, SymInt steps, bool reverse) -> Tensor[]"
)
_library = torch.library.Library("unspool", "DEF")
_library.define(_SWEEP)
_library.define(_ADJOINT)


def _run_sweep(
    cell: str,
    tensors: list[Tensor],
    lengths: Tensor | None,
    crossing: Tensor | None,
    steps: int,
    reverse: bool,
    saving: bool,
) -> list[Tensor]:
    return run_forward(cell_of(cell), [even(t) for t in tensors], _call(steps, lengths, crossing, reverse), saving)


def _shapes_of_sweep(
    cell: str,
    tensors: list[Tensor],
    lengths: Tensor | None,
    crossing: Tensor | None,
    steps: int,
    reverse: bool,
    saving: bool,
) -> list[Tensor]:
    known = cell_of(cell)
    given = known.given(tensors)
    shapes = result_shapes(known, given, Call(steps, lengths, crossing, reverse), saving)
    return [tensors[0].new_empty(shape) for shape in shapes]


def _run_adjoint(
    cell: str,
    tensors: list[Tensor],
    results: list[Tensor],
    gradients: list[Tensor | None],
    lengths: Tensor | None,
    crossing: Tensor | None,
    steps: int,
    reverse: bool,
) -> list[Tensor]:
    call = _call(steps, lengths, crossing, reverse)
    with torch.no_grad():
        found = run_adjoint(cell_of(cell), [even(t) for t in tensors], call, [even(r) for r in results], gradients)
    return [g.contiguous() for g in found if g is not None]


def _shapes_of_adjoint(cell: str, tensors: list[Tensor], *_: Any) -> list[Tensor]:
    return [torch.empty_like(t, memory_format=torch.contiguous_format) for t in tensors]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    cell, tensors, lengths, crossing, steps, reverse, _ = inputs
    ctx.save_for_backward(*tensors, *output, lengths, crossing)
    ctx.cell, ctx.steps, ctx.reverse, ctx.count = cell, steps, reverse, len(tensors)
    ctx.set_materialize_grads(False)


def _differentiate(ctx: Any, gradients: Sequence[Tensor | None]) -> tuple[Any, ...]:
    *saved, lengths, crossing = ctx.saved_tensors
    known = cell_of(ctx.cell)
    found = torch.ops.unspool.sweep_adjoint(
        ctx.cell,
        saved[: ctx.count],
        saved[ctx.count :],
        list(gradients[: _count(known)]),
        lengths,
        crossing,
        ctx.steps,
        ctx.reverse,
    )
    return None, found, None, None, None, None, None


_library.impl("sweep", _run_sweep, "CPU")
_library.impl("sweep_adjoint", _run_adjoint, "CPU")
torch.library.register_fake("unspool::sweep", _shapes_of_sweep, lib=_library)
torch.library.register_fake("unspool::sweep_adjoint", _shapes_of_adjoint, lib=_library)
torch.library.register_autograd("unspool::sweep", _differentiate, setup_context=_keep, lib=_library)


def _call(steps: int, lengths: Tensor | None, crossing: Tensor | None, reverse: bool) -> Call:
    """A compiled program may have chosen other strides than the kernel reads."""
    return Call(steps, _dense(lengths), _dense(crossing), reverse)


def _dense(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.contiguous()


def _count(cell: CompiledCell) -> int:
    """Of a sweep's results those that its caller sees: what is kept, and the final states."""
    return len(cell.folded.forward.writes) + len(cell.graph.states)
