"""One cell, one direction, over time: the functional core under every layer."""

import logging
from collections.abc import Mapping, Sequence
from functools import cache

import torch
from torch import Tensor
from torch._C._functorch import peek_interpreter_stack

from unspool.backends.reference import is_exporting
from unspool.ir import StepGraph
from unspool.runtime.dispatch import backend_for, kernel_for
from unspool.runtime.naming import graph_of, text_of

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
    kind = "cpu" if x.is_cpu else x.device.type  # torch writes a device's name anew whenever it is asked
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
    if torch.compiler.is_dynamo_compiling():
        states = None if rest is None else list(rest)
        return _untraced(
            _written(graph), dict(inputs), dict(parameters), list(initial), lengths, reset, states, reverse
        )
    return _unroll(graph, inputs, parameters, initial, lengths, reset, rest, reverse)


def _unroll(
    graph: StepGraph,
    inputs: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor],
    initial: Sequence[Tensor],
    lengths: Tensor | None,
    reset: Tensor | None,
    rest: Sequence[Tensor] | None,
    reverse: bool,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    x = next(iter(inputs.values()))
    backend = backend_for(x.device, x.dtype)
    if backend != "reference" and is_transformed():
        _say_once(backend)
        backend = "reference"
    if is_exporting():  # the program is to run where there is no unspool
        backend = "reference"
    kernel = kernel_for(graph, backend)
    return kernel(inputs, parameters, initial, lengths=lengths, reset=reset, rest=rest, reverse=reverse)


@torch.compiler.allow_in_graph
def _untraced(
    text: str,
    inputs: dict[str, Tensor],
    parameters: dict[str, Tensor],
    initial: list[Tensor],
    lengths: Tensor | None,
    reset: Tensor | None,
    rest: list[Tensor] | None,
    reverse: bool,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """`_unroll` as torch.compile takes it: a call whose Python it does not read, only the operators that come out.

    So a program has no guards on the inside of a kernel, and any Python will do there.
    """
    return _unroll(graph_of(text), inputs, parameters, initial, lengths, reset, rest, reverse)


@torch.compiler.assume_constant_result
def _written(graph: StepGraph) -> str:
    return text_of(graph)


def is_transformed() -> bool:
    """Whether a transform of torch.func, or forward-mode differentiation, is at work, which code cannot see through."""
    if torch.compiler.is_dynamo_compiling():  # its programs are asked again when they run
        return False
    forward_mode = torch.autograd.forward_ad._current_level >= 0
    return forward_mode or peek_interpreter_stack() is not None


@cache
def _say_once(backend: str) -> None:
    _LOG.info("torch.func and forward-mode differentiation run on the reference: %s kernels cannot", backend)
