"""From a table to a panel: columns, values, times, order, frequency, grid, findings.

Everything is done on whole columns; only series with something to say are looked at one by one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from os import PathLike
from typing import Any, Literal

import numpy as np

from unspool.errors import DataError, SettingError
from unspool.forecast.tables.conventions import long_table
from unspool.forecast.tables.covariates import Asked
from unspool.forecast.tables.every import DAY, MINUTE, read_every
from unspool.forecast.tables.findings import ENOUGH, Hole, defect, say_cold, say_covariates, say_holes
from unspool.forecast.tables.frequency import Frequency, fixed, integers
from unspool.forecast.tables.gridding import KINDS, check_kind, lengths, odd_row, other_frequency, positions
from unspool.forecast.tables.inference import fit, infer, within
from unspool.forecast.tables.origin import Origin
from unspool.forecast.tables.panel import Finding, Panel, Series
from unspool.forecast.tables.rows import Rows, check_order, check_static, check_varied, read_rows
from unspool.forecast.tables.table import open_table
from unspool.forecast.tables.times import ISO_DATE, ISO_DATETIME, TimeStyle
from unspool.forecast.tables.uneven import irregular, own_frequency, own_times_hint, say_gaps

_SPARSE = 50
"""A grid may have so many times more points than the table has rows."""

_MONTHS = "monthly times need the month only (2024-05), the same day of each month, or its last day"


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
    frequency: str | Frequency | None = None,
    season_length: int | None = None,
    on_bad_series: Literal["error", "skip"] = "error",
    uneven: bool | None = False,
    fitted: bool = False,
    covariates: Sequence[Asked] = (),
    origin: Origin | None = None,
) -> Panel:
    """The panel of a table in long form: a row for each series and time.

    Args:
        frame: a pandas, polars or pyarrow table, or the series that `conventions` takes.
        target: the column of values to forecast.
        time: the column of times, ascending within each series.
        series: the column that tells the series apart; the default may be absent, then the table is one series.
        frequency: the step ("1h", "1d", "1bd", "1mo", …), or the whole frequency of another panel; inferred where it
            is not given.
        season_length: steps in a season, where the frequency's usual one is not meant.
        on_bad_series: "skip" leaves out series that are constant, empty or too short, and says so in the findings;
            otherwise the constant and the short are forecast by what the others teach, and an empty one is an error.
        uneven: whether every row stands at its own time, on no grid; None for where the times are irregular and lie
            on no grid or leave most of it empty. `frequency` is then the length of a step, by default the typical gap.
        fitted: whether there is a model, which forecasts any series with a value; covariates may be constant too.
        covariates: columns beside the target.
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
    frame, frequency, where = long_table(frame, frequency, where)
    rows = read_rows(frame, target, time, series, where, covariates)
    check_order(rows)
    check_static(rows)
    if not fitted:
        check_varied(rows)
    if isinstance(frequency, Frequency):
        uneven = frequency.uneven
    if uneven:
        return _at_own_times(rows, frequency, season_length, on_bad_series, fitted)
    seeks = frequency is None and irregular(rows.times, rows.starts)
    try:
        rows, grid, place = _gridded(rows, frequency, season_length)
    except DataError as error:
        if not seeks:
            raise
        if uneven is None:
            return _at_own_times(rows, None, season_length, on_bad_series, fitted)
        raise DataError(error.message, hint=f"{error.hint}; {own_times_hint()}") from None
    if seeks and uneven is None and 2 * len(place) < lengths(place, rows.starts).sum():
        return _at_own_times(rows, None, season_length, on_bad_series, fitted)
    return _assemble(rows, grid, _laid(rows, grid, place), on_bad_series, fitted)


def _gridded(
    rows: Rows, frequency: str | Frequency | None, season_length: int | None
) -> tuple[Rows, Frequency, np.ndarray]:
    """The rows, in a style that can write the frequency's times; the frequency; each row's place on its grid."""
    grid = _frequency(rows, frequency)
    rows = replace(rows, style=_fine_enough(rows.style, grid))
    if season_length is not None:
        grid = replace(grid, season_length=season_length)
    if isinstance(frequency, Frequency):
        _check_step(rows, frequency)
    return rows, grid, _check_grid(rows, grid, given=frequency is not None)


def _at_own_times(
    rows: Rows, given: str | Frequency | None, season_length: int | None, on_bad: str, fitted: bool
) -> Panel:
    """The panel of rows as they stand: nothing is laid on a grid, so no row is absent."""
    if season_length not in (None, 1):
        raise SettingError(
            f"season_length is {season_length}, but rows at uneven times have no season of so many steps",
            hint="leave it out; the calendar of the times is read all the same",
        )
    if isinstance(given, Frequency):
        frequency = _frequency(rows, given)
    else:
        frequency = own_frequency(rows.times, rows.starts, rows.style.zone, given)
    rows = replace(rows, style=_fine_enough(rows.style, frequency))
    offsets, there = np.append(rows.starts, len(rows.times)), np.ones(len(rows.times), bool)
    laid = _Laid(offsets, rows.times, rows.values, there, rows.beside.values)
    panel = _assemble(rows, frequency, laid, on_bad, fitted)
    return replace(panel, findings=(*say_gaps(panel), *panel.findings))


