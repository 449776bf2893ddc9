"""A progress bar with loss, gradient norm, learning rate and time left, one per fit."""

from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from torch import nn

from unspool.train import Epoch, Fitted, Update


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
        if self._task is not None and self._task in self._bars.task_ids:
            self._bars.remove_task(self._task)  # of a fit that was cut off
        self._task = self._bars.add_task(title, total=steps, loss="")

    def on_resume(self, step: int, epochs: Sequence[Epoch]) -> None:
        """Move the bar to where the fit goes on."""
        assert self._task is not None
        self._bars.update(self._task, completed=step)
        if epochs:
            self._show(epochs[-1])

    def on_step(self, step: int, loss: float) -> None:
        """See `on_update`."""

    def on_update(self, update: Update) -> None:
        """Move the bar, if there is one."""
        numbers = f"loss {update.loss:.4f}  ‖∇‖ {update.gradient_norm:.2g}  rate {update.learning_rate:.1e}"
        if self._task is not None:
            self._bars.update(self._task, completed=update.step, loss=numbers + self._shown)

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> None:
        """Show the validation loss, where there is one."""
        del module
        self._show(epoch)

    def on_note(self, note: str) -> None:
        """A line that stays."""
        self._console.print(f"[dim]{self._title:<28}[/dim] {escape(note)}", highlight=False, soft_wrap=True)

    def on_end(self, fitted: Fitted) -> None:
        """Replace the bar by a line that stays."""
        assert self._task is not None
        self._bars.remove_task(self._task)
        kept = fitted.best_loss
        loss = f"validation loss {kept:.4f}" if kept else f"loss {fitted.epochs[-1].train_loss:.4f}"
        why = "" if fitted.stopped == "finished" else f", {fitted.stopped}"
        self._console.print(f"[dim]{self._title:<28} {loss}  {fitted.seconds:.1f} s{why}[/dim]", highlight=False)

    def _show(self, epoch: Epoch) -> None:
        self._shown = f"  validation {epoch.valid_loss:.4f}" if epoch.valid_loss else ""
