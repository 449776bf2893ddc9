"""How to fit: every setting of the loop, and what each may be."""

import math
from dataclasses import dataclass
from typing import Literal

from unspool.errors import SettingError
from unspool.train.clipping import Threshold

Averaging = Literal["none", "ema", "swa"]


@dataclass(frozen=True)
class TrainSettings:
    """How to fit.

    Attributes:
        steps: optimiser steps at most.
        learning_rate: its peak; see `schedule`.
        weight_decay: of the optimiser; decoupled in AdamW (arXiv:1711.05101).
        clip: gradients are scaled down to this norm (Pascanu et al. 2013, arXiv:1211.5063); "observed" takes it from
            the norms of the updates before, see `GradientClip`.
        validations: how often the validation loss is taken.
        patience: validations without a better loss before stopping early.
        optimizer: name of a class in `torch.optim`.
        optimizer_options: what else it is given, each "name=value" with the value as in JSON: ("momentum=0.9",).
        schedule: "cosine" rises linearly over the first tenth of the steps and falls along a half cosine (Smith &
            Topin 2017, arXiv:1708.07120, in its simplest form; Loshchilov & Hutter 2017, arXiv:1608.03983);
            "constant"; or the name of a class in `torch.optim.lr_scheduler`.
        schedule_options: as for the optimiser: ("step_size=100", "gamma=0.5").
        clip_quantile: with clip="observed", which quantile of the observed norms; 0.5 is the median.
        accumulate: batches whose gradients are averaged into one optimiser step.
        averaging: whether the weights that are validated and kept are an average over steps: "ema" decays
            exponentially (Polyak & Juditsky 1992), "swa" counts all alike from `swa_start` on (Izmailov et al. 2018,
            arXiv:1803.05407).
        ema_decay: what an average keeps of itself at a step.
        swa_start: share of the steps after which averaging in "swa" begins.
        retries: how often a loss or gradient that is not finite sends the fit back to its last good state; after
            that it ends the fit.
        retry_rate: factor on the learning rate each time.
    """

    steps: int = 500
    learning_rate: float = 1e-2
    weight_decay: float = 1e-3
    clip: Threshold = 1.0
    validations: int = 10
    patience: int = 4
    optimizer: str = "AdamW"
    optimizer_options: tuple[str, ...] = ()
    schedule: str = "cosine"
    schedule_options: tuple[str, ...] = ()
    clip_quantile: float = 0.5
    accumulate: int = 1
    averaging: Averaging = "none"
    ema_decay: float = 0.99
    swa_start: float = 0.75
    retries: int = 0
    retry_rate: float = 0.5


def check_settings(settings: TrainSettings) -> None:
    """Return if every setting that the loop itself reads has a meaning; the others are checked where they are used.

    Raises:
        SettingError: one has none; it names it.
    """
    for name in ("steps", "validations", "accumulate"):
        if getattr(settings, name) < 1:
            raise SettingError(f"{name} is {getattr(settings, name)}", hint=f"give a {name} of at least 1")
    if not 0 < settings.learning_rate < math.inf:
        raise SettingError(f"learning_rate is {settings.learning_rate}", hint="give a positive number, e.g. 0.005")
    if settings.averaging not in ("none", "ema", "swa"):
        raise SettingError(f"averaging is '{settings.averaging}'", hint="it is one of: none, ema, swa")
    if not 0 <= settings.ema_decay < 1:
        raise SettingError(f"ema_decay is {settings.ema_decay}", hint="it is a share, 0 or more and below 1: 0.99")
    if not 0 <= settings.swa_start < 1:
        raise SettingError(f"swa_start is {settings.swa_start}", hint="it is a share of the steps, below 1: 0.75")
    if settings.retries < 0:
        raise SettingError(f"retries is {settings.retries}", hint="give 0 (end at once) or more")
    if not 0 < settings.retry_rate <= 1:
        raise SettingError(f"retry_rate is {settings.retry_rate}", hint="it is a factor above 0, at most 1: 0.5")
