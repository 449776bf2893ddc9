"""Padding may hold anything: values, final states and gradients are those of a clean batch, bit by bit."""

import torch

from unspool.testing.case import CASES, Case
from unspool.testing.numbers import numbers_of
from unspool.testing.subject import Subject, Tensors, with_gradients

_POISONS = (float("nan"), float("inf"), 1e30)


def padding_may_hold_anything(subject: Subject) -> None:
    """NaN, infinity and a huge number, both ways, with resets and without."""
    for name in ("ragged", "ragged, reversed", "ragged and reset", "ragged and reset, reversed"):
        case = CASES[name]
        clean = _results(subject, case, 0.0)
        for poison in _POISONS:
            for what, value in _results(subject, case, poison).items():
                if not (torch.equal(value, clean[what]) and value.isfinite().all()):
                    raise AssertionError(f"{subject.where(case)}: {what} changes where the padding holds {poison}")


def _results(subject: Subject, case: Case, filling: float) -> Tensors:
    leaves = subject.leaves(case, differentiable=True)
    beyond = case.padding()
    for name in numbers_of(subject.cell, case).inputs:
        leaves[name] = leaves[name].detach().masked_fill(beyond, filling).requires_grad_()
    return with_gradients(subject.run(case, leaves), leaves)
