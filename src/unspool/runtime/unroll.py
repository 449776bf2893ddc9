"""One cell, one direction, over time: the functional core under every layer."""

import logging
from collections.abc import Mapping, Sequence
from functools import cache

import torch
from torch import Tensor

from unspool.ir import StepGraph
from unspool.runtime.dispatch import backend_for, kernel_for

_LOG = logging.getLogger("unspool")


def unroll(
    graph: StepGraph,
    inputs: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor],
    initial: Sequence[Tensor],
    *,
    lengths: Tensor | None = None,
    reset: Tensor | None = None,
    rest: Sequence[Tensor] | None = None,
    reverse: bool = False,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Output [T, B, ·] and final states [B, ·] of a cell run over time-major inputs [T, B, ·].

    The arguments are those of `backends.Kernel`. Shapes are the caller's business; layers check them. Under autocast
    it computes in float32: a recurrence adds up its rounding errors step by step.
    """
    x = next(iter(inputs.values()))
    kind = x.device.type
    if torch.is_autocast_enabled(kind):
        with torch.autocast(kind, enabled=False):
            return unroll(
                graph,
                {n: v.float() for n, v in inputs.items()},
                {n: v.float() for n, v in parameters.items()},
                [v.float() for v in initial],
                lengths=lengths,
                reset=reset,
                rest=None if rest is None else [v.float() for v in rest],
                reverse=reverse,
            )
    backend = backend_for(x.device, x.dtype)
    if backend != "reference" and _is_transformed():
        _say_once(backend)
        backend = "reference"
    kernel = kernel_for(graph, backend)
    return kernel(inputs, parameters, initial, lengths=lengths, reset=reset, rest=rest, reverse=reverse)


def _is_transformed() -> bool:
    """Whether a transform of torch.func, or forward-mode differentiation, is at work, which code cannot see through."""
    if torch.compiler.is_compiling():
        return False
    return torch._C._functorch.peek_interpreter_stack() is not None or torch.autograd.forward_ad._current_level >= 0


@cache
def _say_once(backend: str) -> None:
    _LOG.info("torch.func and forward-mode differentiation run on the reference: %s kernels cannot", backend)
