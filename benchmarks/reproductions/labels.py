"""Rows of classification: who speaks two Japanese vowels."""

import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.reproductions.row import ErrorBelow, Record, Row
from unspool.classify import Options, read_sequences, run_job
from unspool.errors import DataError
from unspool.train import Callback

FOLDER = "tsc"
"""Under --data."""

WRONG = 0.03
"""Share: an accuracy of at least .97."""


def _vowels(seed: int, data: Path | None, callbacks: Sequence[Callback]) -> Record:
    files = [] if data is None else [data / FOLDER / f"JapaneseVowels_{part}.ts.gz" for part in ("TRAIN", "TEST")]
    if not files or not all(f.is_file() for f in files):
        raise DataError(f"{FOLDER}/JapaneseVowels is not there", hint="give the folder that holds tsc/ by --data")
    wall, cpu = time.perf_counter(), time.process_time()
    train, test = (read_sequences(f) for f in files)
    run = run_job(train, Options(seed=seed), test, callbacks=callbacks)
    wrong = 1 - run.metrics["overall"]["unspool"]["accuracy"]
    return {
        "settings": {},
        "seed": seed,
        "solved": wrong <= WRONG,
        "stopped": "finished",
        "error": wrong,
        "sequences": len(train.labels),
        "seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
    }


ROWS: tuple[Row, ...] = (
    Row(
        "japanese-vowels",
        "Japanese vowels, the command's defaults",
        "accuracy .96–.99 of good methods",
        "accuracy at least .97",
        ErrorBelow(WRONG + 1e-9),
        3,
        {},
        "share wrong",
        _vowels,
    ),
)
