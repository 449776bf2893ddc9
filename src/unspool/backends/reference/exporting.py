"""The loop over time in a program of `torch.export`: one operation with the step inside, however many steps there are.

Unrolled, such a program would hold every operation once for every step; ONNX has the same operation, Scan.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Step = Callable[[Sequence[Tensor], Sequence[Tensor]], tuple[tuple[Tensor, ...], list[Tensor]]]
"""What a step reads of the time-parallel part, and its states → the states after it, and what is kept of it."""


def is_exporting() -> bool:
    """Whether `torch.export` is at work. Its programs run without us, so no kernel of ours may be in one."""
    asked = getattr(torch.compiler, "is_exporting", None)  # torch ≥ 2.7
    return asked is not None and asked()


def apart(values: Sequence[Any]) -> list[Any]:
    """The values, no tensor a view of another: a step may not read two that share memory, as gates of one do."""
    return [value.clone() if isinstance(value, Tensor) else value for value in values]


def scan(step: Step, reads: Sequence[Tensor], initial: tuple[Tensor, ...]) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    """What is kept of every step [T, B, ·], and the final states.

    Args:
        step: one step.
        reads: [T, B, ·], cut into steps.
        initial: states before the first step, each [B, ·].
    """
    from torch._higher_order_ops.scan import scan as torch_scan  # in torch since 2.6, not yet public

    # Neither may be what came in, nor twice the same tensor.
    def copied(state: list[Tensor], now: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        following, kept = step(now, state)
        return [s.clone() for s in following], [k.clone() for k in kept]

    final, kept = torch_scan(copied, [s.clone() for s in initial], list(reads), dim=0)
    return list(kept), tuple(final)
