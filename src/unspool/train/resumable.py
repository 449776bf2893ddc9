"""What can say where it stands, and be put there again."""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Resumable(Protocol):
    """Batches and losses that `fit` can put back to where they stood: after a crash, or after a loss of NaN.

    The state is made of None, bools, numbers, strings, tensors, and lists, tuples and dicts of them. It is the
    object's own copy: what happens later does not change it.
    """

    def state_dict(self) -> dict[str, Any]:
        """Where it stands, between two steps."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Stand where `state` says; `state` itself is left as it is."""
        ...
