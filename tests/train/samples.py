"""A fit with everything that a checkpoint has to hold, and what it leaves: tests kill it, split it and resume it."""

import json
import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from unspool.nn import Recurrent
from unspool.train import Carried, Checkpoint, Fitted, Stream, TrainSettings, Update, fit, generations
from unspool.train.jsonlines import JsonLines

SETTINGS = TrainSettings(
    steps=24, learning_rate=0.02, validations=6, patience=99, clip="observed", averaging="ema", ema_decay=0.8
)
EVERY = 3


class Network(nn.Module):
    """Recurrent, with dropout, so that the random generators and the carried states matter."""

    def __init__(self, hidden_size: int = 6, dropout: float = 0.3) -> None:
        super().__init__()
        self.recurrent = Recurrent("gru", 2, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden_size, 2)

    def forward(self, x: Tensor, states: Any = None) -> tuple[Tensor, Any]:
        output, states = self.recurrent(x, states)
        return self.head(self.dropout(output)), states


def network(**options: Any) -> Network:
    torch.manual_seed(0)
    return Network(**options)


def waves(rows: int = 4, steps: int = 60) -> Tensor:
    """[B, T, 2] sines, one frequency per row."""
    t = torch.arange(steps)[None] * torch.linspace(0.2, 0.5, rows)[:, None]
    return torch.stack([t.sin(), t.cos()], -1)


def one_chunk(module: nn.Module, batch: Any, states: Any) -> tuple[Tensor, Any]:
    noise = 1 + 0.01 * random.random() + 0.01 * float(np.random.rand())  # the other two generators
    prediction, states = module(batch.x, states)
    return noise * (prediction - batch.y).square().mean(), states


def judge(module: nn.Module) -> float:
    x = waves(2, 20)
    return float((module(x[:, :-1])[0] - x[:, 1:]).square().mean())


def half_way(module: nn.Module) -> float:
    """Best in the middle of the fit, so that the weights that are kept are not the last."""
    return abs(judge(module) - 0.5)


def plain_loss(module: nn.Module, batch: Any) -> Tensor:
    """Of `drawn` batches, without states."""
    return (module(batch[:, :-1])[0] - batch[:, 1:]).square().mean()


def drawn() -> Iterator[Tensor]:
    """Batches of an ordinary generator, which cannot be asked where it stands."""
    generator = torch.Generator().manual_seed(1)
    while True:
        yield torch.randn(4, 7, 2, generator=generator)


class Moment:
    """A callback that kills its process after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_start(self, title: str, steps: int) -> None: ...
    def on_resume(self, step: int, epochs: Any) -> None: ...
    def on_step(self, step: int, loss: float) -> None: ...
    def on_epoch(self, module: nn.Module, epoch: Any) -> None: ...
    def on_note(self, note: str) -> None: ...
    def on_end(self, fitted: Fitted) -> None: ...
    def on_update(self, update: Update) -> None:
        if update.step == self.step:
            kill()


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_writing(number: int) -> None:
    """From now on the process dies when half of the file with this number (from 1) is written."""
    real, count = generations.write_through, 0

    def write(path: Path, data: bytes) -> None:
        nonlocal count
        count += 1
        if count == number:
            path.write_bytes(data[: len(data) // 2])
            kill()
        real(path, data)

    generations.write_through = write


def die_renaming(number: int, *, after: bool) -> None:
    """Likewise just before or after the draft with this number takes its place."""
    real, count = Path.rename, 0

    def rename(self: Path, target: Any) -> Path:
        nonlocal count
        count += 1
        if count == number and not after:
            kill()
        done = real(self, target)
        if count == number:
            kill()
        return done

    cast(Any, Path).rename = rename


def run(folder: Path, moment: tuple[str, int] = ("", 0), *, stream: bool = True, **changes: Any) -> Fitted:
    """Fit in `folder`, from the checkpoint there if there is one; weights and log are left there."""
    what, number = moment
    if what == "write":
        die_writing(number)
    if what in ("before rename", "after rename"):
        die_renaming(number, after=what == "after rename")
    random.seed(3)
    np.random.seed(3)
    module = network()
    loss: Callable[[nn.Module, Any], Tensor] = Carried(one_chunk) if stream else plain_loss
    fitted = fit(
        module,
        Stream(waves(), 7) if stream else drawn(),
        loss,
        half_way,
        replace(SETTINGS, **changes),
        checkpoint=Checkpoint(folder / "checkpoint", EVERY),
        callbacks=[JsonLines(folder / "log.jsonl"), Moment(number if what == "step" else 0)],
    )
    save_file(module.state_dict(), folder / "weights.safetensors")
    return fitted


def left(folder: Path) -> tuple[bytes, list[dict[str, Any]]]:
    """The bytes of the weights, and the log apart from seconds and notes."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    told = [{k: v for k, v in line.items() if k != "seconds"} for line in lines if line["kind"] != "note"]
    return (folder / "weights.safetensors").read_bytes(), told
