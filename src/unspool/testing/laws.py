"""Cutting a sequence into chunks, and a batch into its sequences, changes nothing."""

from dataclasses import replace

import torch
from torch import Tensor

from unspool.testing.case import CASES, Case
from unspool.testing.check import compare
from unspool.testing.numbers import numbers_of
from unspool.testing.subject import Subject, Tensors


def chunked_is_whole(subject: Subject) -> None:
    """Two chunks, the second from the first's final states, both ways."""
    for name in ("reset", "reset, reversed"):
        case, cut = CASES[name], 4
        leaves = subject.leaves(case)
        parts = [slice(None, cut), slice(cut, None)]
        chunks = [_part(subject, case, leaves, steps) for steps in (parts[::-1] if case.reverse else parts)]
        first, then = chunks
        early, final = subject.run(*first), {}
        # Going back, a reset takes effect below its step: one at the cut lies between the chunks.
        carried = {n: early[f"final {n}"] for n in (s.name for s in subject.cell.graph.states)}
        if case.reverse:
            reset = case.reset_tensor()
            assert reset is not None
            crossed = reset[cut][:, None]
            carried = {n: torch.where(crossed, leaves[f"rest {n}"], v) for n, v in carried.items()}
        final = subject.run(then[0], then[1] | {f"initial {n}": v for n, v in carried.items()})
        outputs = [early["output"], final["output"]]
        found = final | {"output": torch.cat(outputs[::-1] if case.reverse else outputs)}
        expected = {n: v.double() for n, v in subject.run(case, leaves).items()}
        compare(f"{subject.where(case)}, in chunks", found, expected, subject.dtype, case.steps)


def a_batch_is_its_sequences_one_by_one(subject: Subject) -> None:
    """Each cut to its length, both ways."""
    for name in ("ragged and reset", "ragged and reset, reversed"):
        case = CASES[name]
        leaves = subject.leaves(case)
        whole = subject.run(case, leaves)
        for b, length in enumerate(case.lengths or ()):
            alone, own = _part(subject, case, leaves, slice(length), b)
            expected = {n: v[..., b : b + 1, :].double() for n, v in whole.items()}
            expected["output"] = expected["output"][:length]
            where = f"{subject.where(case)}, sequence {b} alone"
            compare(where, subject.run(alone, own), expected, subject.dtype, case.steps)
        if whole["output"].masked_select(case.padding()).any():
            raise AssertionError(f"{subject.where(case)}: the output is not zero beyond a sequence's end")


def _part(
    subject: Subject, case: Case, leaves: Tensors, steps: slice, b: int | None = None
) -> tuple[Case, dict[str, Tensor]]:
    """Some of the steps, of one sequence or of all of them."""
    begin, end, _ = steps.indices(case.steps)
    row = slice(None) if b is None else slice(b, b + 1)
    resets = [
        (t - begin, 0 if b is not None else r) for t, r in case.resets or () if begin <= t < end and b in (None, r)
    ]
    numbers = numbers_of(subject.cell, case)
    own = {n: v[steps, row] for n, v in leaves.items() if n in numbers.inputs}
    own |= {n: v[row] for n, v in leaves.items() if n.startswith(("initial ", "rest "))}
    batch = case.batch if b is None else 1
    return replace(case, steps=end - begin, batch=batch, lengths=None, resets=tuple(resets)), {**leaves, **own}
