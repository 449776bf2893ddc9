"""Watches the gradient horizon of a layer while a network trains, so that a run that goes blind is seen."""

import logging
from typing import final

from torch import Tensor, nn

from unspool.dynamics.gradients.horizon import GradientHorizon, gradient_horizon
from unspool.errors import DataError
from unspool.train import Epoch, Fitted

_LOG = logging.getLogger("unspool")


@final
class HorizonMonitor:
    """A callback of `unspool.train.fit`: at every validation it measures how far back gradients reach.

    Args:
        x: [B, T, I], a few sequences like those that the layer reads in training; always the same, so that what
            changes is the network.
        needed: steps back that the task needs: where the horizon falls short of it, the log says so, once.
        layer: the layer's name in the module that is trained, `"encoder.recurrence"`; "" where it is the module.
        longest, epsilon: see `gradient_horizon`.

    Attributes:
        history: (epoch's number, horizon), one for each validation; None where the states were not finite.

    Raises, at the start of a fit's first validation:
        AttributeError: the module has no such layer.
        SettingError, ShapeError: as `gradient_horizon`.

    Cost: one `gradient_horizon` per validation.
    """

    def __init__(
        self, x: Tensor, *, needed: int, layer: str = "", longest: int | None = None, epsilon: float = 1e-3
    ) -> None:
        self._x, self._needed, self._layer = x, needed, layer
        self._longest, self._epsilon = longest, epsilon
        self.history: list[tuple[int, GradientHorizon | None]] = []
        self._said = False

    def on_start(self, title: str, steps: int) -> None:
        """See `Callback`; a new fit begins a new history."""
        self.history, self._said = [], False

    def on_step(self, step: int, loss: float) -> None:
        """See `Callback`."""

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> None:
        """Measure; see `Callback`."""
        layer = module.get_submodule(self._layer)
        try:
            found = gradient_horizon(layer, self._x, longest=self._longest, epsilon=self._epsilon)
        except DataError as error:
            self.history.append((epoch.number, None))
            self._say(f"no gradient horizon after epoch {epoch.number}: {error.message}")
            return
        self.history.append((epoch.number, found))
        if found.horizon is not None and found.horizon < self._needed:
            self._say(
                f"after epoch {epoch.number} gradients reach {found.horizon} steps back, and the task needs "
                f"{self._needed}: what lies further back is not learned any more (dynamics.remedies says what to try)"
            )

    def on_end(self, fitted: Fitted) -> None:
        """See `Callback`."""

    def _say(self, message: str) -> None:
        if not self._said:
            _LOG.warning(message)
        self._said = True
