"""Rows of 1997 and their successors: embedded Reber grammar, adding, copy memory."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.reproductions.row import AllSolved, ErrorBelow, Row, task_row
from unspool.tasks import Task, find_task


def _made(name: str, length: int | None = None) -> Callable[[Path | None], Task]:
    return lambda data: find_task(name, length=length)


_REBER = find_task("reber").settings
_ADDING = find_task("adding").settings
_PUBLISHED = {100: 74_000, 500: 209_000, 1000: 853_000}

REBER: tuple[Row, ...] = (
    task_row(
        "reber-lstm",
        "embedded Reber, LSTM",
        _made("reber"),
        _REBER,
        seeds=20,
        aim="18 of 20 solved, median at most 8,440 sequences",
        is_met=AllSolved(8440, 0.9),
    ),
    task_row(
        "reber-elman",
        "embedded Reber, Elman",
        _made("reber"),
        replace(_REBER, cell="elman", start="orthogonal", sequences=30_000),
        seeds=20,
        aim="beside it: none solved in the paper",
        is_met=lambda records: True,
        published="0 %, more than 200,000 sequences",
    ),
)

ADDING: tuple[Row, ...] = tuple(
    task_row(
        f"adding-{length}",
        f"adding (1997), T = {length}, LSTM",
        _made("adding", length),
        replace(_ADDING, sequences=2 * published),
        seeds=3,
        aim=f"all solved, median at most {published:,} sequences",
        is_met=AllSolved(published),
    )
    for length, published in _PUBLISHED.items()
)

_MODERN = find_task("adding-modern").settings
MODERN: tuple[Row, ...] = tuple(
    task_row(
        f"adding-modern-2000-{settings.cell}",
        f"adding (modern), T = 2000, {settings.cell}",
        _made("adding-modern", 2000),
        settings,
        seeds=1,
        aim="MSE below .01",
        is_met=ErrorBelow(0.01),
        published="solved by coRNN and LEM (their papers' curves)",
    )
    for settings in (
        _MODERN,
        replace(_MODERN, cell="lstm", hidden_size=32),
    )
)

COPY: tuple[Row, ...] = (
    task_row(
        "copy-1000-elman-linear",
        "copy memory, T = 1000, linear units, orthogonal start",
        _made("copy-memory", 1000),
        replace(find_task("copy-memory").settings, learning_rate=5e-4),
        seeds=1,
        aim="cross-entropy below .002; baseline .0204",
        is_met=ErrorBelow(0.002),
    ),
)

ROWS = (*REBER, *ADDING, *MODERN, *COPY)
