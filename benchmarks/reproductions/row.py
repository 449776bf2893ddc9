"""A row of the table: runs of one experiment with one cell, and what they are to come up to."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from unspool.tasks import Task, TaskSettings, run_task
from unspool.tasks.record import outcome_to_json
from unspool.train import Callback

Record = dict[str, Any]
"""One run as JSON, at least "solved", "error", "sequences", "seconds", "cpu_seconds", "settings"."""

Aim = Callable[[Sequence[Record]], bool]


@dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
        name: for --only and in the file of runs.
        what: experiment and cell, for a person.
        published: by others.
        aim: what is to be reached, in words.
        is_met: whether these runs reach it.
        seeds: how many runs, from seed 0 on. Settings were chosen with seeds from 1,000 on.
        settings: how the network is trained; a run with others is not this row's.
        unit: of the error.
        run: (seed, data folder, callbacks) → record; raises an UnspoolError where the data are missing.
    """

    name: str
    what: str
    published: str
    aim: str
    is_met: Aim
    seeds: int
    settings: dict[str, Any]
    unit: str
    run: Callable[[int, Path | None, Sequence[Callback]], Record]


def task_row(
    name: str,
    what: str,
    find: Callable[[Path | None], Task],
    settings: TaskSettings,
    *,
    seeds: int,
    aim: str,
    is_met: Aim,
    published: str = "",
) -> Row:
    """A row of runs of a task; `find` makes it from the data folder, and without one for what it is called."""
    task = find(None)

    def run(seed: int, data: Path | None, callbacks: Sequence[Callback]) -> Record:
        start = time.process_time()
        record = outcome_to_json(run_task(find(data), settings, seed=seed, callbacks=callbacks))
        return {**record, "cpu_seconds": round(time.process_time() - start, 2)}

    unit = task.measure.unit
    return Row(name, what, published or task.published, aim, is_met, seeds, dict(vars(settings)), unit, run)


@final
@dataclass(frozen=True)
class AllSolved:
    """Every run meets the criterion of its paper, within as many sequences, in the median, where that is given."""

    sequences: float = math.inf
    share: float = 1.0

    def __call__(self, records: Sequence[Record]) -> bool:
        """Whether they do."""
        solved = sum(r["solved"] for r in records)
        return solved >= self.share * len(records) and median_sequences(records) <= self.sequences


@final
@dataclass(frozen=True)
class ErrorBelow:
    """The median error lies below."""

    error: float

    def __call__(self, records: Sequence[Record]) -> bool:
        """Whether it does."""
        return median_error(records) < self.error


def median_sequences(records: Sequence[Record]) -> float:
    """Training sequences until solved; a run that was not counts as infinity."""
    return statistics.median(r["sequences"] if r["solved"] else math.inf for r in records)


def median_error(records: Sequence[Record]) -> float:
    """Test error; one that is not finite counts as infinity."""
    return statistics.median(math.inf if r["error"] is None else r["error"] for r in records)