def _frequency(rows: Rows, given: str | Frequency | None) -> Frequency:
    if isinstance(given, Frequency):
        check_kind(rows.style, rows.columns.time, rows.where, given)
        return given
    if given is not None:
        unit, step = read_every(given)
        found = fit(unit, step, rows.times, rows.style.zone)
        if found is None:
            raise SettingError(
                f"frequency {given!r} does not fit times that are {KINDS[rows.style.kind]}",
                hint="leave the frequency out to have it inferred",
            )
        return found
    found = infer(rows.times, rows.starts, rows.style.zone)
    # single rows have no step; their series will be refused as too short, so any will do
    return found or (fixed(1) if rows.style.kind == "datetime" else integers())


def _fine_enough(style: TimeStyle, frequency: Frequency) -> TimeStyle:
    """The style, or a finer one where the frequency that was given is finer than what the table writes."""
    if style.kind == "decimal":
        return replace(style, decimals=max(style.decimals, math.ceil(math.log10(4 / frequency.step))))
    if style.kind != "datetime":
        return style
    clock = "%H" in style.pattern.replace("-", "") or "%I" in style.pattern.replace("-", "")
    whole_days = frequency.uneven and frequency.step % DAY == 0
    if (
        frequency.unit == "microsecond"
        and not whole_days
        and not (clock and ("%S" in style.pattern or frequency.step % MINUTE == 0))
    ):
        return replace(style, pattern=ISO_DATETIME + ("%:z" if style.zone else ""), column="datetime")
    if (whole_days or frequency.unit in ("day", "business day")) and "%d" not in style.pattern.replace("-", ""):
        return replace(style, pattern=ISO_DATE, column="date")
    return style


def _check_step(rows: Rows, frequency: Frequency) -> None:
    """Raises `DataError` where no two rows are one step of a model's frequency apart, or some are off its grid."""
    place, near = positions(frequency, rows.times, rows.starts)
    apart = np.diff(place)[within(len(place), rows.starts)]
    found = infer(rows.times, rows.starts, rows.style.zone)
    if found is None or found.every == frequency.every:
        return
    if not near.all() or (len(apart) > 1 and apart.min() > 1):
        raise DataError(
            f"{rows.where.table()}: the times are {found.name}; the model was fitted on {frequency.name} ones",
            hint="give data of the frequency that the model was fitted on",
        )


def _check_grid(rows: Rows, frequency: Frequency, given: bool) -> np.ndarray:
    place, near = positions(frequency, rows.times, rows.starts)
    k = odd_row(near, rows.starts)
    if k is not None:
        raise DataError(
            f"{rows.at(k)}: time {rows.label(k)}{rows.of(k)} is off the grid: the times "
            f"{'should be' if given else 'are mostly'} {frequency.name}{rows.several(np.flatnonzero(~near))}",
            hint=_MONTHS
            if _looks_monthly(rows, frequency)
            else "mend the time, or give a frequency that fits all rows with --frequency (1h, 1d, 1mo, …)",
        )
    stretch = None if given else other_frequency(frequency, place, rows.times, rows.starts)
    if stretch is not None:
        raise DataError(
            f"{rows.span(stretch.first, stretch.last)}: the times{rows.of(stretch.first)} are "
            f"{stretch.name} here, elsewhere {frequency.name}",
            hint=f"bring all rows to one frequency; --frequency {frequency.every} takes them as they are, with gaps",
        )
    if lengths(place, rows.starts).sum() > _SPARSE * len(place) + 1000:
        k = int(np.diff(place).argmax()) + 1
        raise DataError(
            f"{rows.at(k)}: time {rows.label(k)}{rows.of(k)} is {place[k] - place[k - 1]} steps after "
            f"{rows.label(k - 1)} in {rows.place(k - 1)}: the times are {frequency.name}",
            hint="mend the time, or give a wider step with --frequency",
        )
    return place


def _looks_monthly(rows: Rows, frequency: Frequency) -> bool:
    """Days with the distances of months but not on one day of the month, such as last working days."""
    apart = np.diff(frequency.index(rows.times))[within(len(rows.times), rows.starts)]
    return frequency.unit == "day" and bool(28 <= np.median(apart) <= 32) and bool((apart % 7).any())


@dataclass(frozen=True)
class _Laid:
    """All series end to end: `offsets` [N + 1], times, values, whether the table has a row there, covariates [·, C]."""

    offsets: np.ndarray
    times: np.ndarray
    values: np.ndarray
    there: np.ndarray
    beside: np.ndarray | None


