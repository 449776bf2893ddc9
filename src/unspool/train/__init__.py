"""Fit any network: one loop, callbacks, the best weights kept, checkpoints to go on from."""

from unspool.train.callback import Callback, DetailedCallback
from unspool.train.carried import Carried
from unspool.train.checkpoint import Checkpoint
from unspool.train.clipping import GradientClip, observed_threshold
from unspool.train.forcing import forcing_loss, run_forced
from unspool.train.log import Epoch, Fitted, Update
from unspool.train.loop import fit
from unspool.train.processes import make_fabric
from unspool.train.resumable import Resumable
from unspool.train.settings import TrainSettings
from unspool.train.stream import Chunk, Stream, parallel_rows

__all__ = [
    "Callback",
    "Carried",
    "Checkpoint",
    "Chunk",
    "DetailedCallback",
    "Epoch",
    "Fitted",
    "GradientClip",
    "Resumable",
    "Stream",
    "TrainSettings",
    "Update",
    "fit",
    "forcing_loss",
    "make_fabric",
    "observed_threshold",
    "parallel_rows",
    "run_forced",
]
