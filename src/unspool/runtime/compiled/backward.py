"""The adjoint sweep on tensors, and the weight gradients that wait for its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unspool.ir import is_block_diagonal
from unspool.passes.save import DeferredGradient
from unspool.runtime.compiled import memory
from unspool.runtime.compiled.cell import Call, CompiledCell, Given, shape_of, width_of
from unspool.runtime.compiled.forward import constants, gates
from unspool.runtime.compiled.words import Words


@dataclass(frozen=True)
class Column:
    """Columns of a tensor [T, B, n]."""

    tensor: Tensor
    start: int
    width: int


def run_adjoint(
    cell: CompiledCell,
    given: Given,
    call: Call,
    results: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
) -> list[Tensor]:
    """Gradients of everything in `given`, in its order.

    Args:
        cell: the cell.
        given: what the forward sweep was given.
        call: what it was asked for.
        results: what it returned, with what it saved.
        gradients: of the kept values and the final states; None where there is none.
    """
    forward, adjoint, sizes = cell.folded.forward, cell.training.adjoint, cell.sizes(given)
    dtype, batch = given.initial[0].dtype, given.batch
    if not batch:
        return [torch.zeros_like(t) for t in (*given.sources, *given.constants, *given.matrices, *given.initial, *given.rest)]
    states, kept = cell.graph.states, len(forward.writes)
    columns = _written_forward(cell, results)
    before = results[len(results) - len(cell.carried) :] if call.keeps_before else ()
    first = call.steps - 1 - call.first
    words = Words(cell.kernel("adjoint", dtype), sizes, call.steps, batch, first, -call.direction)
    words.over_time(call.lengths, call.crossing)
    words.weights(constants(cell, given), dict(zip(cell.matrices, given.matrices, strict=True)), gates(cell))
    sources = {
        name: Column(source, i * source.shape[-1] // len(stack), source.shape[-1] // len(stack))
        for stack, source in zip(cell.folded.stacks, given.sources, strict=True)
        for i, name in enumerate(stack)
    }
    nothing = torch.zeros((1, 1, max(sizes.values())), dtype=dtype).expand(call.steps, batch, -1)
    incoming = {f"∂{n}": g for (n, _), g in zip(forward.writes, gradients[:kept], strict=True)}
    for read in adjoint.reads:
        name = read.name
        if name in incoming:
            words.stream("read", name, _even(incoming[name], nothing))
        elif name in adjoint.shifted:
            if call.keeps_before:
                words.stream("read", name, before[[s.name for s in cell.carried].index(name)])
            else:
                column = columns[f"{name}'"]
                words.stream("read", name, column.tensor, column.start, -call.direction)
                words.set("edge", call.first)
            words.row("edge", name, given.initial[[s.name for s in states].index(name)])
        else:
            column = columns.get(name) or sources[name]
            words.stream("read", name, column.tensor, column.start)
    outgoing = _outgoing(cell, sizes, call.steps, batch, dtype)
    for name, column in outgoing.items():
        words.stream("write", name, column.tensor, column.start)
    ends = [_even(g, nothing[0, :, : s.shape[-1]]) for g, s in zip(gradients[kept:], given.initial, strict=True)]
    initial = [memory.empty(s.shape, dtype) for s in given.initial]
    rest = [torch.zeros((batch, s.shape[-1]), dtype=dtype) for s in given.rest]
    for state, end, gradient in zip(adjoint.states, ends, initial, strict=True):
        words.row("initial", state.name, end)
        words.point(f"final {state.name}", gradient)
    for state, gradient in zip(adjoint.states, rest, strict=False):
        words.row("rest", state.name, gradient)
    sums = words.sums()
    words.run()
    operands = _operands(cell, given, call, columns, sources, before)
    return [
        *_source_gradients(cell, given, outgoing),
        *(_constant_gradient(cell, name, c, sums, outgoing) for (name, _), c in zip(cell.folded.constants, given.constants, strict=True)),
        *(_matrix_gradient(cell, name, m, outgoing, operands) for name, m in zip(cell.matrices, given.matrices, strict=True)),
        *initial,
        *rest,
    ]  # fmt: skip


def _written_forward(cell: CompiledCell, results: Sequence[Tensor]) -> dict[str, Column]:
    """Name → where the forward sweep wrote it."""
    writes = cell.folded.forward.writes
    columns = {name: Column(t, 0, t.shape[-1]) for (name, _), t in zip(writes, results, strict=False)}
    saved = results[len(writes) + len(cell.graph.states) :]
    for names, tensor in zip(cell.saved.values(), saved, strict=False):
        width = tensor.shape[-1] // len(names)
        columns |= {name: Column(tensor, i * width, width) for i, name in enumerate(names)}
    return columns


def _outgoing(
    cell: CompiledCell, sizes: dict[str, int], steps: int, batch: int, dtype: torch.dtype
) -> dict[str, Column]:
    """Name → where the adjoint writes it: gradients of one stack side by side, then other deltas by operand."""
    adjoint = cell.training.adjoint
    positions = dict(adjoint.writes)
    groups = [[f"∂{n}" for n in stack if f"∂{n}" in positions] for stack in cell.folded.stacks]
    taken = {name for group in groups for name in group}
    others: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for gradient in cell.training.deferred:
        if gradient.delta not in taken:
            taken.add(gradient.delta)
            shape = shape_of(adjoint, positions[gradient.delta])
            others.setdefault((gradient.operand, shape), []).append(gradient.delta)
    groups += [*others.values(), *([name] for name in positions if name not in taken)]
    found: dict[str, Column] = {}
    for group in groups:
        if group:
            width = width_of(adjoint, positions[group[0]], sizes)
            tensor = memory.empty((steps, batch, len(group) * width), dtype)
            found |= {name: Column(tensor, i * width, width) for i, name in enumerate(group)}
    return found


def _source_gradients(cell: CompiledCell, given: Given, outgoing: dict[str, Column]) -> list[Tensor]:
    """Per stack the gradient of all of it; parts that nothing needs get zeros."""
    found = []
    for stack, source in zip(cell.folded.stacks, given.sources, strict=True):
        columns = [outgoing.get(f"∂{name}") for name in stack]
        there = [c for c in columns if c is not None]
        if len(there) == len(stack):
            found.append(there[0].tensor)
            continue
        gradient = torch.zeros_like(source, memory_format=torch.contiguous_format)
        width = source.shape[-1] // len(stack)
        for i, column in enumerate(columns):
            if column is not None:
                gradient[..., i * width : (i + 1) * width] = _view(column)
        found.append(gradient)
    return found


def _constant_gradient(
    cell: CompiledCell, name: str, constant: Tensor, sums: dict[str, Tensor], outgoing: dict[str, Column]
) -> Tensor:
    if f"∂{name}" in outgoing:  # of a number, used once per step and sequence
        return _view(outgoing[f"∂{name}"]).sum().reshape(constant.shape)
    if f"∂{name}" not in sums:
        return torch.zeros_like(constant)
    total = sums[f"∂{name}"].sum(0)
    if constant.dim():
        return total[: constant.shape[-1]]
    return total.sum()


def _matrix_gradient(
    cell: CompiledCell, name: str, matrix: Tensor, outgoing: dict[str, Column], operands: dict[str, "_Operand"]
) -> Tensor:
    """Σ over steps and sequences of delta ⊗ operand, gates whose deltas lie side by side in one product."""
    stored = cell.parameters[name]
    places = {gate: i for i, gate in enumerate(stored.gates or (None,))}
    rows = matrix.shape[0] // len(places)
    gradient = memory.empty(matrix.shape, matrix.dtype)
    filled: set[int] = set()
    mine = [d for d in cell.training.deferred if d.weight.name == name]
    for run in _runs(sorted(mine, key=lambda d: (d.operand, places[d.weight.gate])), places, outgoing):
        first, last = places[run[0].weight.gate], places[run[-1].weight.gate]
        column = outgoing[run[0].delta]
        delta = Column(column.tensor, column.start, len(run) * column.width)
        into = gradient[first * rows : (last + 1) * rows]
        here = set(range(first, last + 1))
        for place in here - filled if here & filled else ():
            gradient[place * rows : (place + 1) * rows] = 0
        operands[run[0].operand].outer(into, _view(delta), is_block_diagonal(stored.shape), add=bool(here & filled))
        filled |= here
    for place in set(places.values()) - filled:
        gradient[place * rows : (place + 1) * rows] = 0
    return gradient


def _runs(
    gradients: list[DeferredGradient], places: dict[str | None, int], outgoing: dict[str, Column]
) -> list[list[DeferredGradient]]:
    """The gradients cut into runs: gates in order, deltas side by side in one tensor, one operand."""
    runs: list[list[DeferredGradient]] = []
    for gradient in gradients:
        column = outgoing[gradient.delta]
        if runs:
            last = runs[-1][-1]
            before = outgoing[last.delta]
            follows = before.tensor is column.tensor and before.start + before.width == column.start
            next_gate = places[last.weight.gate] + 1 == places[gradient.weight.gate]
            if follows and next_gate and last.operand == gradient.operand:
                runs[-1].append(gradient)
                continue
        runs.append([gradient])
    return runs


@dataclass(frozen=True)
class _Operand:
    """What products multiplied, over time: (steps of delta, values at them)."""

    parts: tuple[tuple[slice, Tensor], ...]

    def outer(self, into: Tensor, delta: Tensor, blocks: bool, *, add: bool) -> None:
        """into (+)= Σ delta ⊗ operand, for the units of each diagonal block alone where there are `blocks`."""
        for steps, values in self.parts:
            left, right = delta[steps].flatten(0, 1), values.flatten(0, 1)
            if blocks:
                width = into.shape[-1]
                left = left.unflatten(-1, (-1, right.shape[-1] // width, width))
                product = torch.einsum("tgni,tnj->gnij", left, right.unflatten(-1, (-1, width))).reshape(into.shape)
                into.copy_(into + product if add else product)
            elif add:
                into.addmm_(left.T, right)
            else:
                torch.mm(left.T, right, out=into)
            add = True
        if not add:
            into.zero_()


def _operands(
    cell: CompiledCell,
    given: Given,
    call: Call,
    columns: dict[str, Column],
    sources: dict[str, Column],
    before: Sequence[Tensor],
) -> dict[str, _Operand]:
    """Name → operand, for every deferred gradient."""
    found: dict[str, _Operand] = {}
    everything = slice(None)
    carried = [s.name for s in cell.carried]
    for name in {d.operand for d in cell.training.deferred}:
        if name not in cell.training.adjoint.shifted:
            found[name] = _Operand(((everything, _view(columns.get(name) or sources[name])),))
        elif call.keeps_before:
            found[name] = _Operand(((everything, before[carried.index(name)]),))
        else:
            after = _view(columns[f"{name}'"])
            initial = given.initial[[s.name for s in cell.graph.states].index(name)][None]
            early, late, edge = slice(None, -1), slice(1, None), slice(call.first, call.first + 1)
            parts = [(early, after[late]) if call.reverse else (late, after[early])] if call.steps > 1 else []
            found[name] = _Operand((*parts, (edge, initial)))
    return found


def _view(column: Column) -> Tensor:
    return column.tensor[..., column.start : column.start + column.width]


def _even(gradient: Tensor | None, nothing: Tensor) -> Tensor:
    """A gradient with unit stride along its last axis; zeros that take no memory where there is none."""
    if gradient is None:
        return nothing
    return gradient if gradient.stride(-1) == 1 or gradient.shape[-1] == 1 else gradient.contiguous()
