"""The adjoint sweep on tensors, and the weight gradients that wait for its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unspool.passes.fold import Hoisted
from unspool.passes.save import DeferredGradient
from unspool.runtime.compiled.bound import Bound
from unspool.runtime.compiled.cell import Call, CompiledCell, Given, shape_of, width_of
from unspool.runtime.compiled.collecting import Piece, collect_inputs, collect_matrices
from unspool.runtime.compiled.forward import constants, over_time, stored
from unspool.runtime.compiled.gradients import (
    Added,
    Column,
    Known,
    Nothing,
    OfHoisted,
    OfInput,
    Product,
    Products,
    Recipe,
    Stacked,
    Total,
)
from unspool.runtime.compiled.threads import thread_count
from unspool.runtime.compiled.words import Operand, Stream, Words, even, operands, signature


def run_adjoint(
    cell: CompiledCell,
    tensors: Sequence[Tensor],
    call: Call,
    results: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    needed: Sequence[bool] | None = None,
) -> list[Tensor | None]:
    """Gradients of all `tensors`, in their order.

    Args:
        cell: the cell.
        tensors: what the forward sweep was given.
        call: what it was asked for.
        results: what it returned, with what it saved.
        gradients: of the kept values and the final states; None where there is none.
        needed: for each tensor whether its gradient is wanted; None takes the place of the others. By default all.
    """
    if torch.is_autocast_enabled("cpu"):  # would turn the products below into bfloat16
        with torch.autocast("cpu", enabled=False):
            return run_adjoint(cell, tensors, call, results, gradients, needed)
    if not cell.batch(tensors):
        return [torch.zeros_like(t) for t in tensors]
    dtype = tensors[0].dtype
    everything = [
        *tensors,
        *results,
        *(None if g is None else even(g) for g in gradients),
        call.lengths,
        call.crossing,
    ]
    needed = (True,) * len(tensors) if needed is None else tuple(needed)
    key = (dtype, call.steps, call.reverse, thread_count(), needed, *signature(everything))
    made = cell.laid_out(key, lambda: _Adjoint(cell, needed, len(results), everything, call, dtype).laid_out)
    there: list[Any] = [*everything, made.nothing, *made.bound.made(dtype)]
    made.bound.run(there)
    return [None if recipe is None else recipe.gradient(there) for recipe in made.recipes]


@dataclass(frozen=True)
class _LaidOut:
    """An adjoint call laid out.

    Attributes:
        bound: the sweep.
        nothing: zeros, read where a result has no gradient.
        recipes: for each tensor how its gradient is had from what is there after the sweep; None where nobody needs it.
    """

    bound: Bound
    nothing: Tensor
    recipes: tuple[Recipe | None, ...]


class _Adjoint:
    """Lays an adjoint call out: the words of its sweep, and a recipe for every gradient."""

    def __init__(
        self,
        cell: CompiledCell,
        needed: tuple[bool, ...],
        results: int,
        everything: Sequence[Tensor | None],
        call: Call,
        dtype: torch.dtype,
    ) -> None:
        self.cell, self.call, self._needed = cell, call, needed
        known, given = operands(everything), len(needed)
        self.given: Given[Operand] = cell.given([t for t in known[:given] if t is not None])
        self.results = [t for t in known[given : given + results] if t is not None]
        *self.gradients, lengths, crossing = known[given + results :]
        self.sizes, self.batch = cell.sizes(self.given), self.given.batch
        first = call.steps - 1 - call.first
        self.words = Words(
            cell.kernel("adjoint", dtype), self.sizes, call.steps, self.batch, first, -call.direction, len(known) + 1
        )
        over_time(self.words, lengths, crossing)
        self.words.weights(constants(cell, self.given), stored(cell, self.given))
        nothing = torch.zeros(max(self.sizes.values()), dtype=dtype)
        self.nothing = Operand(len(known), tuple(nothing.shape), (0, 0, 1))
        end = len(self.results) - len(cell.kept_products)
        self.before = self.results[end - len(cell.carried) : end] if call.keeps_before else []
        self.columns = self._written_forward()
        stacks = (*cell.folded.stacks, *(p.names for p in cell.kept_products))
        self.sources = {
            name: Column(source.place, i * source.shape[-1] // len(stack), source.shape[-1] // len(stack))
            for stack, source in zip(stacks, (*self.given.sources, *self.results[end:]), strict=True)
            for i, name in enumerate(stack)
        }
        self._operands = dict(enumerate(known))
        self._reads()
        self.outgoing = self._writes()
        self._states()
        self.sums = self.words.sums()
        self.runs = {name: self._products_of(name) for name in self._matrices()}
        self.collected = self._collect()
        recipes = tuple(self._recipes())
        read = {place for recipe in recipes if recipe is not None for place in recipe.places}
        self.laid_out = _LaidOut(self.words.bound(read), nothing, recipes)

    def _written_forward(self) -> dict[str, Column]:
        """Name → where the forward sweep wrote it."""
        writes = self.cell.folded.forward.writes
        columns = {name: Column(t.place, 0, t.shape[-1]) for (name, _), t in zip(writes, self.results, strict=False)}
        saved = self.results[len(writes) + len(self.cell.graph.states) :]
        for names, tensor in zip(self.cell.saved.values(), saved, strict=False):
            width = tensor.shape[-1] // len(names)
            columns |= {name: Column(tensor.place, i * width, width) for i, name in enumerate(names)}
        return columns

    def _reads(self) -> None:
        cell, call, words = self.cell, self.call, self.words
        writes = cell.folded.forward.writes
        incoming = {f"∂{n}": g for (n, _), g in zip(writes, self.gradients, strict=False)}
        for read in cell.training.adjoint.reads:
            name = read.name
            if name in incoming:
                words.stream("read", name, incoming[name] or self.nothing)
            elif name not in cell.training.adjoint.shifted:
                column = self.columns.get(name) or self.sources[name]
                words.stream("read", name, self._operand(column), column.start)
            else:
                if call.keeps_before:
                    words.stream("read", name, self.before[self._carried(name)])
                else:
                    column = self.columns[f"{name}'"]
                    words.stream("read", name, self._operand(column), column.start, -call.direction)
                    words.set("edge", call.first)
                words.row("edge", name, self._initial(name))

    def _writes(self) -> dict[str, Column]:
        """Name → where the adjoint writes it: gradients of one stack side by side, then other deltas by operand."""
        adjoint = self.cell.training.adjoint
        positions = dict(adjoint.writes)
        stacks = (*self.cell.folded.stacks, *(p.names for p in self.cell.folded.products))
        groups = [[f"∂{n}" for n in stack if f"∂{n}" in positions] for stack in stacks]
        taken = {name for group in groups for name in group}
        others: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for gradient in self.cell.training.deferred:
            if gradient.delta not in taken:
                taken.add(gradient.delta)
                shape = shape_of(adjoint, positions[gradient.delta])
                others.setdefault((gradient.operand, shape), []).append(gradient.delta)
        groups += [*others.values(), *([name] for name in positions if name not in taken)]
        found: dict[str, Column] = {}
        for group in groups:
            if group:
                width = width_of(adjoint, positions[group[0]], self.sizes)
                operand = self.words.new((self.call.steps, self.batch, len(group) * width))
                self._operands[operand.place] = operand
                for i, name in enumerate(group):
                    found[name] = Column(operand.place, i * width, width)
                    self.words.stream("write", name, operand, i * width)
        return found

    def _states(self) -> None:
        """The gradients of the final states come in, those of the initial ones and of those to reset to go out."""
        words, states = self.words, self.cell.training.adjoint.states
        ends = self.gradients[len(self.cell.folded.forward.writes) :]
        self.initial = [
            words.new(s.shape) if self._needed[s.place] else words.inside(s.shape) for s in self.given.initial
        ]
        self.rest = [words.new((self.batch, s.shape[-1]), zero=True) for s in self.given.rest]
        for state, end, gradient in zip(states, ends, self.initial, strict=True):
            words.row("initial", state.name, end or self.nothing)
            words.point(f"final {state.name}", gradient)
        for state, gradient in zip(states, self.rest, strict=False):
            words.row("rest", state.name, gradient)

    def _recipes(self) -> list[Recipe | None]:
        cell, given, needed = self.cell, self.given, iter(self._needed)
        names = [[name] for name, _ in cell.folded.constants]
        shapes = [source.shape for source in given.sources]

        def each(recipe: Callable[..., Recipe], *arguments: Iterable[Any]) -> list[Recipe | None]:
            return [recipe(*a) if next(needed) else None for a in zip(*arguments, strict=True)]

        return [
            *each(self._of_input, cell.inputs, given.inputs),
            *each(self._of_stack, cell.folded.stacks, shapes),
            *each(self._of_vector, names, given.constants),
            *each(self._of_parameter, cell.parameters, given.parameters),
            *each(Known, [t.place for t in (*self.initial, *self.rest)]),
        ]

    def _of_product(self, product: Hoisted) -> Recipe:
        over = (self.call.steps, self.batch)
        return self._of_stack(product.names, (*over, self.cell.width(product, self.sizes)))

    def _of_stack(self, stack: tuple[str, ...], shape: tuple[int, ...]) -> Recipe:
        """All of the stack; parts that nothing needs get zeros."""
        columns = [self.outgoing.get(f"∂{name}") for name in stack]
        there = [c for c in columns if c is not None]
        if len(there) == len(stack):
            return Known(there[0].place)
        width = shape[-1] // len(stack)
        parts = tuple((i * width, c) for i, c in enumerate(columns) if c is not None)
        return Stacked(shape, self.nothing.place, parts)

    def _of_input(self, name: str, x: Operand) -> Recipe:
        if name in self.collected:
            return self.collected[name]
        weights = stored(self.cell, self.given)
        mine = [p for p in self.cell.folded.products if p.input == name]
        parts = tuple(OfInput(self._of_product(p), weights[p.weight][0].place) for p in mine)
        return Added(parts) if parts else Nothing(x.place)

    def _of_parameter(self, name: str, tensor: Operand) -> Recipe:
        parameter = self.cell.parameters[name]
        if len(parameter.shape) < 2:
            return self._of_vector([f"{name}.{g}" for g in parameter.gates] or [name], tensor)
        inputs = dict(zip(self.cell.inputs, self.given.inputs, strict=True))
        parts: list[Recipe] = [
            self.collected.get(p) or OfHoisted(self._of_product(p), inputs[p.input].place)
            for p in self.cell.folded.products
            if p.weight == name
        ]
        if name in self.runs:
            parts.append(self.collected.get(name) or self._of_matrix(name, tensor))
        return parts[0] if len(parts) == 1 else Added(tuple(parts))

    def _of_vector(self, names: list[str], tensor: Operand) -> Recipe:
        """Of a vector or a number, its gates side by side."""
        if f"∂{names[0]}" in self.outgoing:  # of a number, used once per step and sequence
            return Total(self.outgoing[f"∂{names[0]}"], tensor.shape)
        totals = dict(self.cell.training.totals)
        found = [self.sums[totals[f"∂{name}"]] if f"∂{name}" in totals else None for name in names]
        there = [f for f in found if f is not None]
        if not there:
            return Nothing(tensor.place)
        adjoint = self.cell.training.adjoint
        name = next(totals[f"∂{n}"] for n in names if f"∂{n}" in totals)
        width = width_of(adjoint, dict(adjoint.sums)[name], self.sizes)
        gradient = self.words.new(tensor.shape)  # its own: two parameters may have the same
        is_number = math.prod(tensor.shape) == 1  # and has been used for every unit
        of_unit, terms = (1, width) if is_number else (width, 1)
        for gate, one in enumerate(found):
            sums, row = one or there[0]
            at, parts = (gate * width, row * sums.strides[0]), self.words.chunks if one else 0
            self.words.total(gradient, sums, (1, of_unit), at=at, parts=parts, terms=terms)
        return Known(gradient.place)

    def _matrices(self) -> list[str]:
        """Names of the stored matrices that the loop multiplies."""
        inside = {w.name for w in self.cell.folded.forward.weights}
        return [name for name, p in self.cell.parameters.items() if len(p.shape) == 2 and name in inside]

    def _products_of(self, name: str) -> list[tuple[int, int, Column, str]]:
        """(first gate, last gate, delta, operand) of the products that are a matrix's gradient.

        Gates whose deltas lie side by side are in one.
        """
        places = {gate: i for i, gate in enumerate(self.cell.parameters[name].gates or (None,))}
        found: list[tuple[int, int, Column, str]] = []
        mine = [d for d in self.cell.training.deferred if d.weight.name == name]
        for run in self._runs(sorted(mine, key=lambda d: (d.operand, places[d.weight.gate])), places):
            column = self.outgoing[run[0].delta]
            delta = Column(column.place, column.start, len(run) * column.width)
            found.append((places[run[0].weight.gate], places[run[-1].weight.gate], delta, run[0].operand))
        return found

    def _collect(self) -> dict[str | Hoisted, Recipe]:
        """What is had inside the sweep.

        The keys are the name of an input or of a matrix of the loop, or the product before the loop.
        """
        cell, inputs = self.cell, dict(zip(self.cell.inputs, self.given.inputs, strict=True))
        weights = {name: tensor for name, (tensor, _) in stored(cell, self.given).items()}
        whole = {p: self._of_product(p) for p in cell.folded.products}
        deltas = {
            p: self._stream(Column(d.place, 0, cell.width(p, self.sizes)))
            for p, d in whole.items()
            if isinstance(d, Known)
        }
        matrices: dict[str | Hoisted, tuple[tuple[int, ...], list[Piece]]] = {}
        for product, delta in deltas.items():
            weight, x = weights[product.weight], inputs[product.input]
            if self._needed[weight.place]:
                matrices[product] = weight.shape, [Piece(0, delta, Stream(x, 0, x.shape[-1]))]
        for name, runs in self.runs.items():
            matrix, gates = weights[name], max(1, len(cell.parameters[name].gates))
            if self._needed[matrix.place] and not cell.is_block_diagonal(name):
                rows = matrix.shape[0] // gates
                pieces = [Piece(first * rows, self._stream(d), *self._multiplied(o)) for first, _, d, o in runs]
                matrices[name] = matrix.shape, pieces
        of_inputs: dict[str, tuple[Operand, list[tuple[Stream, Operand]]]] = {}
        for name, x in inputs.items():
            mine = [p for p in cell.folded.products if p.input == name]
            if self._needed[x.place] and deltas.keys() >= set(mine):
                of_inputs[name] = x, [(deltas[p], weights[p.weight]) for p in mine]
        return {**collect_matrices(self.words, matrices), **collect_inputs(self.words, of_inputs)}

    def _of_matrix(self, name: str, matrix: Operand) -> Recipe:
        """Σ over steps and sequences of delta ⊗ operand, after the sweep."""
        gates = max(1, len(self.cell.parameters[name].gates))
        rows = matrix.shape[0] // gates
        products: list[Product] = []
        filled: set[int] = set()
        for first, last, delta, operand in self.runs[name]:
            here = set(range(first, last + 1))
            again = bool(here & filled)
            missing = tuple((p * rows, (p + 1) * rows) for p in sorted(here - filled)) if again else ()
            parts = self._operand_parts(operand)
            products.append(Product(first * rows, (last + 1) * rows, delta, parts, missing, add=again))
            filled |= here
        untouched = tuple((p * rows, (p + 1) * rows) for p in sorted(set(range(gates)) - filled))
        return Products(matrix.shape, matrix.place, tuple(products), untouched, self.cell.is_block_diagonal(name))

    def _runs(self, gradients: list[DeferredGradient], places: dict[str | None, int]) -> list[list[DeferredGradient]]:
        """The gradients cut into runs: gates in order, deltas side by side in one tensor, one operand."""
        runs: list[list[DeferredGradient]] = []
        for gradient in gradients:
            column = self.outgoing[gradient.delta]
            if runs:
                last = runs[-1][-1]
                before = self.outgoing[last.delta]
                follows = before.place == column.place and before.start + before.width == column.start
                next_gate = places[last.weight.gate] + 1 == places[gradient.weight.gate]
                if follows and next_gate and last.operand == gradient.operand:
                    runs[-1].append(gradient)
                    continue
            runs.append([gradient])
        return runs

    def _multiplied(self, name: str) -> tuple[Stream, Operand | None]:
        """What products multiplied, over time, and what takes its place at the sweep's last step."""
        if name not in self.cell.training.adjoint.shifted:
            return self._stream(self.columns.get(name) or self.sources[name]), None
        if self.call.keeps_before:
            before = self.before[self._carried(name)]
            return Stream(before, 0, before.shape[-1]), None
        after = self._stream(self.columns[f"{name}'"])
        step = self.call.direction * after.operand.strides[0]
        return Stream(after.operand, after.start - step, after.width), self._initial(name)

    def _stream(self, column: Column) -> Stream:
        return Stream(self._operand(column), column.start, column.width)

    def _operand_parts(self, name: str) -> tuple[tuple[slice, Column, slice], ...]:
        """What products multiplied, over time: (steps of delta, values, steps of the values)."""
        whole = slice(None)
        if name not in self.cell.training.adjoint.shifted:
            return ((whole, self.columns.get(name) or self.sources[name], whole),)
        if self.call.keeps_before:
            before = self.before[self._carried(name)]
            return ((whole, Column(before.place, 0, before.shape[-1]), whole),)
        initial, after = self._initial(name), self.columns[f"{name}'"]
        early, late, edge = slice(None, -1), slice(1, None), slice(self.call.first, self.call.first + 1)
        parts = [(early, after, late) if self.call.reverse else (late, after, early)] if self.call.steps > 1 else []
        return (*parts, (edge, Column(initial.place, 0, initial.shape[-1]), whole))

    def _operand(self, column: Column) -> Operand:
        found = self._operands[column.place]
        assert found is not None
        return found

    def _initial(self, name: str) -> Operand:
        return self.given.initial[[s.name for s in self.cell.graph.states].index(name)]

    def _carried(self, name: str) -> int:
        return [s.name for s in self.cell.carried].index(name)
