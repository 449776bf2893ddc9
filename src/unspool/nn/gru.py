"""`GRU`, a drop-in for `torch.nn.GRU`."""

from typing import Any, final, overload

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from unspool.nn.dropin import DropIn, refuse_projection


@final
class GRU(DropIn):
    """`torch.nn.GRU`, run by Unspool: the cell of `unspool.cells.gru` in layers.

    Constructor, parameters (`weight_ih_l0` …), `state_dict` and call are torch's; with the same seed the first
    values are too. Unlike torch's it runs under `torch.func.vmap`, `jvp` and `jacrev` and can be
    differentiated twice on every device.

    Args:
        input_size: I, features per step.
        hidden_size: H, units.
        num_layers: L.
        bias: whether b and bR are there.
        batch_first: x and output are [B, T, ·] instead of [T, B, ·]; states never are.
        dropout: probability of dropping an output between layers, in training.
        bidirectional: D = 2 directions; their outputs are concatenated.
        device, dtype: of the parameters.
        proj_size: not for a GRU; refused, as torch does.

    Raises:
        ValueError, TypeError: as torch.nn.GRU's constructor does.

    Example:
        >>> layer = GRU(3, 8, batch_first=True)
        >>> output, h = layer(torch.zeros(2, 5, 3))
        >>> output.shape, h.shape
        (torch.Size([2, 5, 8]), torch.Size([1, 2, 8]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        proj_size: int | None = None,
    ) -> None:
        refuse_projection(proj_size)
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )

    @overload
    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]: ...
    @overload
    def forward(self, input: PackedSequence, hx: Tensor | None = None) -> tuple[PackedSequence, Tensor]: ...
    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """Run over time.

        Args:
            input: x [T, B, I], [B, T, I] with `batch_first`, [T, I] without a batch, or a PackedSequence.
            hx: h before the first step, [L·D, B, H], or [L·D, H] without a batch; by default zeros.

        Returns:
            output like x with D·H features, and h after each sequence's last step, shaped like `hx`.

        Raises:
            ShapeError: a shape, dtype or device does not fit.
        """
        output, (h,) = self._run(input, None if hx is None else (hx,))
        return output, h
