"""The network that is trained on a task: recurrent layers and a linear readout."""

from typing import final

import torch
from torch import Tensor, nn

from unspool.errors import SettingError
from unspool.nn import Recurrent, init_chrono, init_forget_bias, init_identity, init_orthogonal
from unspool.tasks.batch import Batch
from unspool.tasks.task import Start, Task, TaskSettings


@final
class TaskNetwork(nn.Module):
    """A cell over time, read out after the last step or at every one.

    Args:
        task: its sizes, and where it asks.
        settings: cell, sizes, dropout and start.

    Raises:
        SettingError, CellError: the cell is unknown, or a size has no meaning.
    """

    def __init__(self, task: Task, settings: TaskSettings) -> None:
        super().__init__()
        self.asks = task.asks
        self.recurrence = Recurrent(settings.cell, task.input_size, settings.hidden_size, settings.num_layers)
        self.dropout = nn.Dropout(settings.dropout)
        self.readout = nn.Linear(self.recurrence.output_size, task.output_size)
        _start(self.recurrence, settings.start, task.length)

    def forward(self, batch: Batch) -> Tensor:
        """Answers [B, O] after each sequence's last step, or [B, T, O]."""
        output, _ = self.recurrence(batch.x, lengths=batch.lengths)
        if self.asks == "last":
            last = -1 if batch.lengths is None else batch.lengths - 1
            output = output[torch.arange(len(output)), last]
        return self.readout(self.dropout(output))


def _start(layer: Recurrent, start: Start, length: int) -> None:
    """First values for a lag of about `length` steps; a cell that cannot start so keeps what it has."""
    try:
        match start:
            case "chrono":
                init_chrono(layer, max(3, length))
            case "forget":
                init_forget_bias(layer)
            case "orthogonal":
                init_orthogonal(layer)
            case "identity":
                init_identity(layer)
            case "plain":
                pass
    except SettingError:
        return
