"""One cell, one direction, over time: the functional core under every layer."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from unspool.ir import StepGraph
from unspool.runtime.dispatch import backend_for, kernel_for


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

    The arguments are those of `backends.Kernel`. Shapes are the caller's business; layers check them.
    """
    x = next(iter(inputs.values()))
    kernel = kernel_for(graph, backend_for(x.device, x.dtype))
    return kernel(inputs, parameters, initial, lengths=lengths, reset=reset, rest=rest, reverse=reverse)
