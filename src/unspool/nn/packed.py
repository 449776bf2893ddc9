"""torch's packed sequences to padded time and back, by gathers only, so that every torch transform goes through."""

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence


def unpack(packed: PackedSequence) -> tuple[Tensor, Tensor]:
    """The sequences as x [T, B, I], longest first, and their lengths [B] int64. Padding repeats data."""
    sizes = packed.batch_sizes
    batch, starts = int(sizes[0]), sizes.cumsum(0) - sizes
    column = torch.arange(batch)
    rows = starts[:, None] + torch.minimum(column, sizes[:, None] - 1)
    lengths = (column < sizes[:, None]).sum(0)
    device = packed.data.device
    x = packed.data.index_select(0, rows.flatten().to(device))
    return x.unflatten(0, (len(sizes), batch)), lengths.to(device)


def repack(output: Tensor, packed: PackedSequence) -> PackedSequence:
    """`output` [T, B, F] in the layout and with the order of `packed`."""
    alive = torch.arange(output.shape[1]) < packed.batch_sizes[:, None]
    rows = alive.flatten().nonzero().squeeze(1).to(output.device)
    return packed._replace(data=output.flatten(0, 1).index_select(0, rows))


def permute(states: tuple[Tensor, ...], order: Tensor | None) -> tuple[Tensor, ...]:
    """The batch axis of each state [L·D, B, size] in another order; None leaves it."""
    return states if order is None else tuple(s.index_select(1, order) for s in states)
