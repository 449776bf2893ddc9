"""Checks at the public door of a layer: every message names the shapes and the mend."""

from collections.abc import Sequence

import torch
from torch import Tensor

from unspool.errors import ShapeError
from unspool.ir import StepGraph


def check_input(title: str, x: Tensor, input_size: int, weight: Tensor) -> None:
    """`x` must be [B, T, input_size], T ≥ 1, of the weights' dtype and device."""
    if x.dim() != 3:
        raise ShapeError(
            f"{title}: x has {x.dim()} axes {list(x.shape)}; it must have three, [B, T, I={input_size}]",
            hint="one sequence is x[None]; a series of numbers is x[:, :, None]",
        )
    if x.shape[2] != input_size:
        raise ShapeError(
            f"{title}: x has {x.shape[2]} features; the layer was built with input_size={input_size}.\n"
            f"  x [B={x.shape[0]}, T={x.shape[1]}, I={x.shape[2]}]",
            hint=f"build it with input_size={x.shape[2]}, or select the {input_size} features it was built for",
        )
    if x.shape[1] == 0:
        raise ShapeError(f"{title}: x [B={x.shape[0]}, T=0, I={x.shape[2]}] has no time steps")
    if x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
        raise ShapeError(
            f"{title}: x is {x.dtype}, the weights are {weight.dtype}",
            hint=f"x.to({weight.dtype}), or layer.to({x.dtype})",
        )
    if x.device != weight.device:
        raise ShapeError(f"{title}: x is on {x.device}, the weights on {weight.device}", hint=f"x.to('{weight.device}')")


def check_states(
    title: str, states: Sequence[Tensor], graph: StepGraph, stacked: int, batch: int, sizes: Sequence[int]
) -> None:
    """One tensor [L·D, B, size] per state of the cell."""
    names = [s.name for s in graph.states]
    if len(states) != len(names):
        raise ShapeError(
            f"{title}: {len(states)} initial states given; the cell has {len(names)}: {', '.join(names)}",
            hint=f"give a tuple ({', '.join(names)},), each [L·D, B, size]",
        )
    for name, state, size in zip(names, states, sizes, strict=True):
        if tuple(state.shape) != (stacked, batch, size):
            raise ShapeError(
                f"{title}: initial state {name} is {list(state.shape)}; "
                f"expected [L·D={stacked}, B={batch}, {size}] (layers · directions, batch, units)"
            )


def check_lengths(title: str, lengths: Tensor, x: Tensor) -> Tensor:
    """`lengths` as int64 [B] on x's device, each in 1 … T."""
    lengths = torch.as_tensor(lengths, device=x.device)
    if lengths.shape != x.shape[:1] or lengths.is_floating_point() or lengths.dtype == torch.bool:
        raise ShapeError(f"{title}: lengths is {lengths.dtype} {list(lengths.shape)}; expected integers [B={x.shape[0]}]")
    if lengths.numel() and (int(lengths.min()) < 1 or int(lengths.max()) > x.shape[1]):
        raise ShapeError(
            f"{title}: lengths run from {int(lengths.min())} to {int(lengths.max())}; "
            f"they must lie between 1 and T={x.shape[1]}"
        )
    return lengths.long()


def check_reset(title: str, reset: Tensor, x: Tensor) -> None:
    """`reset` must be bool [B, T]."""
    if reset.shape != x.shape[:2] or reset.dtype != torch.bool:
        raise ShapeError(
            f"{title}: reset is {reset.dtype} {list(reset.shape)}; expected bool [B={x.shape[0]}, T={x.shape[1]}]"
        )
