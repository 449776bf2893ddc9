"""A column of times of any type: dates, datetimes, whole numbers, decimal years, or text of one of these."""

from dataclasses import replace

import numpy as np
import polars as pl

from unspool.errors import DataError
from unspool.forecast.tables.origin import Origin, more
from unspool.forecast.tables.times import ISO_DATE, ISO_DATETIME, TimeStyle
from unspool.forecast.tables.timetext import Reading, read_time_text
from unspool.forecast.tables.values import missing_to_null

_WRITE = "write times like 2024-05-31, 2024-05, 2024-05-31 14:00, or as whole numbers or decimal years"


def read_times(column: pl.Series, zone: str | None, where: Origin, name: str) -> list[Reading]:
    """The ways to read the column: one, or two where day and month could be either way round.

    Args:
        column: [n ≥ 1] times; zoned datetimes in UTC.
        zone: the zone of datetimes that have one.
        where: names a row in errors.
        name: the column's name, for errors.

    Raises:
        DataError: a time is absent or cannot be read.
    """
    if column.dtype.is_float():
        column = column.fill_nan(None)
    if column.dtype in (pl.Categorical, pl.Enum, pl.String):
        column = missing_to_null(column)
    absent = column.is_null().arg_true()
    if len(absent):
        raise DataError(
            f"{where.at(int(absent[0]))}: time {name!r} is empty{more(len(absent), 'row')}",
            hint="give every row a time, or delete the row",
        )
    if column.dtype == pl.String:
        return _from_text(column, where, name)
    if column.dtype == pl.Date:
        return [Reading(_moments(column), TimeStyle("datetime", "date", ISO_DATE))]
    if isinstance(column.dtype, pl.Datetime):
        return [_from_datetimes(_moments(column), zone)]
    if column.dtype.is_integer():
        return [_from_integers(column.cast(pl.Int64), "integer")]
    if column.dtype.is_float() or column.dtype.is_decimal():
        numbers = column.cast(pl.Float64).to_numpy()
        # the digits of a few hundred show how the column was written
        digits = max(len(repr(number).partition(".")[2]) for number in numbers[:500].tolist())
        return [_from_decimals(numbers, min(digits, 12), where, name)]
    raise DataError(f"{where.table()}: time {name!r} holds {column.dtype} values, not times", hint=_WRITE)


def _moments(column: pl.Series) -> np.ndarray:
    return column.cast(pl.Datetime("us")).to_numpy().astype("datetime64[us]")


def _from_datetimes(moments: np.ndarray, zone: str | None) -> Reading:
    if zone is None and (moments == moments.astype("datetime64[D]")).all():
        # pandas has no dates: days come as midnights
        return Reading(moments, TimeStyle("datetime", "datetime", ISO_DATE))
    fraction = moments != moments.astype("datetime64[s]")
    pattern = ISO_DATETIME + ("%.f" if fraction.any() else "") + ("%:z" if zone else "")
    return Reading(moments, TimeStyle("datetime", "datetime", pattern, zone))


def _from_integers(numbers: pl.Series, column: str) -> Reading:
    """Whole numbers; 20240531 and 202405 are dates where the whole column can be."""
    low, high = numbers.min(), numbers.max()
    assert isinstance(low, int)
    assert isinstance(high, int)
    for pattern, first, last in (("%Y%m%d", 1700_01_01, 2299_12_31), ("%Y%m", 1700_01, 2299_12)):
        if first <= low and high <= last:
            dates = (numbers.cast(pl.String) + ("" if "%d" in pattern else "01")).str.strptime(
                pl.Datetime("us"), "%Y%m%d", strict=False
            )
            if dates.null_count() == 0:
                return Reading(_moments(dates), TimeStyle("datetime", column, pattern))
    return Reading(numbers.to_numpy(), TimeStyle("integer", "integer"))


def _from_decimals(numbers: np.ndarray, digits: int, where: Origin, name: str) -> Reading:
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise DataError(f"{where.at(row)}: time {name!r} is infinite", hint=_WRITE)
    if (numbers == np.rint(numbers)).all() and np.abs(numbers).max() < 2**53:
        return _from_integers(pl.Series(numbers.astype(np.int64)), "integer")
    hundredths = np.rint(numbers * 100) % 100
    if (
        np.abs(numbers * 100 - np.rint(numbers * 100)).max() < 1e-6
        and numbers.min() >= 1500
        and numbers.max() <= 2500
        and np.ptp(numbers) >= 1
        and hundredths.min() >= 1
        and hundredths.max() <= 12
    ):
        # 1949.01 … 1949.12, 1950.01: as decimal years, every year would end in a gap of 88 hundredths
        year, month = int(numbers[0]), int(hundredths[0])
        raise DataError(
            f"{where.at(0)}: time {name!r} looks like year and month: {year}.{month:02}",
            hint=f"write months as {year}-{month:02}",
        )
    return Reading(numbers, TimeStyle("decimal", "decimal", decimals=digits))


def _from_text(text: pl.Series, where: Origin, name: str) -> list[Reading]:
    if text.str.contains(r"^[+-]?\d{1,18}$").all():
        reading = _from_integers(text.cast(pl.Int64), "text")
        return [reading]
    if text.str.contains(r"^[+-]?\d+([.,]\d*)?([eE][+-]?\d+)?$").all():
        digits = text.str.extract(r"[.,](\d*)").str.len_chars().max()
        numbers = text.str.replace(",", ".", literal=True).cast(pl.Float64).to_numpy()
        # an exponent moves the point, so the digits after it say nothing
        exponents = text.str.contains("[eE]").any()
        return [_from_decimals(numbers, 12 if exponents or digits is None else min(int(str(digits)), 12), where, name)]
    distinct = text.unique(maintain_order=True)
    if len(distinct) > len(text) // 2:
        readings = read_time_text(text)
    else:
        # many series share their times
        index = text.replace_strict(distinct, list(range(len(distinct))), return_dtype=pl.Int64).to_numpy()
        readings = [replace(reading, times=reading.times[index]) for reading in read_time_text(distinct)]
    unread = np.isnat(readings[0].times) if readings else np.ones(len(text), bool)
    if unread.any():
        row = int(np.flatnonzero(unread)[0])
        others = more(int(unread.sum()), "row")
        raise DataError(f"{where.at(row)}: time {name!r} is not a time: {text[row]!r}{others}", hint=_WRITE)
    return readings
