"""Every operation of a step graph as a torch function; one operation, one line."""

import operator
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional


def _maximum(a: Tensor | float, b: Tensor | float) -> Tensor:
    if not isinstance(a, Tensor):
        return torch.clamp(torch.as_tensor(b), min=a)
    return torch.maximum(a, b) if isinstance(b, Tensor) else torch.clamp(a, min=b)


def _minimum(a: Tensor | float, b: Tensor | float) -> Tensor:
    return -_maximum(-a, -b)


def _size(a: Tensor) -> Tensor:
    # With the batch axes of its argument, as every value inside the loop has them.
    return torch.full_like(a[..., :1], a.shape[-1])


def block_product(vector: Tensor, stored: Tensor) -> Tensor:
    """Block-diagonal matrices, stacked: [..., N·width] → [..., k·N·width] with `stored` [k·N·width, width].

    Block n of every matrix meets block n of the vector only.
    """
    width = stored.shape[-1]
    blocks = vector.shape[-1] // width
    matrices = stored.unflatten(0, (-1, blocks, width))
    return torch.einsum("knji,...ni->...knj", matrices, vector.unflatten(-1, (blocks, width))).flatten(-3)


TORCH: dict[str, Callable[..., Tensor]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negate": torch.neg,
    "power": operator.pow,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softplus": lambda a: functional.softplus(a, threshold=40),  # torch's own, 20, errs by 2e-9 in float64
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "abs": torch.abs,
    "sin": torch.sin,
    "cos": torch.cos,
    "sign": torch.sign,
    "maximum": _maximum,
    "minimum": _minimum,
    "sum": lambda a: a.sum(-1, keepdim=True),  # [..., 1], so that a row's number meets the row's units
    "size": _size,
    "largest": lambda a: a.amax(-1, keepdim=True),
}
