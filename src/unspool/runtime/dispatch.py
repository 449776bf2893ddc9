"""Picks the backend and keeps one kernel per cell and backend.

`UNSPOOL_BACKEND` forces one: `reference` or `llvm`. Otherwise compiled code runs what it can, which is float32 and
float64 on the CPU outside torch's function transforms, and the reference runs the rest.
"""

import os
from collections.abc import Callable
from functools import cache

import torch

from unspool.backends import Kernel
from unspool.backends.reference import ReferenceKernel
from unspool.errors import SettingError
from unspool.ir import StepGraph
from unspool.passes import Plan, make_plan
from unspool.runtime.compiled import CompiledKernel

BACKENDS: dict[str, Callable[[Plan], Kernel]] = {"reference": ReferenceKernel, "llvm": CompiledKernel}


def backend_for(device: torch.device, dtype: torch.dtype) -> str:
    """Name of the backend for tensors of this device and dtype.

    Raises:
        SettingError: UNSPOOL_BACKEND names no backend, or one that cannot run such tensors.
    """
    can_compile = _can_compile(device, dtype)
    forced = os.environ.get("UNSPOOL_BACKEND")
    if forced is None:
        return "llvm" if can_compile else "reference"
    if forced not in BACKENDS:
        raise SettingError(f"UNSPOOL_BACKEND={forced}: no such backend", hint=f"backends: {', '.join(BACKENDS)}")
    if forced == "llvm" and not can_compile:
        raise SettingError(
            f"UNSPOOL_BACKEND=llvm: it runs float32 and float64 on the CPU, not {dtype} on {device}",
            hint="leave UNSPOOL_BACKEND unset, then the reference runs it",
        )
    return forced


@cache
def _can_compile(device: torch.device, dtype: torch.dtype) -> bool:
    return device.type == "cpu" and dtype in (torch.float32, torch.float64)


@cache
def kernel_for(graph: StepGraph, backend: str) -> Kernel:
    """The kernel of `graph` on `backend`; made once, then kept for the life of the process."""
    return BACKENDS[backend](make_plan(graph))
