"""What may watch a fit: progress bars, loggers, monitors of the dynamics."""

from typing import Protocol

from torch import nn

from unspool.train.log import Epoch, Fitted


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
