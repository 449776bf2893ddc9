"""What every backend produces: a kernel, called with tensors in time-major order."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Kernel(Protocol):
    """Runs one cell over time."""

    def __call__(
        self,
        inputs: Mapping[str, "Tensor"],
        parameters: Mapping[str, "Tensor"],
        initial: Sequence["Tensor"],
        *,
        lengths: "Tensor | None" = None,
        reset: "Tensor | None" = None,
        rest: Sequence["Tensor"] | None = None,
        reverse: bool = False,
    ) -> "tuple[Tensor, tuple[Tensor, ...]]":
        """Output over time and the states after the last step.

        Args:
            inputs: name → [T, B, size]; a number per step and row is [T, B, 1].
            parameters: name → stored tensor (gates stacked along the first axis).
            initial: states before the first step, each [B, size].
            lengths: [B] int64; steps at or beyond a sequence's length leave its state alone and output zero.
            reset: [T, B] bool; before such a step the state is set to `rest`.
            rest: states to reset to, each [B, size] or [1, size]; needed with `reset`.
            reverse: run from the last step to the first. A reset then takes effect on the way back across
                the same boundary: after step t, before step t − 1.

        Returns:
            output [T, B, size] and the final states, each [B, size].
        """
        ...
