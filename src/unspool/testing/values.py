"""Outputs and final states are those of the step graph read in NumPy, one sequence, one step, one node at a time."""

from functools import lru_cache

import torch
from torch import Tensor

from unspool.lang import Cell
from unspool.testing.case import CASES, Case
from unspool.testing.check import compare
from unspool.testing.interpreter import run
from unspool.testing.numbers import Numbers, numbers_of
from unspool.testing.subject import Subject, Tensors


def outputs_and_final_states(subject: Subject) -> None:
    """In every case, both ways."""
    for case in CASES.values():
        found = subject.run(case, subject.leaves(case))
        compare(subject.where(case), found, _expected(subject.cell, case), subject.dtype, case.steps)


def an_empty_batch(subject: Subject) -> None:
    """No sequences in, none out, and every gradient zero."""
    for reverse in (False, True):
        case = Case("no sequences", batch=0, reverse=reverse)
        leaves = subject.leaves(case, differentiable=True)
        found, where = subject.run(case, leaves), subject.where(case)
        sizes = case.sizes(subject.cell.graph)
        shapes = {"output": (7, 0, sizes[subject.cell.graph.output_size])}
        shapes |= {f"final {s.name}": (0, sizes[s.size]) for s in subject.cell.graph.states}
        compare(where, found, {n: torch.zeros(shape) for n, shape in shapes.items()}, subject.dtype, case.steps)
        wanted = [v for n, v in leaves.items() if not n.startswith("rest ")]
        total = torch.stack([v.sum() for v in found.values()]).sum()
        for gradient in torch.autograd.grad(total, wanted, allow_unused=True):
            if gradient is not None and gradient.any():
                raise AssertionError(f"{where}: a gradient is not zero")


def an_input_of_any_layout(subject: Subject) -> None:
    """Batch first, every other number of longer rows, and one sequence expanded to a batch."""
    plain = CASES["plain"]
    numbers = numbers_of(subject.cell, plain)
    leaves = subject.leaves(plain)
    first = {n: leaves[n][:, :1] for n in numbers.inputs}
    repeated = {n: v[:, :1].repeat(1, plain.batch, 1) for n, v in numbers.inputs.items()}
    usual = _expected(subject.cell, plain)
    layouts: dict[str, tuple[dict[str, Tensor], Tensors]] = {
        "batch first": ({n: leaves[n].mT.contiguous().mT for n in numbers.inputs}, usual),
        "every other number": ({n: leaves[n].repeat_interleave(2, 2)[..., ::2] for n in numbers.inputs}, usual),
        "expanded": (
            {n: v.expand(-1, plain.batch, -1) for n, v in first.items()},
            _read(Numbers(numbers.graph, repeated, numbers.parameters, numbers.initial, numbers.rest), plain),
        ),
    }
    for layout, (inputs, expected) in layouts.items():
        where = f"{subject.where(plain)}, {layout}"
        compare(where, subject.run(plain, leaves | inputs), expected, subject.dtype, plain.steps)


@lru_cache(128)
def _expected(cell: Cell, case: Case) -> Tensors:
    return _read(numbers_of(cell, case), case)


def _read(numbers: Numbers, case: Case) -> Tensors:
    """The results that the interpreter gives."""
    reset = case.reset_tensor()
    initial, rest = ([v.numpy() for v in part.values()] for part in (numbers.initial, numbers.rest))
    output, final = run(
        numbers.graph,
        {n: v.numpy() for n, v in numbers.inputs.items()},
        {n: v.numpy() for n, v in numbers.parameters.items()},
        initial,
        lengths=None if case.lengths is None else list(case.lengths),
        reset=None if reset is None else reset.numpy(),
        rest=rest,
        reverse=case.reverse,
    )
    states = {f"final {n}": torch.tensor(v) for n, v in zip(numbers.initial, final, strict=True)}
    return {"output": torch.tensor(output)} | states
