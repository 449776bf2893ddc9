"""Networks of which everything is known, and numbers to run them on."""

import torch
from torch import Tensor

from unspool.nn import Recurrent

I = 2  # noqa: E741 - the axis' letter


def some(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def linear(R: list[list[float]]) -> Recurrent:
    """The linear network, h' = R h + W x."""
    torch.manual_seed(0)
    layer = Recurrent("elman_linear", I, len(R), bias=False, dtype=torch.float64).requires_grad_(False)
    layer.get_parameter("R_l0").copy_(torch.tensor(R, dtype=torch.float64))
    return layer
