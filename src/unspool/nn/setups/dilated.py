"""Dilated recurrence: a stack whose k-th layer reads its own state of d_k steps before."""

from collections.abc import Mapping, Sequence
from typing import final

from torch import Tensor, nn
from torch.nn import functional

from unspool.errors import SettingError
from unspool.lang import Cell
from unspool.nn.recurrent import Recurrent


@final
class Dilated(nn.Module):
    """h_k(t) = cell(x_k(t), h_k(t − d_k)),  x_{k+1} = output of layer k, plus x_k where a residual joins them.

    Chang et al. 2017, arXiv:1710.02224 (there d_k = 2^k): a layer of dilation d sees d steps back in one, so that
    gradients pass a season in as many steps as there are seasons. The residual of every layer above the first is that
    of `Recurrent(residual=True)`; Smyl 2020 (DOI 10.1016/j.ijforecast.2019.03.017) has one per block of two layers.

    Args:
        cell: any cell, as `Recurrent` takes it.
        input_size: I.
        hidden_size: H.
        dilations: d_k of each layer, from the one that reads x.
        dropout: probability of dropping an output between layers, in training.
        residual: whether a layer above the first adds its input to its output.
        sizes: as for `Recurrent`.

    Attributes:
        layers: a `Recurrent` of one layer for each dilation.
        output_size: features of the output.

    Raises:
        SettingError: no dilation, or one below 1.

    A layer of dilation d is the same cell over d sequences that interleave, as d rows of a batch: it takes T/d
    recurrent steps, compiled, of d · B rows. Before the first step every state is at rest.

    Example:
        >>> layer = Dilated("gru", 3, 8, dilations=(1, 2, 4))
        >>> layer(torch.zeros(2, 10, 3)).shape
        torch.Size([2, 10, 8])
    """

    def __init__(
        self,
        cell: Cell | str,
        input_size: int,
        hidden_size: int,
        dilations: Sequence[int],
        *,
        dropout: float = 0.0,
        residual: bool = True,
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        if not dilations or min(dilations) < 1:
            raise SettingError(f"the dilations are {tuple(dilations)}", hint="give one or more, each at least 1: 1,2,4")
        self.dilations, self.dropout, self.residual, self.sizes = tuple(dilations), dropout, residual, sizes
        self.layers = nn.ModuleList()
        self.output_size = input_size
        for _ in self.dilations:
            layer = Recurrent(cell, self.output_size, hidden_size, sizes=sizes)
            self.layers.append(layer)
            self.output_size = layer.output_size

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, I] → [B, T, output_size] of the last layer."""
        for k, (layer, dilation) in enumerate(zip(self.layers, self.dilations, strict=True)):
            if k and self.dropout:
                x = functional.dropout(x, self.dropout, self.training)
            told = dilated(layer, x, dilation)
            x = x + told if self.residual and k else told
        return x

    def extra_repr(self) -> str:
        """The dilations."""
        return f"dilations={self.dilations}"


def dilated(layer: nn.Module, x: Tensor, dilation: int) -> Tensor:
    """The outputs [B, T, ·] of a `Recurrent` whose state comes from `dilation` steps before.

    Steps t, t + d, t + 2d … are a sequence of their own; T is filled up to a multiple of d behind the last step.
    """
    B, T, _ = x.shape
    turns = -(-T // dilation)
    rows = functional.pad(x, (0, 0, 0, turns * dilation - T)).unflatten(1, (turns, dilation))
    output, _ = layer(rows.transpose(1, 2).flatten(0, 1))
    return output.unflatten(0, (B, dilation)).transpose(1, 2).flatten(1, 2)[:, :T]
