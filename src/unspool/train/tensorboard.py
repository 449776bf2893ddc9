"""A fit for TensorBoard: loss, gradient norm and learning rate per step, losses per validation."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import final

from torch import nn

from unspool.errors import OutputError, SettingError
from unspool.train.log import Epoch, Fitted, Update


@final
class TensorBoard:
    """A callback that writes event files; a fit's title is the name of its run in the folder.

    Args:
        folder: of the runs, as in `tensorboard --logdir FOLDER`.

    A fit that goes on from a checkpoint writes a further file, and TensorBoard drops what came after the checkpoint.

    Raises:
        SettingError: tensorboard is not installed; it is the extra `unspool[tensorboard]`.
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError:
            raise SettingError(
                "tensorboard is not installed", hint="pip install 'unspool[tensorboard]', or write JSON lines"
            ) from None
        self._folder, self._make = Path(folder), SummaryWriter
        self._step, self._title = 0, ""
        self._writer: SummaryWriter | None = None

    def on_start(self, title: str, steps: int) -> None:
        """See `Callback`."""
        del steps
        self._title, self._step = title, 0
        self._open(None)

    def on_resume(self, step: int, epochs: Sequence[Epoch]) -> None:
        """What was written after `step` is void; see `DetailedCallback`."""
        del epochs
        self._step = step
        self._open(step + 1)

    def on_step(self, step: int, loss: float) -> None:
        """See `on_update`."""

    def on_update(self, update: Update) -> None:
        """Three curves."""
        self._step = update.step
        self._add("step/loss", update.loss)
        self._add("step/gradient norm", update.gradient_norm)
        self._add("step/learning rate", update.learning_rate)

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> None:
        """Two curves, over the same steps."""
        del module
        self._add("epoch/training loss", epoch.train_loss)
        self._add("epoch/validation loss", epoch.valid_loss)

    def on_note(self, note: str) -> None:
        """A text."""
        assert self._writer is not None
        self._writer.add_text("note", note, self._step)

    def on_end(self, fitted: Fitted) -> None:
        """Have everything on the disk."""
        assert self._writer is not None
        self._writer.add_text("end", f"{fitted.stopped}; best epoch {fitted.best}", self._step)
        self._writer.close()
        self._writer = None

    def _add(self, name: str, value: float) -> None:
        assert self._writer is not None
        self._writer.add_scalar(name, value, self._step)

    def _open(self, purge: int | None) -> None:
        if self._writer is not None:
            self._writer.close()
        name = self._title.replace("/", "-").replace(":", "-")
        try:
            self._writer = self._make(str(self._folder / name), purge_step=purge)
        except OSError as error:
            raise OutputError(f"cannot write to '{self._folder}': {error.strerror or error}") from None
