"""Training options that several commands share, and what they say to `fit`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from unspool.train import Checkpoint, TrainSettings

_PANEL = "Training"

Steps = Annotated[int, typer.Option(help="Optimiser steps at most.", rich_help_panel=_PANEL)]
Rate = Annotated[float, typer.Option("--learning-rate", help="Peak learning rate.", rich_help_panel=_PANEL)]
Decay = Annotated[float, typer.Option("--weight-decay", help="Weight decay.", rich_help_panel=_PANEL)]
Clip = Annotated[
    str,
    typer.Option(
        help="Gradients are scaled down to this norm; 'observed': to the median norm so far; 'observed:0.9': to "
        "that quantile.",
        rich_help_panel=_PANEL,
    ),
]
Optimizer = Annotated[str, typer.Option(help="A class of torch.optim.", rich_help_panel=_PANEL)]
OptimizerOption = Annotated[
    list[str] | None, typer.Option("--optimizer-option", help="e.g. momentum=0.9; repeat it.", rich_help_panel=_PANEL)
]
Schedule = Annotated[
    str, typer.Option(help="cosine, constant, or a class of torch.optim.lr_scheduler.", rich_help_panel=_PANEL)
]
ScheduleOption = Annotated[
    list[str] | None, typer.Option("--schedule-option", help="e.g. step_size=100; repeat it.", rich_help_panel=_PANEL)
]
Accumulate = Annotated[int, typer.Option(help="Batches per optimiser step.", rich_help_panel=_PANEL)]
Averaging = Annotated[str, typer.Option(help="Of the weights: none, ema, swa.", rich_help_panel=_PANEL)]
Validations = Annotated[int, typer.Option(help="How often the validation loss is taken.", rich_help_panel=_PANEL)]
Patience = Annotated[
    int, typer.Option(help="Validations without a better one before it stops.", rich_help_panel=_PANEL)
]
Retries = Annotated[
    int,
    typer.Option(
        help="How often a loss of NaN goes back to the last good state, at half the rate.", rich_help_panel=_PANEL
    ),
]
Device = Annotated[str, typer.Option(help="cpu, cuda, or auto.", rich_help_panel=_PANEL)]
Precision = Annotated[str, typer.Option(help="32, bf16, 16 or 64 bits.", rich_help_panel=_PANEL)]
CheckpointFolder = Annotated[
    Path | None, typer.Option("--checkpoint", help="Folder to go on from after a crash.", rich_help_panel=_PANEL)
]
CheckpointEvery = Annotated[
    int, typer.Option("--checkpoint-every", help="Steps from one checkpoint to the next.", rich_help_panel=_PANEL)
]
LogFile = Annotated[Path | None, typer.Option("--log", help="File for a log in JSON lines.", rich_help_panel=_PANEL)]
TensorBoardFolder = Annotated[
    Path | None, typer.Option("--tensorboard", help="Folder for TensorBoard.", rich_help_panel=_PANEL)
]


@dataclass(frozen=True, kw_only=True)
class Training:
    """The options as a command line states them; a command has a field of this name and type for each it offers."""

    steps: Steps = 500
    learning_rate: Rate = 1e-2
    weight_decay: Decay = 1e-3
    clip: Clip = "1.0"
    optimizer: Optimizer = "AdamW"
    optimizer_option: OptimizerOption = None
    schedule: Schedule = "cosine"
    schedule_option: ScheduleOption = None
    accumulate: Accumulate = 1
    averaging: Averaging = "none"
    validations: Validations = 10
    patience: Patience = 4
    retries: Retries = 3
    device: Device = "cpu"
    precision: Precision = "32"
    checkpoint: CheckpointFolder = None
    checkpoint_every: CheckpointEvery = 100
    log: LogFile = None
    tensorboard: TensorBoardFolder = None

    def settings(self) -> "TrainSettings":
        """For `fit`.

        Raises:
            SettingError: clip is no norm and no word for one.
        """
        from unspool.train import TrainSettings

        clip, quantile = read_clip(self.clip)
        averaging: Any = self.averaging  # checked by `fit`
        return TrainSettings(
            steps=self.steps,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            clip=clip,  # pyright: ignore[reportArgumentType]
            clip_quantile=quantile,
            validations=self.validations,
            patience=self.patience,
            optimizer=self.optimizer,
            optimizer_options=tuple(self.optimizer_option or ()),
            schedule=self.schedule,
            schedule_options=tuple(self.schedule_option or ()),
            accumulate=self.accumulate,
            averaging=averaging,
            retries=self.retries,
        )

    def fabric(self) -> "Fabric":
        """Device, precision and processes, for `fit`."""
        from unspool.train import make_fabric

        precision: Any = self.precision
        return make_fabric(self.device, precision)

    def kept(self) -> "Checkpoint | None":
        """The checkpoint, for `fit`."""
        from unspool.train import Checkpoint

        return None if self.checkpoint is None else Checkpoint(self.checkpoint, self.checkpoint_every)

    def logs(self, *, overwrite: bool = False) -> list[Any]:
        """The callbacks that write logs."""
        from unspool.train.jsonlines import JsonLines
        from unspool.train.tensorboard import TensorBoard

        found: list[Any] = []
        if self.log is not None:
            found.append(JsonLines(self.log, overwrite=overwrite))
        if self.tensorboard is not None:
            found.append(TensorBoard(self.tensorboard))
        return found


def read_clip(text: str) -> tuple[float | str, float]:
    """`1.0` → (1.0, 0.5); `observed` → ("observed", 0.5); `observed:0.9` → ("observed", 0.9).

    Raises:
        SettingError: it is none of these.
    """
    from unspool.errors import SettingError

    word, _, quantile = text.partition(":")
    try:
        return (word, float(quantile or 0.5)) if word == "observed" else (float(text), 0.5)
    except ValueError:
        raise SettingError(f"clip is '{text}'", hint="give a norm, e.g. 1.0; 'observed'; or 'observed:0.9'") from None
