"""The rows of a table, read and sorted by series, each still knowing where it came from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from unspool.errors import DataError
from unspool.forecast.tables.covariates import Asked, Read, read_covariates
from unspool.forecast.tables.frames import choose_columns, open_frame, take
from unspool.forecast.tables.gridding import lengths, positions
from unspool.forecast.tables.inference import infer, within
from unspool.forecast.tables.origin import Origin
from unspool.forecast.tables.panel import Columns, Covariate
from unspool.forecast.tables.timecolumn import read_times
from unspool.forecast.tables.times import TimeStyle
from unspool.forecast.tables.timetext import Reading
from unspool.forecast.tables.values import read_numbers


@dataclass(frozen=True)
class Rows:
    """The table's rows sorted by series, in file order within each.

    Attributes:
        names: [N] series names, in natural order.
        starts: [N] first row of each series.
        order: [n] row of the table.
        times: [n].
        values: [n] float64.
        columns: the names of the columns.
        style: how times are written.
        where: where the table came from.
        beside: the covariates, [n, C] in the same order.
    """

    names: list[str]
    starts: np.ndarray
    order: np.ndarray
    times: np.ndarray
    values: np.ndarray
    columns: Columns
    style: TimeStyle
    where: Origin
    beside: Read = field(default_factory=Read)

    # what errors say of row k, a place in the sorted order

    def at(self, k: int) -> str:
        """`sales.csv, line 18`."""
        return self.where.at(int(self.order[k]))

    def span(self, first: int, last: int) -> str:
        """`sales.csv, lines 18 to 25`."""
        return self.where.span(int(self.order[first]), int(self.order[last]))

    def place(self, k: int) -> str:
        """`line 18`."""
        return self.where.place(int(self.order[k]))

    def label(self, k: int) -> str:
        """Its time, quoted."""
        return repr(self.style.labels(self.times[[k]])[0])

    def of(self, k: int) -> str:
        """` of series 'A'`; nothing where the table is one series."""
        if self.columns.series is None:
            return ""
        return f" of series {self.names[int(np.searchsorted(self.starts, k, side='right')) - 1]!r}"

    def several(self, rows: np.ndarray) -> str:
        """How much else is wrong in the same way as the first of these rows."""
        if len(rows) < 2:
            return ""
        series = np.unique(np.searchsorted(self.starts, rows, side="right"))
        where = f" in {len(series)} series" if len(series) > 1 else ""
        return f" (and {len(rows) - 1} more such row{'s' if len(rows) > 2 else ''}{where})"


def read_rows(
    frame: Any,
    target: str | None,
    time: str,
    series: str | None,
    where: Origin,
    wanted: Sequence[Asked] = (),
    style: TimeStyle | None = None,
) -> Rows:
    """The rows of a pandas, polars or pyarrow table; raises `DataError` where a column, value or time is not usable.

    Args:
        frame: the table.
        target: the column of values; None where there is none, as in a table of the future.
        time: the column of times.
        series: the column that tells series apart.
        where: where the table came from.
        wanted: covariates.
        style: how times are written in the table that goes before, for dates that could be read in two ways.
    """
    table = open_frame(frame, where)
    columns = choose_columns([str(name) for name in table.columns], target, time, series, where)
    ids = None if columns.series is None else _ids(take(table, columns.series, where)[0], where, columns.series)
    if target is None:
        values = np.full(table.shape[0], np.nan)
    else:
        values = read_numbers(take(table, columns.target, where)[0], where, f"target {columns.target!r}", ids)
    taken = [name for name in (columns.series, columns.time, columns.target) if name]
    beside = read_covariates(table, wanted, where, ids, taken)
    raw, zone = take(table, columns.time, where)
    readings = read_times(raw, zone, where, columns.time)
    readings = [each for each in readings if style and each.style.pattern == style.pattern] or readings
    if ids is None:
        names, order, starts = [columns.target], np.arange(len(values)), np.zeros(1, np.int64)
    else:
        names = sorted(ids.unique().to_list(), key=_natural)
        codes = ids.replace_strict(names, list(range(len(names))), return_dtype=pl.Int64).to_numpy()
        order = np.argsort(codes, kind="stable")
        starts = np.searchsorted(codes[order], np.arange(len(names)))
    reading = _decide(readings, order, starts, where, columns.time, raw)
    times, beside = reading.times[order], beside.ordered(order)
    return Rows(names, starts, order, times, values[order], columns, reading.style, where, beside)


def _ids(column: pl.Series, where: Origin, name: str) -> pl.Series:
    text = column.cast(pl.String).str.strip_chars()
    absent = (text.is_null() | (text == "")).arg_true()
    if len(absent):
        raise DataError(
            f"{where.at(int(absent[0]))}: series {name!r} is empty", hint="give every row the name of its series"
        )
    return text


def _natural(name: str) -> tuple[Any, ...]:
    """H2 before H10."""
    parts = re.split(r"([0-9]+)", name)
    return tuple(int(part) if k % 2 else part for k, part in enumerate(parts)), name


def _decide(
    readings: list[Reading], order: np.ndarray, starts: np.ndarray, where: Origin, name: str, raw: pl.Series
) -> Reading:
    """The one reading, or that of day-first and month-first which leaves far fewer gaps."""
    if len(readings) == 1:
        return readings[0]
    # by the values alone both can be; but 1/2, 1/3, 1/4 are either three days or three months
    density = [_density(reading.times[order], starts) for reading in readings]
    best = int(np.argmax(density))
    if density[best] > 2 * min(density):
        return readings[best]
    row = int(np.flatnonzero(readings[0].times != readings[1].times)[0])
    raise DataError(
        f"{where.at(row)}: time {name!r} is ambiguous: {str(raw[row])!r} could be day first or month first",
        hint="write dates as year-month-day, like 2024-05-31",
    )


def _density(times: np.ndarray, starts: np.ndarray) -> float:
    """How many of the grid's points have a row, by these times; 0 where they are not sorted or fit no grid."""
    inside = within(len(times), starts)
    frequency = None if (np.diff(times)[inside] <= np.timedelta64(0)).any() else infer(times, starts, None)
    if frequency is None:
        return 0.0
    place, near = positions(frequency, times, starts)
    return len(times) / lengths(place, starts).sum() if near.all() else 0.0


