"""What may watch a fit: progress bars, loggers, monitors of the dynamics."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, final, runtime_checkable

from torch import nn

from unspool.train.log import Epoch, Fitted, Update


class Callback(Protocol):
    """Called by `fit`; an implementation does what it likes with the numbers, and leaves the module alone."""

    def on_start(self, title: str, steps: int) -> None:
        """A fit of at most `steps` optimiser steps begins."""
        ...

    def on_step(self, step: int, loss: float) -> None:
        """Step `step` (from 1) is done; `loss` is its batch's."""
        ...

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> None:
        """A validation is done."""
        ...

    def on_end(self, fitted: Fitted) -> None:
        """The fit is over, whatever ended it."""
        ...


@runtime_checkable
class DetailedCallback(Protocol):
    """A callback may have these three methods as well; one that has all three is told more."""

    def on_resume(self, step: int, epochs: Sequence[Epoch]) -> None:
        """After `on_start`, or when a fit goes back: `step` steps and these epochs are done, nothing later."""
        ...

    def on_update(self, update: Update) -> None:
        """After `on_step`: the same step with all of its numbers."""
        ...

    def on_note(self, note: str) -> None:
        """Something that a person should know: a checkpoint that failed, a loss that was not finite."""
        ...


@final
class Audience:
    """The callbacks of a fit, spoken to as one; nobody, in all processes but the first."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self._all = callbacks

    def tell(self, say: Callable[[Callback], Any]) -> None:
        """Say it to every callback."""
        for callback in self._all:
            say(callback)

    def tell_detailed(self, say: Callable[[DetailedCallback], Any]) -> None:
        """Say it to those that want to know more."""
        for callback in self._all:
            if isinstance(callback, DetailedCallback):
                say(callback)
