"""Finished runs, a line of JSON each, added as soon as they are done; one that is done again replaces the older one."""

import json
import math
from pathlib import Path
from typing import final

from benchmarks.cells.run import Record
from benchmarks.cells.trials import LAST_RATE, RATES, TRIALS
from unspool.errors import DataError

RESULTS = Path(__file__).with_name("results.jsonl")
"""The runs that docs/choosing-a-cell.md tells of."""


@final
class Store:
    """The runs in a file, by cell, task, seed and rate; only those with a task's present settings can be had.

    Args:
        path: of the file; where there is none, nothing has been run.

    Raises:
        DataError: the file is none of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._runs: dict[tuple[str, str, int, float], Record] = {}
        try:
            # A last line without an end was being written when a run was killed.
            whole = (path.read_text(encoding="utf-8") if path.exists() else "").rpartition("\n")[0]
            for record in map(json.loads, whole.splitlines()):
                self._keep(record)
        except (OSError, ValueError, TypeError, KeyError):
            raise DataError(f"'{path}' is no file of runs", hint="name another file by --out") from None

    def find(self, cell: str, task: str, seed: int, rate: float) -> Record | None:
        """A run."""
        record = self._runs.get((cell, task, seed, rate))
        return record if record is not None and record["settings"] == TRIALS[task].settings else None

    def cells(self) -> list[str]:
        """The cells that have a run, by name."""
        return sorted({cell for cell, task, seed, rate in self._runs if self.find(cell, task, seed, rate)})

    def rate(self, cell: str, task: str) -> float | None:
        """Of those that seed 0 was trained with the one of the lowest validation loss; None where there is none."""
        tried = [r for rate in (*RATES, LAST_RATE) if (r := self.find(cell, task, 0, rate))]
        losses = {r["rate"]: math.inf if r["validation"] is None else r["validation"] for r in tried}
        return min(losses, key=lambda rate: losses[rate], default=None)

    def broke_down(self, cell: str, task: str) -> bool:
        """Whether training did with seed 0 and each of `RATES`."""
        return all((r := self.find(cell, task, 0, rate)) and r["score"] is None for rate in RATES)

    def chosen(self, cell: str, task: str) -> list[Record]:
        """The runs with that rate, by seed."""
        rate = self.rate(cell, task)
        seeds = sorted(seed for c, t, seed, r in self._runs if (c, t, r) == (cell, task, rate))
        return [r for seed in seeds if rate is not None and (r := self.find(cell, task, seed, rate))]

    def add(self, record: Record) -> None:
        """Keep a run, on disk too."""
        self._keep(record)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        before = self.path.read_bytes() if self.path.exists() else b""
        with self.path.open("ab") as file:
            file.truncate(before.rfind(b"\n") + 1)
            file.write(json.dumps(record, allow_nan=False).encode() + b"\n")

    def _keep(self, record: Record) -> None:
        if record["task"] in TRIALS:
            self._runs[record["cell"], record["task"], record["seed"], record["rate"]] = record
