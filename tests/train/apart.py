"""Fits that `test_processes` runs twice: in one process, and under torchrun in two that share every batch."""

import json
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.train import samples
from unspool.train import Carried, Checkpoint, Stream, TrainSettings, fit
from unspool.train.jsonlines import JsonLines

SETTINGS = TrainSettings(steps=12, validations=4, patience=99, clip=0.5)
ROWS = 5
"""They do not divide evenly among two processes."""


class BreakError(Exception):
    """The end of a process that is to be resumed."""


def uneven(spoiled: int | None = None) -> Iterator[Tensor]:
    """Batches [B=5, T, 2]; in one of them the last row is NaN."""
    generator = torch.Generator().manual_seed(1)
    count = 0
    while True:
        count += 1
        batch = torch.randn(ROWS, 7, 2, generator=generator)
        if count == spoiled:
            batch[-1] = math.nan
        yield batch


def carried(until: int) -> Carried:
    """A loss that raises at its step number `until`."""
    left = [until]

    def step(module: nn.Module, batch: Any, states: Any) -> tuple[Tensor, Any]:
        left[0] -= 1
        if not left[0]:
            raise BreakError
        prediction, states = module(batch.x, states)
        return (prediction - batch.y).square().mean(), states

    return Carried(step)


def main(folder: Path) -> None:
    """Three fits; what they leave lies in `folder`."""
    module = samples.network(dropout=0.0)
    log = JsonLines(folder / "uneven.jsonl")
    fit(module, uneven(), samples.plain_loss, samples.judge, SETTINGS, callbacks=[log])
    _leave(folder, "uneven", module)

    module = samples.network(dropout=0.0)
    kept = Checkpoint(folder / "checkpoint", 3)
    for until in (8, 99):
        try:
            stream = Stream(samples.waves(5, 40), 6)
            settings = replace(SETTINGS, accumulate=2)
            fit(module, stream, carried(2 * until), samples.judge, settings, checkpoint=kept)
        except BreakError:
            module = samples.network(dropout=0.0)
    _leave(folder, "stream", module)

    module = samples.network(dropout=0.0)
    fitted = fit(module, uneven(spoiled=9), samples.plain_loss, samples.judge, replace(SETTINGS, retries=2))
    rank = os.environ.get("RANK", "0")
    (folder / f"spoiled-{rank}.json").write_text(json.dumps([fitted.stopped, fitted.best, *fitted.notes]))


def _leave(folder: Path, name: str, module: nn.Module) -> None:
    save_file(module.state_dict(), folder / f"{name}-{os.environ.get('RANK', '0')}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
