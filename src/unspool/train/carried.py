"""A loss that hands the states at the end of a chunk to the next one."""

from collections.abc import Callable
from typing import Any, final

from torch import Tensor, nn

from unspool.train.nested import map_tensors


@final
class Carried:
    """The loss of `fit` for truncated BPTT: states go from chunk to chunk, gradients do not. It is `Resumable`.

    Args:
        step: (module, batch, states) → (loss, states); states are None at the start, else what it returned for the
            chunk before, detached: a tensor, or tuples, lists and dicts of them.

    A batch with `is_first` (as those of `Stream`) starts from None again. To be used with one fit at a time.
    """

    def __init__(self, step: Callable[[nn.Module, Any, Any], tuple[Tensor, Any]]) -> None:
        self._step = step
        self.states: Any = None

    def __call__(self, module: nn.Module, batch: Any) -> Tensor:
        """Loss of the batch, a number."""
        before = None if getattr(batch, "is_first", False) else self.states
        loss, states = self._step(module, batch, before)
        self.states = map_tensors(states, Tensor.detach)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The states that the next chunk begins with."""
        return {"states": map_tensors(self.states, Tensor.clone)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Begin the next chunk with these."""
        self.states = map_tensors(state["states"], Tensor.clone)
