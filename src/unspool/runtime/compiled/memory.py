"""Memory that is used again: fresh pages cost more than the arithmetic that fills them.

A block goes back to the pool when the last tensor on it is gone, wherever that tensor went in between; how much the
pool keeps is bounded, and what has not been asked for the longest is given back to the system first.
"""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

_SMALL = 1 << 16
"""Bytes of a tensor below which torch's own allocator is as good."""

_MOST_KEPT = 1 << 28
"""Bytes that the pool keeps while nobody uses them."""

_ALIGNMENT = 128

_BYTES = {torch.float32: 4, torch.float64: 8, torch.uint8: 1}
_NUMPY = {torch.float32: np.float32, torch.float64: np.float64, torch.uint8: np.uint8}


class Block(np.ndarray[Any, Any]):
    """Bytes, whose address is a multiple of `_ALIGNMENT`."""

    address = 0


class _Pool:
    """Blocks that nobody uses, by their size.

    A block may come back in any thread, and in the middle of any other call of the same thread, when garbage is
    collected; hence a lock that a thread may take twice.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._lock = threading.RLock()
        self._blocks: OrderedDict[int, list[Block]] = OrderedDict()  # the size used last comes last

    def take(self, size: int) -> Block | None:
        """A block of `size` bytes, or None."""
        with self._lock:
            blocks = self._blocks.get(size)
            if blocks is None:
                return None
            block = blocks.pop()
            if not blocks:
                del self._blocks[size]
            self.bytes -= size
            return block

    def give(self, block: Block) -> None:
        """Keep a block, in place of those that have not been asked for the longest."""
        size = block.nbytes
        if size > _MOST_KEPT:
            return
        with self._lock:
            self._blocks.setdefault(size, []).append(block)
            self._blocks.move_to_end(size)
            self.bytes += size
            while self.bytes > _MOST_KEPT:
                oldest, blocks = next(iter(self._blocks.items()))
                blocks.pop()
                if not blocks:
                    del self._blocks[oldest]
                self.bytes -= oldest


_pool = _Pool()


class _Lent(np.ndarray[Any, Any]):
    """An array that gives its memory back to the pool."""

    block: Any = None

    def __del__(self) -> None:
        if self.block is not None:
            _pool.give(self.block)


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A tensor of anything, on the CPU; its address is a multiple of 64.

    Raises:
        MemoryError: there is none, with the pool given back.
    """
    count = math.prod(shape) * _BYTES[dtype]
    if count < _SMALL:
        return torch.empty(tuple(shape), dtype=dtype)
    block = borrow(count)
    array = _Lent(tuple(shape), _NUMPY[dtype], block)
    array.block = block
    return torch.from_numpy(array)


def zeros(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """The same, of zeros."""
    tensor = empty(shape, dtype)
    tensor.numpy().fill(0)
    return tensor


def borrow(count: int) -> Block:
    """At least `count` bytes of anything, until they are given back; without the cost of a tensor.

    Raises:
        MemoryError: there are none, with the pool given back.
    """
    size = _rounded(count)
    block = _pool.take(size)
    return _fresh(size) if block is None else block


def give_back(block: Block) -> None:
    """What was borrowed; nobody may use it any more."""
    _pool.give(block)


def kept() -> int:
    """Bytes that the pool keeps now."""
    return _pool.bytes


def release() -> None:
    """Give back to the system what nobody uses."""
    global _pool
    _pool = _Pool()


if hasattr(os, "register_at_fork"):  # a new pool, since the lock of the old one may be held for ever
    os.register_at_fork(after_in_child=release)


def _fresh(size: int) -> Block:
    try:
        whole = np.empty(size + _ALIGNMENT, np.uint8)
    except MemoryError:
        release()
        whole = np.empty(size + _ALIGNMENT, np.uint8)
    start = -whole.ctypes.data % _ALIGNMENT
    block = whole[start : start + size].view(Block)
    block.address = block.ctypes.data
    return block


def _rounded(count: int) -> int:
    """To an eighth of a power of two, so that neighbouring sizes share blocks."""
    step = max(4096, 1 << max(0, count.bit_length() - 4))
    return -(-count // step) * step
