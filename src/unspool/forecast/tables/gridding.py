"""Ascending times laid on the grid of a frequency, and where they do not fit on it."""

from dataclasses import dataclass

import numpy as np

from unspool.errors import DataError
from unspool.forecast.tables.every import describe
from unspool.forecast.tables.frequency import Frequency
from unspool.forecast.tables.inference import month_steps, noise, within
from unspool.forecast.tables.origin import Origin
from unspool.forecast.tables.times import TimeStyle
from unspool.forecast.tables.zones import to_local

KINDS = {"integer": "whole numbers", "decimal": "decimal numbers", "datetime": "dates or datetimes"}

_HOUR = np.timedelta64(1, "h")

_SHORTEST = 3
"""A stretch of another frequency has at least so many steps."""

_SHORTEST_OF_TWO = 12
"""… and so many where every second row is absent, which chance and habit bring about more easily."""

_CHANCE = 1e-6
"""A stretch counts if fewer than so many are to be expected among rows that are absent at random."""

_CHANCE_OF_MONTHS = 1e-2
"""The same for months among days: they differ in length, so rows absent at random never look like them."""


@dataclass(frozen=True)
class Stretch:
    """Rows `first` to `last` (in the order of the times) that have a frequency of their own."""

    first: int
    last: int
    name: str


def positions(frequency: Frequency, times: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The place of each time on its series' grid (0 for the first), and whether it lies on it: [n] int64, [n] bool."""
    counts = np.diff(np.append(starts, len(times)))
    index = frequency.index(times)
    apart = index - np.repeat(index[starts], counts)
    first = np.repeat(times[starts], counts)
    exact = frequency.at(index, first)
    if frequency.unit == "decimal":
        near = np.abs(exact - times) <= noise(frequency) * frequency.step
        near[1:] &= (np.diff(index) > 0) | ~within(len(times), starts)
    elif frequency.zone is not None:
        # clocks put forward or back at this very time of day
        near = np.abs(exact - times) <= (_HOUR if frequency.unit != "microsecond" else np.timedelta64(0))
    else:
        near = exact == times
    return apart // frequency.stride, near & (apart % frequency.stride == 0)


def check_kind(style: TimeStyle, name: str, where: Origin, frequency: Frequency) -> None:
    """Raises `DataError` where times are not of the kind, or have not the zone, of those the frequency is of."""
    kind = frequency.unit if frequency.unit in ("integer", "decimal") else "datetime"
    if kind != style.kind:
        raise DataError(
            f"{where.table()}: time {name!r} is {KINDS[style.kind]}, not {KINDS[kind]}",
            hint="write the times as in the table that the model was fitted on",
        )
    if (frequency.zone is None) != (style.zone is None):
        has, had = ("has no zone", "has one") if style.zone is None else ("has a zone", "has none")
        raise DataError(
            f"{where.table()}: time {name!r} {has}, its frequency {had} ({frequency.name})",
            hint="write the times as in the table that the model was fitted on",
        )


def lengths(place: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """[N] the length of each series' grid, from the places of its rows."""
    return place[np.append(starts[1:], len(place)) - 1] + 1


def odd_row(near: np.ndarray, starts: np.ndarray) -> int | None:
    """The first row off its grid, or the first of its series where most of the others are off; None if all fit."""
    off = np.flatnonzero(~near)
    if len(off) == 0:
        return None
    series = int(np.searchsorted(starts, off[0], side="right")) - 1
    stop = starts[series + 1] if series + 1 < len(starts) else len(near)
    return int(starts[series]) if (~near[starts[series] : stop]).mean() > 0.5 else int(off[0])


def other_frequency(frequency: Frequency, place: np.ndarray, times: np.ndarray, starts: np.ndarray) -> Stretch | None:
    """The first stretch whose times keep a wider distance than the step: months in days, hours in minutes.

    A stretch must be too long to be chance: of n distances, a share p has its width elsewhere, or would have it if
    as many rows were absent at random as elsewhere; so n·pᴸ stretches of L are to be expected.
    """
    inside = within(len(times), starts)
    steps = np.where(inside, np.diff(place), 0)
    if steps.max(initial=0) < 2:
        return None
    width = steps
    if frequency.unit in ("day", "business day"):
        monthly = month_steps(to_local(times, frequency.zone))
        # months differ in days: as minus their months they are alike
        width = np.where(inside & (monthly > 0) & (steps > 1), -monthly, steps)
    begin = np.flatnonzero(np.append(True, width[1:] != width[:-1]))
    length = np.diff(np.append(begin, len(width)))
    likely = _expected(width, steps, begin, length, int(inside.sum()))
    months, kind = width[begin] < 0, width[begin]
    long = np.where(kind == 2, length >= _SHORTEST_OF_TWO, (length >= _SHORTEST) & (kind != 0) & (kind != 1))
    found = np.flatnonzero(long & (likely < np.where(months, _CHANCE_OF_MONTHS, _CHANCE)))
    if len(found) == 0:
        return None
    at, count = int(begin[found[0]]), int(width[begin[found[0]]])
    name = describe("month", -count) if count < 0 else describe(frequency.unit, count * frequency.step)
    return Stretch(at, at + int(length[found[0]]), name)


def _expected(width: np.ndarray, steps: np.ndarray, begin: np.ndarray, length: np.ndarray, total: int) -> np.ndarray:
    """How many stretches as long as each are to be expected by chance."""
    _, inverse, counts = np.unique(width, return_inverse=True, return_counts=True)
    others = np.maximum(total - length, 0)
    share = (counts[inverse][begin] - length + 1) / (others + 1)
    inside = np.add.reduceat(steps, begin)
    absent = 1 - others / np.maximum(steps.sum() - inside, 1)
    wide = np.maximum(width[begin], 1).astype(float)
    at_random = np.where(width[begin] < 0, 0, (1 - absent) * absent ** (wide - 1))
    return total * np.maximum(share, at_random) ** length
