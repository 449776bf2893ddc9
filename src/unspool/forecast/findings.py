"""What was found in the data, said by series, number and time."""

import numpy as np

from unspool.forecast.frequency import Frequency
from unspool.forecast.panel import Finding
from unspool.forecast.times import TimeStyle

ENOUGH = 3
"""A series needs so many values to be one."""


def holes(
    kind: str, absent: np.ndarray, series: str, times: np.ndarray, frequency: Frequency, style: TimeStyle
) -> Finding:
    """The finding that some steps of a series have no row ("gap") or a row without a value ("missing").

    Args:
        kind: "gap" or "missing".
        absent: [n] bool, true somewhere.
        series: its name.
        times: [n] its grid.
        frequency: its frequency.
        style: how to write times.
    """
    edges = np.diff(np.concatenate([[0], absent.astype(np.int8), [0]]))
    begin, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    longest = int((end - begin).argmax())
    run = int(end[longest] - begin[longest])
    first, widest = style.labels(times[[begin[0], begin[longest]]])
    count = int(absent.sum())
    what = "row" if kind == "gap" else "value"
    where = f"first: {first}" if count > 1 else first
    if run > 1:
        where += f", longest run {run} {frequency.noun}s from {widest}"
    have = "have" if count > 1 else "has"
    return Finding(kind, series, f"{series}: {count} of {len(absent)} {frequency.noun}s {have} no {what} ({where})")


def defect(values: np.ndarray) -> tuple[str, str] | None:
    """Why a series cannot be forecast, as (kind, words); None if it can."""
    seen = values[~np.isnan(values)]
    if len(seen) == 0:
        return "missing", "has no value at all"
    if len(seen) < ENOUGH:
        return "short", f"has {len(seen)} value{'s' if len(seen) > 1 else ''}, {ENOUGH} are needed"
    if (seen == seen[0]).all():
        return "constant", f"is constant ({seen[0]:g})"
    return None
