"""From a table to a panel: columns, values, times, order, frequency, grid, findings.

Everything is done on whole columns; only series with something to say are looked at one by one.
"""

import re
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, Literal

import numpy as np
import polars as pl

from unspool.errors import DataError, SettingError
from unspool.forecast.every import read_every
from unspool.forecast.findings import defect, holes
from unspool.forecast.frames import choose_columns, open_frame, take
from unspool.forecast.frequency import Frequency, fixed, integers
from unspool.forecast.gridding import odd_row, other_frequency, positions
from unspool.forecast.inference import fit, infer, within
from unspool.forecast.origin import Origin
from unspool.forecast.panel import Columns, Finding, Panel, Series
from unspool.forecast.table import open_table
from unspool.forecast.timecolumn import read_times
from unspool.forecast.times import ISO_DATE, TimeStyle
from unspool.forecast.timetext import Reading
from unspool.forecast.values import missing_to_null, read_numbers

_SPARSE = 50
"""A grid may have so many times more points than the table has rows."""


@dataclass(frozen=True)
class _Rows:
    """The table's rows sorted by series, in file order within each.

    Attributes:
        names: [N] series names, in natural order.
        starts: [N] first row of each series.
        order: [n] row of the table.
        times: [n].
        values: [n] float64.
    """

    names: list[str]
    starts: np.ndarray
    order: np.ndarray
    times: np.ndarray
    values: np.ndarray
    columns: Columns
    style: TimeStyle
    where: Origin

    def at(self, k: int) -> str:
        return self.where.at(int(self.order[k]))

    def place(self, k: int) -> str:
        return self.where.place(int(self.order[k]))

    def label(self, k: int) -> str:
        return repr(self.style.labels(self.times[[k]])[0])

    def of(self, k: int) -> str:
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


def panel_from_file(path: str | PathLike[str], **options: Any) -> Panel:
    """The panel of a CSV or Parquet file; errors name the file's lines. Options as for `panel_from_frame`."""
    table = open_table(path)
    return panel_from_frame(table.frame, origin=table.origin, **options)


def panel_from_frame(
    frame: Any,
    *,
    target: str = "y",
    time: str = "ds",
    series: str | None = "unique_id",
    frequency: str | None = None,
    season_length: int | None = None,
    on_bad_series: Literal["error", "skip"] = "error",
    origin: Origin | None = None,
) -> Panel:
    """The panel of a table in long form: a row for each series and time.

    Args:
        frame: a pandas, polars or pyarrow table.
        target: the column of values to forecast.
        time: the column of times, ascending within each series.
        series: the column that tells the series apart; the default may be absent, then the table is one series.
        frequency: the step ("1h", "1d", "1bd", "1mo", …); inferred where it is not given.
        season_length: steps in a season, where the frequency's usual one is not meant.
        on_bad_series: "skip" leaves out series that are constant, empty or too short, and says so in the findings.
        origin: where the rows came from, for errors.

    Raises:
        DataError: a column, a value, a time or a series is not usable; the message says which and where.
        SettingError: an option has no meaning here.
    """
    where = origin or Origin()
    if on_bad_series not in ("error", "skip"):
        raise SettingError(f"on_bad_series is {on_bad_series!r}", hint="write 'error' or 'skip'")
    if season_length is not None and season_length < 1:
        raise SettingError(f"season_length is {season_length}", hint="a season has at least 1 step")
    rows = _sorted_rows(frame, target, time, series, where)
    _check_order(rows)
    grid = _frequency(rows, frequency)
    rows = replace(rows, style=_clear(rows.style, grid))
    if season_length is not None:
        grid = replace(grid, season_length=season_length)
    place = _check_grid(rows, grid, given=frequency is not None)
    return _assemble(rows, grid, place, on_bad_series)


def _sorted_rows(frame: Any, target: str, time: str, series: str | None, where: Origin) -> _Rows:
    table = open_frame(frame, where)
    columns = choose_columns([str(name) for name in table.columns], target, time, series, where)
    ids = None if columns.series is None else _ids(take(table, columns.series, where)[0], where, columns.series)
    values = read_numbers(
        take(table, columns.target, where)[0], where, f"target {target!r}", None if ids is None else ids
    )
    raw, zone = take(table, columns.time, where)
    readings = read_times(raw, zone, where, time)
    if ids is None:
        names, order, starts = [target], np.arange(len(values)), np.zeros(1, np.int64)
    else:
        names = sorted(ids.unique().to_list(), key=_natural)
        codes = ids.replace_strict(names, list(range(len(names))), return_dtype=pl.Int64).to_numpy()
        order = np.argsort(codes, kind="stable")
        starts = np.searchsorted(codes[order], np.arange(len(names)))
    reading = _decide(readings, order, starts, where, time, raw)
    return _Rows(names, starts, order, reading.times[order], values[order], columns, reading.style, where)


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
    """The one reading, or of day-first and month-first the only one that makes the times regular."""
    if len(readings) == 1:
        return readings[0]
    regular = [reading for reading in readings if _is_regular(reading.times[order], starts)]
    if len(regular) == 1:
        return regular[0]
    row = int(np.flatnonzero(readings[0].times != readings[1].times)[0])
    raise DataError(
        f"{where.at(row)}: time {name!r} is ambiguous: {str(raw[row])!r} could be day first or month first",
        hint="write dates as year-month-day, like 2024-05-31",
    )


