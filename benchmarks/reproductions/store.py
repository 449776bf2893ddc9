"""Finished runs in a JSON file, written anew after each, so that a table that takes days can be interrupted."""

import json
from pathlib import Path
from typing import final

from benchmarks.reproductions.row import Record, Row
from unspool.atomic import write_file
from unspool.errors import DataError

VERSION = 1


@final
class Store:
    """Row → seed → record.

    Args:
        path: of the file; where there is none, nothing has been run.

    Raises:
        DataError: the file is none of ours.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._runs: dict[str, dict[str, Record]] = {}
        if path.exists():
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                content = None
            if not isinstance(content, dict) or content.get("version") != VERSION:
                raise DataError(f"'{path}' is no file of runs", hint="name another file by --out")
            self._runs = content["runs"]

    def find(self, row: Row, seed: int) -> Record | None:
        """The run of a seed, if it has been done with the row's settings."""
        record = self._runs.get(row.name, {}).get(str(seed))
        return record if record is not None and record["settings"] == row.settings else None

    def all_of(self, row: Row) -> list[Record]:
        """The row's finished runs, by seed."""
        seeds = sorted(map(int, self._runs.get(row.name, {})))
        return [record for seed in seeds if (record := self.find(row, seed)) is not None]

    def add(self, row: Row, seed: int, record: Record) -> None:
        """Keep a run, on disk too."""
        self._runs.setdefault(row.name, {})[str(seed)] = record
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content = {"version": VERSION, "runs": self._runs}
        write_file(self._path, json.dumps(content, indent=1, allow_nan=False) + "\n")
