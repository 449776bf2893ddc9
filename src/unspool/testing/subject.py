"""What is checked: a cell on a backend in a dtype; and a run of it, with and without gradients."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from unspool.ir import StepGraph
from unspool.lang import Cell
from unspool.runtime import kernel_for
from unspool.testing.case import Case
from unspool.testing.numbers import numbers_of

Tensors = Mapping[str, Tensor]

_FEW = 4
"""Features up to which the compiled backend has code of its own."""


@dataclass(frozen=True)
class Subject:
    """A cell on a backend in a dtype."""

    cell: Cell
    backend: str
    dtype: torch.dtype

    def where(self, case: Case) -> str:
        """For messages."""
        return f"{self.cell.name}, {self.backend}, {str(self.dtype).removeprefix('torch.')}, {case.name}"

    def leaves(self, case: Case, *, differentiable: bool | None = None) -> dict[str, Tensor]:
        """The case's numbers in the dtype, fresh.

        Where nothing is said they need gradients if that saves a compilation, which is what a kit's time goes into: the
        code that runs where nothing does is asked for many features in float32. That for few is asked in float32 too,
        by `gradients_for_a_constant_input`.
        """
        if differentiable is None:
            differentiable = self.dtype == torch.float64 or case.features <= _FEW
        leaves = numbers_of(self.cell, case).leaves
        return {n: v.to(self.dtype, copy=True).requires_grad_(differentiable) for n, v in leaves.items()}

    def run(self, case: Case, leaves: Tensors) -> dict[str, Tensor]:
        """`output` [T, B, ·] and `final h` [B, ·] of each state."""
        return run_kernel(self.backend, numbers_of(self.cell, case).graph, case, leaves)


def run_kernel(backend: str, graph: StepGraph, case: Case, leaves: Tensors) -> dict[str, Tensor]:
    """The results by name of a kernel called with the leaves of `Numbers`."""
    states = [s.name for s in graph.states]
    reset = case.reset_tensor()
    output, final = kernel_for(graph, backend)(
        {v.name: leaves[v.name] for v in graph.inputs},
        {p.name: leaves[p.name] for p in graph.parameters},
        [leaves[f"initial {s}"] for s in states],
        lengths=case.lengths_tensor(),
        reset=reset,
        rest=None if reset is None else [leaves[f"rest {s}"] for s in states],
        reverse=case.reverse,
    )
    return {"output": output} | {f"final {s}": v for s, v in zip(states, final, strict=True)}


def with_gradients(results: Tensors, leaves: Tensors) -> dict[str, Tensor]:
    """The results, and the gradient of a weighted sum of them by each leaf that needs one: `d R`."""
    wanted = {n: v for n, v in leaves.items() if v.requires_grad}
    found = torch.autograd.grad(_weighted(results), list(wanted.values()), allow_unused=True)
    gradients = {
        f"d {n}": torch.zeros_like(v) if g is None else g for (n, v), g in zip(wanted.items(), found, strict=True)
    }
    return {n: v.detach() for n, v in (*results.items(), *gradients.items())}


@lru_cache(128)
def reference_gradients(cell: Cell, case: Case) -> Tensors:
    """What `with_gradients` gives on the reference in float64."""
    subject = Subject(cell, "reference", torch.float64)
    leaves = subject.leaves(case, differentiable=True)
    return with_gradients(subject.run(case, leaves), leaves)


def _weighted(results: Tensors) -> Tensor:
    """A sum in which no two numbers weigh the same; a mean over the batch, so that gradients do not grow with it."""
    total = next(iter(results.values())).new_zeros(())
    for place, value in enumerate(results.values(), 1):
        weights = torch.cos(torch.arange(value.numel(), dtype=value.dtype) * place).view(value.shape)
        total = total + (value * weights).sum() / max(1, value.shape[-2])
    return total
