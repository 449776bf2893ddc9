"""Fit any network: one loop, callbacks, the best weights kept."""

from unspool.train.callback import Callback
from unspool.train.clipping import GradientClip, observed_threshold
from unspool.train.forcing import forcing_loss, run_forced
from unspool.train.log import Epoch, Fitted
from unspool.train.loop import TrainSettings, fit

__all__ = [
    "Callback",
    "Epoch",
    "Fitted",
    "GradientClip",
    "TrainSettings",
    "fit",
    "forcing_loss",
    "observed_threshold",
    "run_forced",
]
