"""Checks at the public door of a layer: every message names the shapes and the mend."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from unspool.errors import SettingError, ShapeError
from unspool.ir import StepGraph


def check_input(
    title: str, x: Tensor, axes: str, input_size: int, graph: StepGraph, weights: Mapping[str, Tensor]
) -> None:
    """`x` must have the axes named by their letters ("BTI"), T ≥ 1, and the weights' dtype and device."""
    if x.dim() != len(axes):
        wanted = f"[{', '.join(axes[:-1])}, I={input_size}]"
        raise ShapeError(
            f"{title}: x has {x.dim()} axes {list(x.shape)}; it must have {len(axes)}, {wanted}",
            hint="one sequence is x[None]; a series of numbers is x[:, :, None]" if axes == "BTI" else None,
        )
    if x.shape[-1] != input_size:
        raise ShapeError(
            f"{title}: x has {x.shape[-1]} features; the layer was built with input_size={input_size}.\n"
            f"  x {show_axes(axes, x)}{_matrix_of_x(graph, weights)}",
            hint=f"build it with input_size={x.shape[-1]}, or select the {input_size} features it was built for",
        )
    if "T" in axes and x.shape[axes.index("T")] == 0:
        raise ShapeError(f"{title}: x {show_axes(axes, x)} has no time steps")
    weight = next(iter(weights.values()), x)
    if x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
        raise ShapeError(
            f"{title}: x is {x.dtype}, the weights are {weight.dtype}",
            hint=f"x.to({weight.dtype}), or layer.to({x.dtype})",
        )
    if x.device != weight.device:
        raise ShapeError(f"{title}: x is on {x.device}, the weights on {weight.device}", hint=f"x.to({weight.device})")


def check_states(
    title: str, states: Sequence[Tensor], graph: StepGraph, stacked: int, x: Tensor, batch: int, sizes: Sequence[int]
) -> None:
    """One tensor [L·D, B, size] per state of the cell, of x's dtype and device."""
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
        if (state.dtype, state.device) != (x.dtype, x.device) and not torch.is_autocast_enabled(x.device.type):
            raise ShapeError(
                f"{title}: initial state {name} is {state.dtype} on {state.device}, x is {x.dtype} on {x.device}",
                hint=f"{name}.to(x)",
            )


def check_lengths(title: str, lengths: Tensor, x: Tensor) -> Tensor:
    """`lengths` as int64 [B] on x's device, each in 1 … T."""
    lengths = torch.as_tensor(lengths, device=x.device)
    if lengths.shape != x.shape[:1] or lengths.is_floating_point() or lengths.dtype == torch.bool:
        raise ShapeError(
            f"{title}: lengths is {lengths.dtype} {list(lengths.shape)}; expected integers [B={x.shape[0]}]"
        )
    if torch.compiler.is_compiling():  # a look at the values would break the program in two; kernels bear any length
        return lengths.long()
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


def check_per_step(title: str, graph: StepGraph, given: Mapping[str, Tensor], x: Tensor) -> dict[str, Tensor]:
    """The numbers per step that the page reads, each [B, T], as [T, B, 1] of x's dtype (a mask may be bool)."""
    wanted = [v.name for v in graph.inputs if not v.size]
    if not (wanted or given):
        return {}
    missing = {v.name for v in graph.number_inputs if v.default is None} - set(given)
    unknown = set(given) - set(wanted)
    if missing or unknown:
        raise SettingError(
            f"{title}: per_step {', '.join(sorted(missing or unknown))} "
            + ("is missing" if missing else "is not on the cell's page"),
            hint=f"give per_step={{{', '.join(f'{n!r}: [B, T]' for n in wanted)}}}" if wanted else "leave per_step out",
        )
    for name, value in given.items():
        if value.shape != x.shape[:2] or value.device != x.device:
            raise ShapeError(
                f"{title}: per_step {name} is {list(value.shape)} on {value.device}; "
                f"expected [B={x.shape[0]}, T={x.shape[1]}] on {x.device}, as x"
            )
        if value.is_complex() or (value.is_floating_point() and value.dtype != x.dtype):
            raise ShapeError(f"{title}: per_step {name} is {value.dtype}, x is {x.dtype}", hint=f"{name}.to(x)")
    return {name: value.to(x.dtype).transpose(0, 1)[..., None] for name, value in given.items()}


def show_axes(letters: Sequence[str], tensor: Tensor) -> str:
    """`[B=8, T=20, I=5]`."""
    return f"[{', '.join(f'{letter}={size}' for letter, size in zip(letters, tensor.shape, strict=True))}]"


def _matrix_of_x(graph: StepGraph, weights: Mapping[str, Tensor]) -> str:
    """`    W [3·H=12, I=3]`, the first matrix that the cell multiplies with its input."""
    for p in graph.parameters:
        if len(p.shape) == 2 and p.shape[1] == "I":
            rows = f"{len(p.gates)}·{p.shape[0]}" if p.gates else p.shape[0]
            return f"    {p.name} {show_axes((rows, 'I'), weights[p.name])}"
    return ""
