"""The functions that every kernel shares: compiled once for a number type and processor, called by their addresses."""

from __future__ import annotations

from functools import cache
from typing import final

from llvmlite import ir

from unspool.backends.llvm.collect import write_collect
from unspool.backends.llvm.compiling import Loaded
from unspool.backends.llvm.stored import object_code
from unspool.backends.llvm.target import Target
from unspool.backends.llvm.total import write_total


@final
class SharedKernel:
    """Their code."""

    def __init__(self, dtype: str, target: Target) -> None:
        self.dtype, self.target = dtype, target

    @property
    def identity(self) -> tuple[str, ...]:
        """What the code depends on besides the processor."""
        return ("shared", self.dtype)

    def source(self) -> ir.Module:
        """The LLVM module."""
        module = ir.Module(name="shared")
        write_collect(module, self.dtype, self.target)
        write_total(module, self.dtype, self.target)
        return module


@cache
def _loaded(dtype: str, target: Target) -> Loaded:
    return Loaded(object_code(SharedKernel(dtype, target)), target)


def shared_address(name: str, dtype: str, target: Target) -> int:
    """Where "collect" or "total" begins; compiled, or read from disk, when it is first asked for."""
    return _loaded(dtype, target).address(name)