def _is_regular(times: np.ndarray, starts: np.ndarray) -> bool:
    inside = within(len(times), starts)
    if (np.diff(times)[inside] <= np.timedelta64(0)).any():
        return False
    frequency = infer(times, starts, None)
    if frequency is None:
        return False
    place, near = positions(frequency, times, starts)
    return bool(near.all()) and float((np.diff(place)[inside] == 1).mean()) >= 0.9


def _check_order(rows: _Rows) -> None:
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


def _frequency(rows: _Rows, given: str | None) -> Frequency:
    if given is not None:
        unit, step = read_every(given)
        found = fit(unit, step, rows.times, rows.style.zone)
        if found is None:
            kinds = {"integer": "whole numbers", "decimal": "decimal numbers"}
            raise SettingError(
                f"frequency {given!r} does not fit times that are {kinds.get(rows.style.kind, 'dates')}",
                hint="leave the frequency out to have it inferred",
            )
        return found
    found = infer(rows.times, rows.starts, rows.style.zone)
    # single rows have no step; their series will be refused as too short, so any will do
    return found or (fixed(1) if rows.style.kind == "datetime" else integers())


def _clear(style: TimeStyle, frequency: Frequency) -> TimeStyle:
    """Datetimes that are all midnights of days or months are written as dates."""
    if style.column == "datetime" and style.zone is None and frequency.unit != "microsecond" and "T" in style.pattern:
        return style
    return style


def _check_grid(rows: _Rows, frequency: Frequency, given: bool) -> np.ndarray:
    place, near = positions(frequency, rows.times, rows.starts)
    k = odd_row(near, rows.starts)
    if k is not None:
        raise DataError(
            f"{rows.at(k)}: time {rows.label(k)}{rows.of(k)} is off the grid: the times are "
            f"{'to be' if given else 'mostly'} {frequency.name}{rows.several(np.flatnonzero(~near))}",
            hint="mend the time, or give a frequency that fits all rows with --frequency (1h, 1d, 1mo, …)",
        )
    stretch = None if given else other_frequency(frequency, place, rows.times, rows.starts)
    if stretch is not None:
        raise DataError(
            f"{rows.at(stretch.first)} to {rows.place(stretch.last)}: the times{rows.of(stretch.first)} are "
            f"{stretch.name} here, elsewhere {frequency.name}",
            hint=f"bring all rows to one frequency; --frequency {frequency.every} takes them as they are, with gaps",
        )
    counts = np.diff(np.append(rows.starts, len(place)))
    points = int((place[rows.starts + counts - 1] + 1).sum())
    if points > _SPARSE * len(place) + 1000:
        k = int(np.diff(place).argmax()) + 1
        raise DataError(
            f"{rows.at(k)}: time {rows.label(k)}{rows.of(k)} is {place[k] - place[k - 1]} steps after "
            f"{rows.label(k - 1)} in {rows.place(k - 1)}: the times are {frequency.name}",
            hint="mend the time, or give a wider step with --frequency",
        )
    return place


def _assemble(rows: _Rows, frequency: Frequency, place: np.ndarray, on_bad: str) -> Panel:
    counts = np.diff(np.append(rows.starts, len(place)))
    sizes = place[rows.starts + counts - 1] + 1
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    values, there = np.full(offsets[-1], np.nan), np.zeros(offsets[-1], bool)
    flat = np.repeat(offsets[:-1], counts) + place
    values[flat], there[flat] = rows.values, True
    index = np.repeat(frequency.index(rows.times[rows.starts]), sizes)
    index += (np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)) * frequency.stride
    times = frequency.at(index, np.repeat(rows.times[rows.starts], sizes))
    kept: list[Series] = []
    findings: list[Finding] = []
    bad: list[Finding] = []
    for k, name in enumerate(rows.names):
        part = slice(offsets[k], offsets[k + 1])
        if (wrong := defect(values[part])) is not None:
            bad.append(Finding(wrong[0], name, f"{name!r} {wrong[1]}"))
            continue
        kept.append(Series(name, times[part], values[part]))
        gap = ~there[part]
        for kind, absent in (("gap", gap), ("missing", np.isnan(values[part]) & ~gap)):
            if absent.any():
                findings.append(holes(kind, absent, name, times[part], frequency, rows.style))
    _judge(bad, kept, on_bad, rows.where)
    findings += [Finding("skipped", one.series, f"{one.message}: left out") for one in bad]
    return Panel(tuple(kept), frequency, rows.columns, tuple(findings), rows.style)


def _judge(bad: list[Finding], kept: list[Series], on_bad: str, where: Origin) -> None:
    if not bad or (kept and on_bad == "skip"):
        return
    said = "; ".join(one.message for one in bad[:5]) + (f"; and {len(bad) - 5} more" if len(bad) > 5 else "")
    if len(bad) == 1 and not kept:
        raise DataError(f"{where.table()}: series {said}", hint="a forecast needs a series whose values vary")
    if not kept:
        raise DataError(f"{where.table()}: none of {len(bad)} series can be used: {said}")
    raise DataError(
        f"{where.table()}: {len(bad)} of {len(bad) + len(kept)} series cannot be used: {said}",
        hint="mend them, or leave them out with --skip-bad-series (in Python: on_bad_series='skip')",
    )
