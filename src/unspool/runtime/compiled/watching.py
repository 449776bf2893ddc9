"""Whether somebody follows the operators that run: a tracer, a counter of operations, a tensor that is no plain one."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import Parameter

_PLAIN = frozenset((Tensor, Parameter))


def is_watched(tensors: Iterable[Tensor]) -> bool:
    """Whether what is done to the tensors must be seen as operators, and must not be done to their memory at once."""
    return bool(torch._C._len_torch_dispatch_stack()) or not _PLAIN.issuperset(map(type, tensors))
