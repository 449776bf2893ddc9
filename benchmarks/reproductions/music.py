"""Rows of polyphonic music: JSB chorales and Nottingham."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.reproductions.row import ErrorBelow, Row, task_row
from unspool.tasks import Task, find_task
from unspool.tasks.polyphonic import LSTM, TCN

FOLDER = "polyphonic"
"""Under --data."""


def _read(name: str) -> Callable[[Path | None], Task]:
    return lambda data: find_task(name, data=data and data / FOLDER)


ROWS: tuple[Row, ...] = tuple(
    task_row(
        name,
        f"{title}, LSTM",
        _read(name),
        find_task(name).settings,
        seeds=1,
        aim=f"NLL at most {LSTM[name]:.2f}, of the LSTM; {TCN[name]:.2f}, of the TCN, is further",
        is_met=ErrorBelow(LSTM[name] + 0.005),
    )
    for name, title in (("jsb-chorales", "JSB chorales"), ("nottingham", "Nottingham"))
)
