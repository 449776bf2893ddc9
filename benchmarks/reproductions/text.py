"""Rows of text: tiny Shakespeare, 95 % learned and 5 % held back, with several cells."""

import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.reproductions.row import ErrorBelow, Record, Row
from unspool.errors import DataError
from unspool.text import TextModel
from unspool.train import Callback

FILE = Path("tinyshakespeare") / "input.txt"
"""Under --data."""

NATS = 1.55
CELLS = ("lstm", "gru", "slstm", "lstm_layernorm")


def _row(cell: str) -> Row:
    settings = {"cell": cell, "hidden_size": 128, "num_layers": 2}

    def run(seed: int, data: Path | None, callbacks: Sequence[Callback]) -> Record:
        file = None if data is None else data / FILE
        if file is None or not file.is_file():
            raise DataError(f"'{FILE}' is not there", hint="give the folder that holds it by --data")
        wall, cpu = time.perf_counter(), time.process_time()
        model = TextModel(**settings, seed=seed).train_file(file, callbacks)
        fitted = model.fitted_
        return {
            "settings": settings,
            "seed": seed,
            "solved": fitted.valid_nats <= NATS,
            "stopped": fitted.stopped,
            "error": fitted.valid_nats,
            "sequences": fitted.symbols[0],
            "seconds": round(time.perf_counter() - wall, 2),
            "cpu_seconds": round(time.process_time() - cpu, 2),
        }

    return Row(
        f"tinyshakespeare-{cell}",
        f"tiny Shakespeare, 2 × 128 {cell}",
        "1.4–1.5 nats is plausible" if cell == "lstm" else "",
        f"at most {NATS} nats per character, in at most 30 minutes",
        ErrorBelow(NATS),
        1,
        settings,
        "nats per character",
        run,
    )


ROWS: tuple[Row, ...] = tuple(map(_row, CELLS))
