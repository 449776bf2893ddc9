"""ETTh1 as a task: 96 hours of a channel, and then its next 24.

Zhou et al. 2021, arXiv:2012.07436: 12, 4 and 4 months for training, validation and test, standardised by the training
part's mean and deviation. The seven channels are seven series for one network, and a window is told as its difference
from its last value, which the answer is measured from, too: so the error is the mean squared one of the standardised
values. All training windows are drawn from; of validation and test every fourth is scored.
"""

import gzip
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from unspool.errors import DataError
from unspool.tasks import Batch, Task, TaskSettings
from unspool.tasks.batch import PARTS, Part, rows_of
from unspool.tasks.measure import Values
from unspool.tasks.task import Criterion

WINDOW, HORIZON = 96, 24
ENDS = (8640, 11520, 14400)
STRIDE = 4


def windows(data: Path) -> Task:
    """The task, from the folder that holds ett/.

    Raises:
        DataError: the file is not there.
    """
    path = data / "ett" / "ETTh1.csv.gz"
    if not path.is_file():
        raise DataError(f"'{path}' does not exist")
    values = pl.read_csv(gzip.decompress(path.read_bytes()))[: ENDS[-1], 1:].to_numpy()
    scaled = torch.tensor((values - values[: ENDS[0]].mean(0)) / values[: ENDS[0]].std(0), dtype=torch.float32)
    parts: dict[Part, Tensor] = {part: _windows(scaled, k) for k, part in enumerate(PARTS)}
    still = float(parts["test"][:, WINDOW:].square().mean())
    return Task(
        name="etth1",
        summary="a channel's next 24 hours after 96",
        source="Zhou et al. 2021, arXiv:2012.07436",
        length=WINDOW,
        input_size=1,
        output_size=HORIZON,
        asks="last",
        measure=Values(np.inf),
        criterion=Criterion("none"),
        baseline=still,
        baseline_text="always predicting the last value",
        settings=TaskSettings(),
        sample=partial(_sample, parts),
        sizes={part: len(rows) for part, rows in parts.items()},
    )


def _windows(values: Tensor, part: int) -> Tensor:
    """[N, 120] windows of all channels, less the last value read; a part's answers lie within it, its past need not."""
    start, end = (0 if part == 0 else ENDS[part - 1] - WINDOW), ENDS[part]
    cut = values[start:end].unfold(0, WINDOW + HORIZON, 1 if part == 0 else STRIDE).flatten(0, 1)
    return cut - cut[:, WINDOW - 1 : WINDOW]


def _sample(parts: dict[Part, Tensor], seed: int, part: Part, number: int, sequences: int) -> Batch:
    rows = parts[part][rows_of(seed, part, number, sequences, len(parts[part]))]
    return Batch(rows[:, :WINDOW, None], rows[:, WINDOW:])