def _laid(rows: Rows, frequency: Frequency, place: np.ndarray) -> _Laid:
    """The rows on their grids, NaN where there is none."""
    counts = np.diff(np.append(rows.starts, len(place)))
    sizes = lengths(place, rows.starts)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    values, there = np.full(offsets[-1], np.nan), np.zeros(offsets[-1], bool)
    flat = np.repeat(offsets[:-1], counts) + place
    values[flat], there[flat] = rows.values, True
    beside = None
    if rows.beside.values is not None:
        beside = np.full((offsets[-1], rows.beside.values.shape[1]), np.nan)
        beside[flat] = rows.beside.values
    index = np.repeat(frequency.index(rows.times[rows.starts]), sizes)
    index += (np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)) * frequency.stride
    return _Laid(offsets, frequency.at(index, np.repeat(rows.times[rows.starts], sizes)), values, there, beside)


def _assemble(rows: Rows, frequency: Frequency, laid: _Laid, on_bad: str, fitted: bool) -> Panel:
    times, values, there = laid.times, laid.values, laid.there
    bounds = laid.offsets.tolist()
    parts = [slice(start, stop) for start, stop in pairwise(bounds)]
    lacking = np.add.reduceat(np.isnan(values), laid.offsets[:-1]) > 0
    kept: list[Series] = []
    holes: list[Hole] = []
    bad, cold = _defects(values, laid.offsets, rows.names, on_bad, fitted)
    left_out = {one.series for one in bad}
    for name, part, lacks in zip(rows.names, parts, lacking.tolist(), strict=True):
        if name in left_out:
            continue
        kept.append(Series(name, times[part], values[part], **_beside(rows, laid, part)))
        if lacks:
            gap = ~there[part]
            found = (("gap", gap), ("missing", np.isnan(values[part]) & ~gap))
            holes += [Hole(kind, name, absent, times[part]) for kind, absent in found if absent.any()]
    _judge(bad, kept, on_bad, rows.where)
    findings = say_holes(holes, frequency, rows.style) + ([] if fitted else say_cold(cold))
    findings += [Finding("skipped", one.series, f"{one.series}: left out, it {one.message}") for one in bad]
    panel = Panel(tuple(kept), frequency, rows.columns, tuple(findings), rows.style, rows.beside.covariates)
    return replace(panel, findings=(*say_covariates(panel), *panel.findings))


def _defects(
    values: np.ndarray, offsets: np.ndarray, names: Sequence[str], on_bad: str, fitted: bool
) -> tuple[list[Finding], list[Finding]]:
    """Why series cannot be forecast; and of those that can by what others teach, what they lack themselves.

    Others are a model that was fitted, or the series of the table that lack nothing.
    """
    starts = offsets[:-1]
    count = np.add.reduceat(~np.isnan(values), starts, dtype=np.int64)
    with np.errstate(invalid="ignore"):
        flat = np.fmin.reduceat(values, starts) == np.fmax.reduceat(values, starts)
    odd = np.flatnonzero((count < ENOUGH) | flat)
    taught = fitted or (on_bad == "error" and len(odd) < len(names))
    bad: list[Finding] = []
    cold: list[Finding] = []
    for k in odd.tolist():
        wrong = defect(values[offsets[k] : offsets[k + 1]])
        assert wrong is not None
        (cold if taught and wrong[0] != "missing" else bad).append(Finding(wrong[0], names[k], wrong[1]))
    return bad, cold


def _beside(rows: Rows, laid: _Laid, part: slice) -> dict[str, np.ndarray]:
    """The covariates of one series by role; the static ones are the first values they have."""
    if laid.beside is None:
        return {}
    roles = np.array([one.role for one in rows.beside.covariates])
    static = laid.beside[part][:, roles == "static"]
    first = static[(~np.isnan(static)).argmax(axis=0), np.arange(static.shape[1])]
    return {
        "known": laid.beside[part][:, roles == "known"],
        "past": laid.beside[part][:, roles == "past"],
        "static": first,
    }


def _judge(bad: list[Finding], kept: list[Series], on_bad: str, where: Origin) -> None:
    if not bad or (kept and on_bad == "skip"):
        return
    said = "; ".join(f"{one.series!r} {one.message}" for one in bad[:5])
    said += f"; and {len(bad) - 5} more" if len(bad) > 5 else ""
    if not kept:
        which = "series" if len(bad) == 1 else f"none of {len(bad)} series can be used:"
        raise DataError(
            f"{where.table()}: {which} {said}",
            hint=f"a forecast needs at least {ENOUGH} values that are not all the same",
        )
    raise DataError(
        f"{where.table()}: {len(bad)} of {len(bad) + len(kept)} series cannot be used: {said}",
        hint="mend them, or leave them out with --skip-bad-series (in Python: on_bad_series='skip')",
    )
