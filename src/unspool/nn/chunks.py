"""Gradient checkpointing over time: chunks of steps, of which only the states at their borders are kept."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from unspool.ir import StepGraph
from unspool.runtime import is_transformed, unroll


def unroll_in_chunks(
    graph: StepGraph,
    inputs: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor],
    initial: Sequence[Tensor],
    *,
    every: int,
    lengths: Tensor | None = None,
    reset: Tensor | None = None,
    rest: Sequence[Tensor] | None = None,
    reverse: bool = False,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """What `unroll` gives, with the chunks of `every` steps run again when their gradients are asked for.

    Memory between the passes: inputs, output, and the states at T / every borders; in the backward pass also what one
    chunk saves. Time: one forward pass more. Where no gradient will be asked for, and under transforms of torch.func,
    which cannot be combined with checkpoints, all steps run at once.
    """
    tensors = [*inputs.values(), *parameters.values(), *initial, *(rest or ())]
    steps = next(iter(inputs.values())).shape[0]
    saves = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    if not saves or steps <= every or is_transformed():
        return unroll(graph, inputs, parameters, initial, lengths=lengths, reset=reset, rest=rest, reverse=reverse)
    if lengths is not None:
        inputs = {name: _without_padding(x, lengths) for name, x in inputs.items()}
    # Not by slices: the gradient of each would be as long as all steps.
    parts = {name: x.split(every) for name, x in inputs.items()}
    outputs = []
    state = tuple(initial)
    starts = range(0, steps, every)
    for start in reversed(starts) if reverse else starts:
        stop = min(start + every, steps)
        if reverse and reset is not None and rest is not None and stop < steps:
            state = _begun_anew(state, rest, reset[stop], lengths, stop)
        output, state = checkpoint(
            unroll,
            graph,
            {name: chunks[start // every] for name, chunks in parts.items()},
            parameters,
            state,
            lengths=None if lengths is None else (lengths - start).clamp(0, stop - start),
            reset=None if reset is None else reset[start:stop],
            rest=rest,
            reverse=reverse,
            use_reentrant=False,
            preserve_rng_state=False,
        )
        outputs.append(output)
    return torch.cat(outputs[::-1] if reverse else outputs), state


def _without_padding(x: Tensor, lengths: Tensor) -> Tensor:
    """What lies beyond the end of a sequence of x [T, B, ·] replaced by the sequence's first step.

    A chunk replaces padding by its own first step, which may be padding itself, and may be NaN.
    """
    alive = torch.arange(len(x), device=x.device)[:, None] < lengths
    return torch.where(alive[..., None], x, x[:1])


def _begun_anew(
    state: tuple[Tensor, ...], rest: Sequence[Tensor], reset: Tensor, lengths: Tensor | None, step: int
) -> tuple[Tensor, ...]:
    """The state behind a border, backwards: at rest where a new sequence begins at `step`, the one just run.

    Within a chunk `unroll` does so itself; forwards it does at a border too.
    """
    crossing = reset if lengths is None else reset & (step < lengths)
    return tuple(torch.where(crossing[:, None], r, s) for r, s in zip(rest, state, strict=True))
