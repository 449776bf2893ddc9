"""The five tasks, and how networks are trained on them: for every cell alike."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.cells.vowels import vowels
from benchmarks.cells.windows import windows
from unspool.errors import SettingError
from unspool.tasks import Task, find_task

VERSION = 1
"""Raised when anything else changes that decides a score: a task, how the network is built, how it is trained."""
BUDGET = 10_000
"""Parameters of the recurrent layers and the readout together, at most."""
RATES = (1e-2, 3e-3)
"""Adam's peak rates: each cell takes on each task the one that has the lowest validation loss with seed 0."""
LAST_RATE = 1e-3
"""What is tried where training broke down with all of them."""
CLIP = 1.0
CPU_LIMIT = 90.0
"""CPU seconds after which a training ends, wherever it is."""


@dataclass(frozen=True)
class Trial:
    """A task and the work that goes into it.

    Attributes:
        name: for --tasks.
        title: of the table's column.
        find: data folder → task; raises a SettingError where it needs one and there is none.
        batch_size: sequences per update.
        updates: of the weights. The rate falls to zero along a half cosine.
        held: validation sequences, where there are endlessly many.
        tested: test sequences, likewise.
        in_percent: whether the score is the share of right answers, in %; otherwise it is the task's error.
        baseline: the score of an answer that needs no network.
        grain: scores nearer to each other than about this are taken for equal when cells are ranked.
        decimals: of a score in the table.
    """

    name: str
    title: str
    find: Callable[[Path | None], Task]
    batch_size: int
    updates: int
    held: int
    tested: int
    in_percent: bool
    baseline: float
    grain: float
    decimals: int

    @property
    def settings(self) -> str:
        """A hash of all that decides a score, but for the cell, the seed and the rate."""
        parts = (VERSION, self.name, self.batch_size, self.updates, self.held, self.tested, BUDGET, CLIP)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


TRIALS = {
    t.name: t
    for t in (
        Trial(
            "adding",
            "adding, T = 200: MSE",
            lambda _: find_task("adding-modern", length=200),
            batch_size=16,
            updates=1000,
            held=500,
            tested=2000,
            in_percent=False,
            baseline=1 / 6,
            grain=0.005,
            decimals=4,
        ),
        Trial(
            "copy",
            "copy, T = 100: nats",
            lambda _: find_task("copy-memory", length=100),
            batch_size=16,
            updates=600,
            held=200,
            tested=500,
            in_percent=False,
            baseline=0.1733,
            grain=0.005,
            decimals=3,
        ),
        Trial(
            "digits",
            "digits, 64 steps: % right",
            lambda _: find_task("digits"),
            batch_size=16,
            updates=1000,
            held=300,
            tested=300,
            in_percent=True,
            baseline=10,
            grain=2.0,
            decimals=0,
        ),
        Trial(
            "etth1",
            "ETTh1, 96 → 24: MSE",
            lambda data: windows(_needed(data, "ETTh1")),
            batch_size=64,
            updates=300,
            held=1,
            tested=1,
            in_percent=False,
            baseline=1.24,
            grain=0.02,
            decimals=3,
        ),
        Trial(
            "vowels",
            "vowels: % right",
            lambda data: vowels(_needed(data, "JapaneseVowels")),
            batch_size=16,
            updates=400,
            held=1,
            tested=1,
            in_percent=True,
            baseline=24,
            grain=1.0,
            decimals=1,
        ),
    )
}


def task_of(trial: Trial, data: Path | None) -> Task:
    """The trial's task, read once."""
    return _found(trial.name, data)


@cache
def _found(name: str, data: Path | None) -> Task:
    return TRIALS[name].find(data)


def _needed(data: Path | None, what: str) -> Path:
    if data is None:
        raise SettingError(f"{what} needs data", hint="name the folder that holds ett/ and tsc/ by --data")
    return data
