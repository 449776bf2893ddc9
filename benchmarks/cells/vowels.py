"""JapaneseVowels as a task: who of nine said it.

Kudo, Toyama & Shimbo 1999, Pattern Recognition Letters 20(11–13): 270 utterances for training, 370 for the test, of 7
to 29 steps and 12 channels, here standardised by the training steps. 54 of the 270, six of each speaker, are the
validation part: what is trained on is 216.
"""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unspool.classify.reading.file import read_sequences
from unspool.classify.sequences import Sequences
from unspool.errors import DataError
from unspool.tasks import Batch, Task, TaskSettings
from unspool.tasks.batch import Part, rows_of
from unspool.tasks.measure import Classes
from unspool.tasks.task import Criterion

EACH = 5
"""One utterance in so many, of each speaker, is held back."""

Rows = tuple[Tensor, Tensor, Tensor]
"""x [N, 29, 12], lengths [N], classes [N]."""


def vowels(data: Path) -> Task:
    """The task, from the folder that holds tsc/.

    Raises:
        DataError: a file is not there.
    """
    paths = [data / "tsc" / f"JapaneseVowels_{part}.ts.gz" for part in ("TRAIN", "TEST")]
    for path in paths:
        if not path.is_file():
            raise DataError(f"'{path}' does not exist")
    learned, tested = (read_sequences(path) for path in paths)
    steps = np.concatenate(learned.values)
    mean, deviation = steps.mean(0), steps.std(0)
    rows, test = (_rows(s, mean, deviation, learned.classes) for s in (learned, tested))
    held = torch.zeros(len(rows[2]), dtype=torch.bool)
    for speaker in range(len(learned.classes)):
        held[(rows[2] == speaker).nonzero()[::EACH]] = True
    x, lengths, speakers = rows
    parts: dict[Part, Rows] = {
        "training": (x[~held], lengths[~held], speakers[~held]),
        "validation": (x[held], lengths[held], speakers[held]),
        "test": test,
    }
    share = torch.bincount(test[2]).max() / len(test[2])
    return Task(
        name="vowels",
        summary="who of nine said it",
        source="Kudo, Toyama & Shimbo 1999",
        length=rows[0].shape[1],
        input_size=rows[0].shape[2],
        output_size=len(learned.classes),
        asks="last",
        measure=Classes(),
        criterion=Criterion("none"),
        baseline=1 - float(share),
        baseline_text="always telling the same speaker",
        settings=TaskSettings(),
        sample=partial(_sample, parts),
        sizes={part: len(r[2]) for part, r in parts.items()},
    )


def _rows(sequences: Sequences, mean: np.ndarray, deviation: np.ndarray, classes: tuple[str, ...]) -> Rows:
    lengths = torch.tensor(sequences.lengths)
    x = torch.zeros(len(lengths), int(lengths.max()), len(mean))
    for row, values in zip(x, sequences.values, strict=True):
        row[: len(values)] = torch.tensor((values - mean) / deviation)
    return x, lengths, torch.tensor([classes.index(label) for label in sequences.labels or ()])


def _sample(parts: dict[Part, Rows], seed: int, part: Part, number: int, sequences: int) -> Batch:
    x, lengths, speakers = parts[part]
    rows = rows_of(seed, part, number, sequences, len(speakers))
    return Batch(x[rows], speakers[rows], lengths[rows])