def check_order(rows: Rows) -> None:
    """Raises `DataError` where a time is not after the one before it in its series."""
    inside = within(len(rows.times), rows.starts)
    forward, same = rows.times[1:] > rows.times[:-1], rows.times[1:] == rows.times[:-1]
    time, one = rows.columns.time, rows.columns.series is None
    apart = "; if the table holds several series, name the column that tells them apart with --series" if one else ""
    back = np.flatnonzero(inside & ~forward & ~same) + 1
    if len(back):
        k = int(back[0])
        raise DataError(
            f"{rows.at(k)}: time {rows.label(k)}{rows.of(k)} comes after {rows.label(k - 1)} in {rows.place(k - 1)}: "
            f"the times are not sorted{rows.several(back)}",
            hint=f"sort the rows by {time!r}{apart}",
        )
    twice = np.flatnonzero(inside & same) + 1
    if len(twice):
        k = int(twice[0])
        raise DataError(
            f"{rows.at(k)}: time {rows.label(k)}{rows.of(k)} is already in {rows.place(k - 1)}{rows.several(twice)}",
            hint=f"keep one row for each time{'' if one else ' and series'}{apart}",
        )


def check_static(rows: Rows) -> None:
    """Raises `DataError` where a static covariate has a second value within a series."""
    series = np.repeat(np.arange(len(rows.starts)), np.diff(np.append(rows.starts, len(rows.times))))
    for one, values in _columns(rows):
        if one.role != "static":
            continue
        there = np.flatnonzero(~np.isnan(values))
        first = np.zeros(len(rows.starts), np.int64)
        first[series[there[::-1]]] = there[::-1]  # the earliest is written last
        odd = there[values[there] != values[first[series[there]]]]
        if len(odd):
            k, before = int(odd[0]), int(first[series[odd[0]]])
            raise DataError(
                f"{rows.at(k)}: static {one.name!r}{rows.of(k)} is {_shown(one, values[k])}, in {rows.place(before)} "
                f"it is {_shown(one, values[before])}{rows.several(odd)}",
                hint="a static covariate has one value for each series; give what changes with --known or --past",
            )


def check_varied(rows: Rows) -> None:
    """Raises `DataError` where a covariate has no value, or the same everywhere: nothing can be learnt from it."""
    for one, values in _columns(rows):
        seen = values[~np.isnan(values)]
        if len(seen) and (seen != seen[0]).any():
            continue
        what = f"is constant ({_shown(one, seen[0])})" if len(seen) else "has no value at all"
        raise DataError(
            f"{rows.where.table()}: {one.role} {one.name!r} {what}",
            hint="leave it out: nothing can be learnt from it",
        )


def _columns(rows: Rows) -> list[tuple[Covariate, np.ndarray]]:
    values = rows.beside.values
    return [] if values is None else [(one, values[:, k]) for k, one in enumerate(rows.beside.covariates)]


def _shown(one: Covariate, value: float) -> str:
    return f"{value:g}" if one.categories is None else repr(one.categories[int(value)])
