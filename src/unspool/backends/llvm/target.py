"""The machine that code is made for: vector width, registers, and LLVM's name for it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm

from unspool.errors import SettingError

_LINE = 64
"""Bytes of a cache's line."""


@dataclass(frozen=True)
class Target:
    """A processor as the generator sees it.

    Attributes:
        cpu: LLVM's name of the processor.
        features: LLVM's feature string.
        vector_bytes: bytes of a vector register.
        registers: how many of them there are.
    """

    cpu: str
    features: str
    vector_bytes: int
    registers: int

    @property
    def has_line_vectors(self) -> bool:
        """Whether a vector is a line of the caches, so that one store writes all of a line."""
        return self.vector_bytes == _LINE

    def lanes(self, item_bytes: int) -> int:
        """Numbers of `item_bytes` in one vector."""
        return self.vector_bytes // item_bytes


NARROWER = {
    "avx2": Target("x86-64-v3", "", 32, 16),
    "sse2": Target("x86-64", "", 16, 16),
}
"""Older processors by name, to make and test code for them on a newer one."""


def host_target() -> Target:
    """The processor that this process runs on; with `UNSPOOL_TARGET=avx2` or `sse2` an older one.

    Raises:
        SettingError: UNSPOOL_TARGET names no other processor.
    """
    named = os.environ.get("UNSPOOL_TARGET")
    if not named:
        return _host()
    if named not in NARROWER:
        raise SettingError(f"UNSPOOL_TARGET={named}: no such processor", hint=f"there are: {', '.join(NARROWER)}")
    return NARROWER[named]


@cache
def _host() -> Target:
    features = llvm.get_host_cpu_features()
    flags = features.flatten()
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return Target(llvm.get_host_cpu_name(), flags, 16, 32)  # Arm: 128-bit vectors, 32 of them
    if features.get("avx512f") and features.get("avx512vl"):
        return Target(llvm.get_host_cpu_name(), flags, 64, 32)
    if features.get("avx2") and features.get("fma"):
        return Target(llvm.get_host_cpu_name(), flags, 32, 16)
    return Target(llvm.get_host_cpu_name(), flags, 16, 16)
