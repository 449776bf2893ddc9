"""The average of the weights along the way: validated and kept instead of the last ones."""

from typing import Any, final

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from unspool.train.settings import TrainSettings


@final
class Averaging:
    """What `torch.optim.swa_utils` averages of one fit; buffers are averaged with the weights.

    "ema":  w̄ ← decay · w̄ + (1 − decay) · w    at every step (Polyak & Juditsky 1992, DOI 10.1137/0330046)
    "swa":  w̄ ← w̄ + (w − w̄) / n              from `swa_start` on (Izmailov et al. 2018, arXiv:1803.05407v3)

    Both begin with the weights as they are then. Cost: a copy of the module, and one pass over its weights per step.
    """

    def __init__(self, module: nn.Module, settings: TrainSettings) -> None:
        self._start = round(settings.swa_start * settings.steps) if settings.averaging == "swa" else 0
        self._averaged: AveragedModel | None = None
        if settings.averaging == "ema":
            average = get_ema_multi_avg_fn(settings.ema_decay)
            self._averaged = AveragedModel(module, multi_avg_fn=average, use_buffers=True)
        elif settings.averaging == "swa":
            self._averaged = AveragedModel(module, use_buffers=True)

    def update(self, module: nn.Module, step: int) -> None:
        """Take in the weights after step number `step`, from 1."""
        if self._averaged is not None and step > self._start:
            self._averaged.update_parameters(module)

    def of(self, module: nn.Module) -> nn.Module:
        """The module with the averaged weights; `module` itself where nothing has been averaged."""
        averaged = self._averaged
        return module if averaged is None or not int(averaged.n_averaged) else averaged.module

    def state_dict(self) -> dict[str, Any]:
        """The average, and how many weights are in it; empty where nothing is averaged."""
        return {} if self._averaged is None else self._averaged.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with this average."""
        if self._averaged is not None:
            self._averaged.load_state_dict(state)
