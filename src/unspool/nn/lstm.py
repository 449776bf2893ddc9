"""`LSTM`, a drop-in for `torch.nn.LSTM`."""

from typing import Any, final, overload

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from unspool.errors import ShapeError
from unspool.nn.dropin import DropIn

HC = tuple[Tensor, Tensor]
"""h and c."""


@final
class LSTM(DropIn):
    """`torch.nn.LSTM`, run by Unspool: the cell of `unspool.cells.lstm`, or `lstm_projection`, in layers.

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
        proj_size: P, size of h where it is a projection (P < H); 0 for none, then h has size H.
        device, dtype: of the parameters.

    Raises:
        ValueError, TypeError: as torch.nn.LSTM's constructor does.

    Example:
        >>> layer = LSTM(3, 8, proj_size=2)
        >>> output, (h, c) = layer(torch.zeros(5, 1, 3))
        >>> output.shape, h.shape, c.shape
        (torch.Size([5, 1, 2]), torch.Size([1, 1, 2]), torch.Size([1, 1, 8]))
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
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size,
            device, dtype,
        )  # fmt: skip

    @overload
    def forward(self, input: Tensor, hx: HC | None = None) -> tuple[Tensor, HC]: ...
    @overload
    def forward(self, input: PackedSequence, hx: HC | None = None) -> tuple[PackedSequence, HC]: ...
    def forward(self, input: Any, hx: HC | None = None) -> tuple[Any, HC]:
        """Run over time.

        Args:
            input: x [T, B, I], [B, T, I] with `batch_first`, [T, I] without a batch, or a PackedSequence.
            hx: h [L·D, B, H or P] and c [L·D, B, H] before the first step, without B for x [T, I]; by default zeros.

        Returns:
            output like x with D·H (or D·P) features, and h and c after each sequence's last step, shaped like `hx`.

        Raises:
            ShapeError: a shape, dtype or device does not fit.
        """
        if isinstance(hx, Tensor):
            raise ShapeError(
                f"LSTM: one initial state {list(hx.shape)} given; it has two", hint="give the tuple (h, c)"
            )
        output, (h, c) = self._run(input, hx)
        return output, (h, c)
