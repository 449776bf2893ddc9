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
    "maximum": _maximum,
    "minimum": _minimum,
}
