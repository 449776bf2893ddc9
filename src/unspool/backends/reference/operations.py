"""Every operation of a step graph as a torch function; one operation, one line."""

import operator
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

TORCH: dict[str, Callable[..., Tensor]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negate": operator.neg,
    "power": operator.pow,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softplus": functional.softplus,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "abs": torch.abs,
    "sin": torch.sin,
    "cos": torch.cos,
    "maximum": lambda a, b: torch.clamp(a, min=b) if isinstance(b, float) else torch.maximum(a, b),
    "minimum": lambda a, b: torch.clamp(a, max=b) if isinstance(b, float) else torch.minimum(a, b),
}
