"""Layers and directions: the functional core that `Recurrent` and the drop-ins share."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from unspool.ir import Parameter, StepGraph, in_numbers
from unspool.nn.chunks import unroll_in_chunks
from unspool.runtime import unroll

States = tuple[Tensor, ...]
"""One tensor per state of the cell, each [L·D, B, size], in the order layer 0 forward, layer 0 reverse, layer 1 …"""


def unroll_stack(
    graph: StepGraph,
    x: Tensor,
    parameters: Sequence[Mapping[str, Tensor]],
    initial: States,
    *,
    directions: int,
    dropout: float,
    training: bool,
    lengths: Tensor | None = None,
    reset: Tensor | None = None,
    rest: States | None = None,
    per_step: Mapping[str, Tensor] | None = None,
    checkpoint_every: int | None = None,
    residual: bool = False,
    masks: Callable[[Tensor], Mapping[str, Tensor]] | None = None,
) -> tuple[Tensor, States]:
    """Output [T, B, D·size] of the last layer and the final states.

    Args:
        graph: the cell.
        x: [T, B, I].
        parameters: per layer and direction the stored parameters by name.
        initial: see `States`.
        directions: D, 1 or 2.
        dropout: probability with which an output between layers is dropped in training.
        training: whether dropout is on.
        lengths: [B] int64.
        reset: [T, B] bool.
        rest: states that a reset returns to, shaped like `initial` (the batch axis may be 1).
        per_step: the cell's inputs that are numbers, each [T, B, 1]; every layer reads the same.
        checkpoint_every: steps of a chunk that is run again for its gradients; by default there are no chunks.
        residual: whether a layer above the first adds its input to its output.
        masks: called with a layer's input [T, B, ·], once per direction: further inputs that are vectors, [T, B, size].
    """
    run = partial(unroll_in_chunks, every=checkpoint_every) if checkpoint_every else unroll
    finals: list[States] = []
    layers = len(parameters) // directions
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            index = layer * directions + direction
            output, final = run(
                graph,
                {graph.vector_inputs[0].name: x, **(per_step or {}), **(masks(x) if masks else {})},
                parameters[index],
                [s.select(0, index) for s in initial],
                lengths=lengths,
                reset=reset,
                rest=None if rest is None or reset is None else [s[index] for s in rest],
                reverse=direction == 1,
            )
            outputs.append(output)
            finals.append(final)
        told = outputs[0] if directions == 1 else torch.cat(outputs, -1)
        x = x + told if residual and layer else told
        if dropout and training and layer < layers - 1:
            x = functional.dropout(x, dropout)
    if len(finals) == 1:  # a view costs less than a copy
        return x, tuple([state.unsqueeze(0) for state in finals[0]])
    return x, tuple(torch.stack(parts) for parts in zip(*finals, strict=True))


def stored_parameters(module: nn.Module, names: Mapping[str, str]) -> dict[str, Tensor]:
    """Name on the page → tensor, as it is now, of the module's attributes with these names."""
    # Quicker than attributes. What is fixed, pruned or parametrised is not among them.
    learned = cast(Mapping[str, Tensor], module._parameters)
    return {name: learned[own] if own in learned else getattr(module, own) for name, own in names.items()}


def stored_shape(parameter: Parameter, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Shape in numbers of a stored parameter: its gates are stacked along the first axis."""
    shape = in_numbers(parameter.shape, sizes)
    return (shape[0] * len(parameter.gates), *shape[1:]) if parameter.gates else shape
