"""Picks the backend and keeps one kernel per cell and backend.

`UNSPOOL_BACKEND` forces a backend. `reference` is the only one so far; a compiled one joins `BACKENDS`.
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

BACKENDS: dict[str, Callable[[Plan], Kernel]] = {"reference": ReferenceKernel}


def backend_for(device: torch.device, dtype: torch.dtype) -> str:
    """Name of the backend for tensors of this device and dtype.

    Raises:
        SettingError: UNSPOOL_BACKEND names no backend.
    """
    del device, dtype  # every device and dtype runs on the reference until a compiled backend is there
    forced = os.environ.get("UNSPOOL_BACKEND", "reference")
    if forced not in BACKENDS:
        raise SettingError(f"UNSPOOL_BACKEND={forced}: no such backend", hint=f"backends: {', '.join(BACKENDS)}")
    return forced


@cache
def kernel_for(graph: StepGraph, backend: str) -> Kernel:
    """The kernel of `graph` on `backend`; made once, then kept for the life of the process."""
    return BACKENDS[backend](make_plan(graph))
