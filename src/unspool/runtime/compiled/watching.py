"""Whether somebody follows the operators that run: a tracer, a counter of operations, a tensor that is no plain one."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Parameter


def is_watched(tensors: Sequence[Tensor]) -> bool:
    """Whether what is done to the tensors must be seen as operators, and must not be done to their memory at once."""
    return bool(torch._C._len_torch_dispatch_stack()) or any(type(t) not in (Tensor, Parameter) for t in tensors)
