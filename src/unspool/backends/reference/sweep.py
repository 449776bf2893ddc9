"""A sweep as torch operations, step by step: the oracle of compiled sweeps, and their second derivatives."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from unspool.backends.reference.operations import TORCH, block_product
from unspool.ir import Apply, Constant, Read, Weight, is_block_diagonal
from unspool.passes.sweep import Sweep, weight_name


def run_sweep(
    sweep: Sweep,
    reads: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    initial: Sequence[Tensor],
    *,
    lengths: Tensor | None = None,
    crossing: Tensor | None = None,
    rest: Sequence[Tensor] = (),
    reverse: bool = False,
    steps: int,
) -> tuple[list[Tensor], list[Tensor]]:
    """What a forward sweep writes, and its states after the last step.

    Args:
        sweep: without transposed products, sums or shifted reads.
        reads: name → [T, B, size], or [T, B, 1] for a number.
        weights: `R.r` → a matrix, vector or number.
        initial: per state [B, size].
        lengths: [B]; beyond its length a sequence's states stay and zero is written.
        crossing: [T, B] bool: before which steps the state is set to `rest`.
        rest: per state [B, size].
        reverse: from the last step to the first.
        steps: T.
    """
    written: list[list[Tensor]] = [[] for _ in sweep.writes]
    states = list(initial)
    order = range(steps - 1, -1, -1) if reverse else range(steps)
    for t in order:
        if crossing is not None:
            states = [torch.where(crossing[t, :, None], r, s) for r, s in zip(rest, states, strict=True)]
        now = dict(zip((s.name for s in sweep.states), states, strict=True))
        values = _evaluate(sweep, {**{n: x[t] for n, x in reads.items()}, **now}, weights)
        following = [values[p].expand_as(s) for p, s in zip(sweep.next_states, states, strict=True)]
        results = [values[p].expand(len(initial[0]), -1) for _, p in sweep.writes]
        if lengths is not None:
            alive = (t < lengths)[:, None]
            following = [torch.where(alive, n, s) for n, s in zip(following, states, strict=True)]
            results = [torch.where(alive, r, torch.zeros_like(r)) for r in results]
        states = following
        for collected, result in zip(written, results, strict=True):
            collected.append(result)
    return [torch.stack(w[::-1] if reverse else w) for w in written], states


def _evaluate(sweep: Sweep, reads: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> list[Any]:
    values: list[Any] = []
    for node in sweep.nodes:
        match node:
            case Read(name, _):
                values.append(reads[name])
            case Weight():
                values.append(weights[weight_name(node)])
            case Constant(value, _):
                values.append(value)
            case Apply("product", (matrix, operand), _):
                product = block_product if is_block_diagonal(_shape(sweep, matrix)) else functional.linear
                values.append(product(values[operand], values[matrix]))
            case Apply(operation, arguments, _):
                values.append(TORCH[operation](*(values[a] for a in arguments)))
    return values


def _shape(sweep: Sweep, position: int) -> tuple[str, ...]:
    return sweep.nodes[position].shape
