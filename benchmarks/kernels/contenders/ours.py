"""Ours: the public layer, with the backend forced; a silent fallback is a failure."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from benchmarks.kernels.case import Case
from benchmarks.kernels.contenders.contender import Contender
from benchmarks.kernels.oracle import Values
from unspool.backends.reference import ReferenceKernel
from unspool.runtime import backend_for, dispatch, kernel_for


def ours(case: Case, mode: str, backend: str) -> Contender:
    """`Recurrent` on `backend`, its input stored time-major as everybody's.

    Raises:
        RuntimeError: another backend would run.
    """
    _assert_forced(case, backend)
    layer, graph = case.layer, case.graph
    leaf, gradient = case.x.transpose(0, 1).requires_grad_(), case.gradient.transpose(0, 1)
    names = list(case.parameters)

    def forward() -> Any:
        with torch.no_grad():
            return layer(leaf)

    def training() -> Any:
        output, final = layer(leaf)
        return output, final, torch.autograd.grad(output, [leaf, *case.parameters.values()], gradient)

    def read(result: Any) -> Values:
        output, final, *gradients = result
        values = {"output": output.transpose(0, 1)}
        values |= {f"final {s.name}": v[0] for s, v in zip(graph.states, final, strict=True)}
        for found in gradients:
            values["gradient x"] = found[0].transpose(0, 1)
            values |= {f"gradient {n}": g for n, g in zip(names, found[1:], strict=True)}
        return values

    return Contender(backend, forward if mode == "forward" else training, read)


@contextmanager
def only_on(backend: str) -> Iterator[None]:
    """Within it, a call that ends up on the reference instead of `backend` raises RuntimeError."""
    if backend == "reference":
        yield
        return
    before = ReferenceKernel.__call__

    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError(f"the runtime fell back from {backend} to the reference")

    ReferenceKernel.__call__ = refuse
    try:
        yield
    finally:
        ReferenceKernel.__call__ = before
    last = getattr(dispatch, "last_backend", None)  # should the runtime come to remember it
    if callable(last) and (ran := last()) != backend:
        raise RuntimeError(f"the runtime fell back to {ran}")


def _assert_forced(case: Case, backend: str) -> None:
    chosen = backend_for(case.x.device, case.dtype)
    if chosen != backend:
        raise RuntimeError(f"the runtime chose {chosen}, not {backend}")
    kernel = kernel_for(case.graph, backend)
    if isinstance(kernel, ReferenceKernel) != (backend == "reference"):
        raise RuntimeError(f"the kernel for {backend} is a {type(kernel).__name__}")
