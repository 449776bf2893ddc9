"""The functions that every kernel shares: compiled once for a number type and processor, called by their addresses."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import final

from llvmlite import ir

from unspool.backends.llvm.collect import write_collect
from unspool.backends.llvm.compiling import Loaded
from unspool.backends.llvm.stored import object_code
from unspool.backends.llvm.target import Target
from unspool.backends.llvm.tiles import write_tiles
from unspool.backends.llvm.total import write_total
from unspool.passes.stages import MOST_STACKED

_WRITERS: dict[str, Callable[[ir.Module, str, Target], None]] = {
    "collect": write_collect,
    "total": write_total,
    **{f"tiles {columns}": partial(write_tiles, columns=columns) for columns in range(1, MOST_STACKED + 1)},
}


@final
class SharedKernel:
    """The code of one of them."""

    thorough = True

    def __init__(self, name: str, dtype: str, target: Target) -> None:
        self.name, self.dtype, self.target = name, dtype, target

    @property
    def identity(self) -> tuple[str, ...]:
        """What the code depends on besides the processor."""
        return (self.name, self.dtype)

    def source(self) -> ir.Module:
        """The LLVM module."""
        module = ir.Module(name=self.name)
        _WRITERS[self.name](module, self.dtype, self.target)
        return module


@cache
def _loaded(name: str, dtype: str, target: Target) -> Loaded:
    return Loaded(object_code(SharedKernel(name, dtype, target)), target)


def shared_address(name: str, dtype: str, target: Target) -> int:
    """Where "collect", "total" or "tiles N" begins; compiled, or read from disk, when it is first asked for."""
    return _loaded(name, dtype, target).address("function")
