"""A cell ready for compiled sweeps: its plans, its code, and the order of the tensors that go in and come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, pairwise
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor

from unspool.backends.llvm import SweepKernel
from unspool.ir import Read, StepGraph, Variable, Weight, in_numbers, is_block_diagonal
from unspool.ir.nodes import Shape
from unspool.passes import make_plan
from unspool.passes.fold import Hoisted, fold
from unspool.passes.inline import Inlined, inline
from unspool.passes.save import plan_training, saved_values
from unspool.passes.sweep import Sweep
from unspool.runtime.naming import graph_of, text_of

T = TypeVar("T")

_MOST_CALLS = 256
"""Calls laid out that a cell keeps; a program with more shapes than that lays them out again."""


@dataclass(frozen=True)
class Call:
    """What a run over time is asked for besides its tensors.

    Attributes:
        steps: T.
        lengths: [B] int64, or None.
        crossing: [T, B] uint8: where the state is reset, in running order; or None.
        reverse: from the last step to the first.
    """

    steps: int
    lengths: Tensor | None
    crossing: Tensor | None
    reverse: bool

    @property
    def keeps_before(self) -> bool:
        """Whether the state before a step cannot be found among the states after steps."""
        return self.crossing is not None or (self.reverse and self.lengths is not None)

    @property
    def first(self) -> int:
        """The first step in running order."""
        return self.steps - 1 if self.reverse else 0

    @property
    def direction(self) -> int:
        """From one step to the next in running order."""
        return -1 if self.reverse else 1


@dataclass(frozen=True)
class Given(Generic[T]):
    """The tensors that a forward sweep is given, or the operands that stand for them.

    Attributes:
        inputs: those that the folded plan's products multiply, [T, B, I].
        sources: one per stack of the folded plan, [T, B, n·size].
        constants: vectors and numbers of the prologue.
        parameters: as they are stored.
        initial: per state [B, size].
        rest: per state [B, size], or nothing where no state is reset.
    """

    inputs: tuple[T, ...]
    sources: tuple[T, ...]
    constants: tuple[T, ...]
    parameters: tuple[T, ...]
    initial: tuple[T, ...]
    rest: tuple[T, ...]

    @property
    def batch(self) -> int:
        """B."""
        return cast(Any, self.initial[0]).shape[0]


class CompiledCell:
    """A cell's plans and code; one per cell and process.

    Args:
        graph: the step.
        fixed: names of the inputs whose gradients nobody wants.
        whole: see `passes.fold.fold`.

    Attributes:
        graph: the step.
        text: the graph as JSON, by which an operator in a compiled program names it.
        folded: what runs in torch and what in the loop.
        inputs: names of the inputs that products before the loop multiply.
        parameters: name → parameter, of those that the loop or the products before it take as they are stored.
    """

    def __init__(self, graph: StepGraph, fixed: frozenset[str] = frozenset(), *, whole: bool = False) -> None:
        self.graph, self._fixed = graph, fixed
        self.text = text_of(graph)
        self.folded = fold(make_plan(graph), whole=whole)
        self.inputs = tuple(dict.fromkeys(p.input for p in self.folded.products))
        taken = {w.name for w in self.folded.forward.weights} | {p.weight for p in self.folded.products}
        self.parameters = {p.name: p for p in graph.parameters if p.name in taken}
        self._kernels: dict[tuple[str, torch.dtype], SweepKernel] = {}
        self._calls: dict[tuple[Any, ...], Any] = {}

    @cached_property
    def training(self):
        """The sweeps that training takes."""
        return plan_training(self.folded.forward, [p.names for p in self.folded.products], self._fixed)

    @cached_property
    def saved(self) -> dict[str, tuple[str, ...]]:
        """Size letter → names of what is saved, which lie side by side."""
        return saved_values(self.training)

    @cached_property
    def kept_products(self) -> tuple[Hoisted, ...]:
        """The products before the loop whose results the adjoint reads again."""
        kept = self.training.kept([p.names for p in self.folded.products])
        return tuple(p for p in self.folded.products if p.names in kept)

    @cached_property
    def carried(self) -> tuple[Variable, ...]:
        """The states that the adjoint needs from before each step."""
        return tuple(s for s in self.graph.states if s.name in self.training.adjoint.shifted)

    @cached_property
    def inlined(self) -> dict[str, Inlined]:
        """The forward sweeps with the products before them inside: "inference" and "training", where they can be."""
        products = {
            name: (Weight(p.weight, gate, stored.shape), Read(p.input, stored.shape[1:]))
            for p in self.folded.products
            for stored in (self.parameters[p.weight],)
            for name, gate in zip(p.names, stored.gates or (None,), strict=True)
        }
        kept = {"inference": (), "training": [name for p in self.kept_products for name in p.names]}
        found = {which: inline(self._sweep(which), products, names) for which, names in kept.items()}
        return {which: inlined for which, inlined in found.items() if inlined is not None}

    def kernel(self, which: str, dtype: torch.dtype) -> SweepKernel:
        """The code of "inference", "training" or "adjoint"; of "inlined inference" and "inlined training"."""
        if (which, dtype) not in self._kernels:
            sweep = self._sweep(which)
            name = str(dtype).removeprefix("torch.")
            self._kernels[which, dtype] = SweepKernel(sweep, name, is_adjoint=which == "adjoint")
        return self._kernels[which, dtype]

    def laid_out(self, key: tuple[Any, ...], lay_out: Callable[[], T]) -> T:
        """The call of this key, which names every shape, stride and setting that decides it; laid out once."""
        call = self._calls.get(key)
        if call is None:
            if len(self._calls) >= _MOST_CALLS:
                self._calls.clear()
            call = self._calls[key] = lay_out()
        return call

    def given(self, tensors: Sequence[T]) -> Given[T]:
        """`tensors` in the order inputs, sources, constants, parameters, initial, rest."""
        cuts = self._cuts
        parts = [tuple(tensors[start:end]) for start, end in pairwise(cuts)]
        return Given(*parts, rest=tuple(tensors[cuts[-1] :]))

    def batch(self, tensors: Sequence[Tensor]) -> int:
        """B, of tensors in that order."""
        return tensors[self._cuts[-2]].shape[0]

    @cached_property
    def _cuts(self) -> list[int]:
        folded = self.folded
        counts = (self.inputs, folded.stacks, folded.constants, self.parameters, self.graph.states)
        return [0, *accumulate(map(len, counts))]

    def sizes(self, given: Given[Any]) -> dict[str, int]:
        """Size letter → number."""
        sizes = {s.size: t.shape[-1] for s, t in zip(self.graph.states, given.initial, strict=True)}
        for (letter, count), source in zip(self._stacks, given.sources, strict=True):
            if letter:
                sizes[letter] = source.shape[-1] // count
        for (_, position), constant in zip(self.folded.constants, given.constants, strict=True):
            for letter in shape_of(self.graph_of_plan, position):
                sizes[letter] = constant.shape[-1]
        for stored, tensor in zip(self.parameters.values(), given.parameters, strict=True):
            if not stored.shape:
                continue
            rows = sizes[stored.shape[0]] = tensor.shape[0] // max(1, len(stored.gates))
            if len(stored.shape) == 2:
                letter, *divisor = reversed(stored.shape[1].split("/"))
                sizes[letter] = rows // tensor.shape[1] if divisor else tensor.shape[1]
        return sizes

    def width(self, product: Hoisted, sizes: dict[str, int]) -> int:
        """Numbers per step and sequence of a product before the loop."""
        return len(product.names) * sizes[self.parameters[product.weight].shape[0]]

    @property
    def graph_of_plan(self) -> StepGraph:
        """The graph that the folded plan's positions refer to."""
        return self.folded.plan.graph

    def is_block_diagonal(self, matrix: str) -> bool:
        """Whether a stored parameter holds diagonal blocks."""
        return is_block_diagonal(self.parameters[matrix].shape)

    @cached_property
    def _stacks(self) -> list[tuple[str, int]]:
        shapes = {r.name: "".join(r.shape) for r in self.folded.forward.reads}
        return [(shapes[stack[0]], len(stack)) for stack in self.folded.stacks]

    def _sweep(self, which: str) -> Sweep:
        if which.startswith("inlined "):
            return self.inlined[which.removeprefix("inlined ")].sweep
        if which == "inference":
            return self.folded.forward
        return self.training.forward if which == "training" else self.training.adjoint


@cache
def compiled_cell(graph: StepGraph, fixed: frozenset[str] = frozenset(), *, whole: bool = False) -> CompiledCell:
    """The one compiled cell of a graph, with fixed inputs if there are any; `whole` as in `passes.fold.fold`."""
    return CompiledCell(graph, fixed, whole=whole)


@cache
def cell_of(text: str) -> CompiledCell:
    """The compiled cell of a graph written as JSON."""
    return compiled_cell(graph_of(text))


def shape_of(graph: StepGraph | Sweep, position: int) -> Shape:
    """Size letters of a value."""
    return graph.nodes[position].shape


def width_of(graph: StepGraph | Sweep, position: int, sizes: dict[str, int]) -> int:
    """Numbers per step and sequence of a value."""
    shape = shape_of(graph, position)
    return in_numbers(shape, sizes)[0] if shape else 1
