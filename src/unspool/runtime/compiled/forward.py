"""The forward sweep on tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from unspool.backends.reference.sweep import run_sweep
from unspool.runtime.compiled.bound import Bound
from unspool.runtime.compiled.cell import Call, CompiledCell, Given, width_of
from unspool.runtime.compiled.hoisted import multiply
from unspool.runtime.compiled.threads import thread_count
from unspool.runtime.compiled.words import Operand, Words, operands, signature

T = TypeVar("T")

_FEW = 256
"""Features of an input up to which products with it are done in the loop."""

_MANY = 4
"""Sequences from which on they are products of their own there: of fewer, a step has too few rows for its tiles."""


def result_shapes(cell: CompiledCell, given: Given[Any], call: Call, saving: bool) -> list[tuple[int, ...]]:
    """Shapes of what `run_forward` returns: what is kept, the final states; with `saving` what the adjoint needs."""
    return [*_written(cell, given, call, saving), *(_kept_products(cell, given, call) if saving else ())]


def _kept_products(cell: CompiledCell, given: Given[Any], call: Call) -> list[tuple[int, ...]]:
    sizes = cell.sizes(given)
    return [(call.steps, given.batch, cell.width(p, sizes)) for p in cell.kept_products]


def _written(cell: CompiledCell, given: Given[Any], call: Call, saving: bool) -> list[tuple[int, ...]]:
    """Shapes of what the sweep itself writes."""
    forward, sizes, over = cell.folded.forward, cell.sizes(given), (call.steps, given.batch)
    shapes: list[tuple[int, ...]] = [(*over, width_of(forward, p, sizes)) for _, p in forward.writes]
    shapes += [tuple(s.shape) for s in given.initial]
    if saving:
        shapes += [(*over, len(names) * sizes.get(letter, 1)) for letter, names in cell.saved.items()]
        if call.keeps_before:
            shapes += [(*over, sizes[s.size]) for s in cell.carried]
    return shapes


def run_forward(cell: CompiledCell, tensors: Sequence[Tensor], call: Call, saving: bool) -> list[Tensor]:
    """Run a cell over time.

    Args:
        cell: the cell.
        tensors: as in `Given`, in its order; each with unit stride along its last axis, all of one dtype, on the CPU.
        call: the rest of what is asked for.
        saving: whether an adjoint sweep will follow.

    Returns:
        kept values [T, B, ·], final states [B, ·]; with `saving` one tensor [T, B, n·size] per size of what is saved,
        where states are reset the states before each step, and the products before the loop that the adjoint reads.
    """
    dtype = tensors[0].dtype
    if not cell.batch(tensors):
        return [torch.zeros(shape, dtype=dtype) for shape in result_shapes(cell, cell.given(tensors), call, saving)]
    everything = [*tensors, call.lengths, call.crossing]
    key = (saving, dtype, call.steps, call.reverse, thread_count(), *signature(everything))
    made = cell.laid_out(key, lambda: _lay_out(cell, everything, call, saving, dtype))
    results: list[Any] = made.bound.made(dtype)
    for (x, matrix), into in zip(made.products, results, strict=False):
        multiply(tensors[x], tensors[matrix], into)
    made.bound.run([*everything, *results])
    return [*results[made.first :], *(results[i] for i in made.kept)]


@dataclass(frozen=True)
class _LaidOut:
    """A forward call laid out.

    Attributes:
        bound: the sweep. The products before it are the first tensors that it makes, or that are made for it.
        products: places of the input and the matrix, of each that is made for it.
        first: how many there are.
        kept: which of them the adjoint reads.
    """

    bound: Bound
    products: tuple[tuple[int, int], ...]
    first: int
    kept: tuple[int, ...]


def _lay_out(
    cell: CompiledCell, everything: Sequence[Tensor | None], call: Call, saving: bool, dtype: torch.dtype
) -> _LaidOut:
    *tensors, lengths, crossing = operands(everything)
    given = cell.given([t for t in tensors if t is not None])
    which, sizes = "training" if saving else "inference", cell.sizes(given)
    is_inlined = _is_inlined(cell, given, which)
    kernel = cell.kernel(f"inlined {which}" if is_inlined else which, dtype)
    words = Words(kernel, sizes, call.steps, given.batch, call.first, call.direction, len(everything))
    kept_products = cell.kept_products if saving else ()
    hoisted = kept_products if is_inlined else cell.folded.products
    products = [words.new((call.steps, given.batch, cell.width(p, sizes))) for p in hoisted]
    results = [words.new(shape) for shape in _written(cell, given, call, saving)]
    over_time(words, lengths, crossing)
    words.weights(constants(cell, given), stored(cell, given))
    read = dict(zip(cell.folded.stacks, given.sources, strict=True))
    made = {p.names: product for p, product in zip(hoisted, products, strict=True)}
    read |= {(name,): x for name, x in zip(cell.inputs, given.inputs, strict=True)} if is_inlined else made
    for what, stacks in (("read", read), ("write", made if is_inlined else {})):
        for stack, source in stacks.items():
            for part, name in enumerate(stack):
                words.stream(what, name, source, part * source.shape[-1] // len(stack))
    kept, rest = results[: len(cell.folded.forward.writes)], results[len(cell.folded.forward.writes) :]
    for (name, _), result in zip(cell.folded.forward.writes, kept, strict=True):
        words.stream("write", name, result)
    for state, initial, final in zip(cell.graph.states, given.initial, rest, strict=False):
        words.row("initial", state.name, initial)
        words.point(f"final {state.name}", final)
    for state, start in zip(cell.graph.states, given.rest, strict=False):
        words.row("rest", state.name, start)
    if saving:
        saved = iter(rest[len(cell.graph.states) :])
        for names in cell.saved.values():
            result = next(saved)
            for part, name in enumerate(names):
                words.stream("write", name, result, part * result.shape[-1] // len(names))
        for state, result in zip(cell.carried, saved, strict=call.keeps_before):
            words.stream("before", state.name, result)
    inputs, parameters = dict(zip(cell.inputs, given.inputs, strict=True)), stored(cell, given)
    places = () if is_inlined else tuple((inputs[p.input].place, parameters[p.weight][0].place) for p in hoisted)
    return _LaidOut(words.bound(), places, len(hoisted), tuple(hoisted.index(p) for p in kept_products))


def _is_inlined(cell: CompiledCell, given: Given[Operand], which: str) -> bool:
    """Whether the products before the loop run in it: of few features, and where they join others or rows are many.

    A sequence whose units are shared among threads has them before the loop.
    """
    inlined = cell.inlined.get(which)
    if inlined is None or any(x.shape[-1] > _FEW for x in given.inputs):
        return False
    return inlined.is_joined or given.batch >= max(_MANY, thread_count())


def over_time(words: Words, lengths: Operand | None, crossing: Operand | None) -> None:
    """Where sequences end and states are reset."""
    if lengths is not None:
        words.point("lengths", lengths)
    if crossing is not None:
        words.point("crossing", crossing)


def constants(cell: CompiledCell, given: Given[T]) -> dict[str, T]:
    """Name → vector or number."""
    return {name: value for (name, _), value in zip(cell.folded.constants, given.constants, strict=True)}


def stored(cell: CompiledCell, given: Given[T]) -> dict[str, tuple[T, tuple[str, ...]]]:
    """Name → stored parameter and its gates."""
    pairs = zip(cell.parameters.items(), given.parameters, strict=True)
    return {name: (tensor, parameter.gates) for (name, parameter), tensor in pairs}


def run_reference(cell: CompiledCell, given: Given[Tensor], call: Call) -> list[Tensor]:
    """Kept values and final states, as `run_forward` returns them first, in differentiable torch operations."""
    sources = {
        name: part
        for stack, source in zip(cell.folded.stacks, given.sources, strict=True)
        for name, part in zip(stack, source.chunk(len(stack), -1), strict=True)
    }
    weights, inputs = constants(cell, given), dict(zip(cell.inputs, given.inputs, strict=True))
    for name, (tensor, parts) in stored(cell, given).items():
        cut = zip(parts, tensor.chunk(len(parts)), strict=True) if parts else ()
        weights |= {f"{name}.{g}": m for g, m in cut} if parts else {name: tensor}
    for product in cell.folded.products:
        matrix, _ = stored(cell, given)[product.weight]
        parts = functional.linear(inputs[product.input], matrix).chunk(len(product.names), -1)
        sources |= dict(zip(product.names, parts, strict=True))
    kept, final = run_sweep(
        cell.folded.forward,
        sources,
        weights,
        given.initial,
        lengths=call.lengths,
        crossing=None if call.crossing is None else call.crossing.bool(),
        rest=given.rest,
        reverse=call.reverse,
        steps=call.steps,
    )
    return [*kept, *final]
