"""Memory that is used again: fresh pages cost more than the arithmetic that fills them.

A block goes back to the pool when the last tensor on it is gone, wherever that tensor went in between; how much the
pool keeps is bounded.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

_SMALL = 1 << 16
"""Bytes below which torch's own allocator is as good."""

_MOST_KEPT = 1 << 28
"""Bytes that the pool keeps while nobody uses them."""

_ALIGNMENT = 128

_NUMPY = {torch.float32: np.float32, torch.float64: np.float64, torch.uint8: np.uint8}


class _Block(np.ndarray[Any, Any]):
    """An array that gives its memory back to the pool. Every step is atomic: it may end in any thread at any time."""

    owner: Any = None

    def __del__(self) -> None:
        owner = self.owner
        if owner is not None and _kept_bytes() + owner.nbytes <= _MOST_KEPT:
            _free[owner.nbytes].append(owner)


_free: defaultdict[int, deque[Any]] = defaultdict(deque)


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A tensor of anything, on the CPU."""
    kind = np.dtype(_NUMPY[dtype])
    count = math.prod(shape) * kind.itemsize
    if count < _SMALL:
        return torch.empty(tuple(shape), dtype=dtype)
    size = _rounded(count + _ALIGNMENT)
    try:
        owner = _free[size].pop()
    except IndexError:
        owner = np.empty(size, np.uint8)
    start = -owner.ctypes.data % _ALIGNMENT
    block = owner[start : start + count].view(kind).view(_Block)
    block.owner = owner
    return torch.from_numpy(block).view(tuple(shape))


def release() -> None:
    """Give back to the system what nobody uses."""
    _free.clear()


def _kept_bytes() -> int:
    return sum(size * len(blocks) for size, blocks in tuple(_free.items()))


def _rounded(count: int) -> int:
    """To an eighth of a power of two, so that neighbouring sizes share blocks."""
    step = max(4096, 1 << (count.bit_length() - 4))
    return -(-count // step) * step
