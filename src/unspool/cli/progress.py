"""A progress bar with loss and time left, one per fit."""

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from torch import nn

from unspool.train import Epoch, Fitted


class Progress:
    """A training callback that draws on a terminal; a line per fit where the output is not a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Bars(
            TextColumn("{task.description:<28}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._title = ""
        self._shown = ""

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._bars.stop()

    def on_start(self, title: str, steps: int) -> None:
        """A new bar."""
        self._title, self._shown = title, ""
        self._task = self._bars.add_task(title, total=steps, loss="")

    def on_step(self, step: int, loss: float) -> None:
        """Move the bar."""
        assert self._task is not None
        self._bars.update(self._task, completed=step, loss=f"loss {loss:.4f}{self._shown}")

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> None:
        """Show the validation loss, where there is one."""
        del module
        self._shown = f"  validation {epoch.valid_loss:.4f}" if epoch.valid_loss else ""

    def on_end(self, fitted: Fitted) -> None:
        """Replace the bar by a line that stays."""
        assert self._task is not None
        self._bars.remove_task(self._task)
        kept = fitted.best_loss
        loss = f"validation loss {kept:.4f}" if kept else f"loss {fitted.epochs[-1].train_loss:.4f}"
        why = "" if fitted.stopped == "finished" else f", {fitted.stopped}"
        self._console.print(f"[dim]{self._title:<28} {loss}  {fitted.seconds:.1f} s{why}[/dim]", highlight=False)
