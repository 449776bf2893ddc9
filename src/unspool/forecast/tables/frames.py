"""Columns of any pandas, polars or pyarrow table as polars Series, through narwhals.

No pyarrow is needed to read a pandas frame: its columns go through NumPy.
"""

import difflib
import re
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from unspool.errors import DataError, SettingError
from unspool.forecast.tables.conventions import named
from unspool.forecast.tables.origin import Origin
from unspool.forecast.tables.panel import Columns
from unspool.forecast.tables.zones import is_known

DEFAULT_SERIES = "unique_id"


def open_frame(frame: Any, where: Origin) -> nw.DataFrame[Any]:
    """The frame as narwhals sees it; a pandas index that means something becomes a column.

    Raises:
        DataError: it is no table, two columns have one name, or it has no rows.
    """
    try:
        if nw.dependencies.is_pandas_dataframe(frame):
            frame = _with_index(frame)
        opened = nw.from_native(frame)
    except (TypeError, nw.exceptions.NarwhalsError) as error:
        if isinstance(error, nw.exceptions.DuplicateError):
            raise DataError(f"{where.table()} has two columns of one name", hint="rename one of them") from error
        raise DataError(
            f"a table is needed, not a {type(frame).__name__}", hint="pass a pandas, polars or pyarrow table"
        ) from error
    if isinstance(opened, nw.LazyFrame):
        opened = opened.collect()
    if opened.shape[0] == 0:
        raise DataError(f"{where.table()} has no rows", hint="a series needs a row for each time")
    return opened


def choose_columns(names: list[str], target: str | None, time: str, series: str | None, where: Origin) -> Columns:
    """The columns by name; the default series column may be absent, then the table is one series; target None: none.

    Raises:
        DataError: a column is not there.
        SettingError: one column has two roles.
    """
    found, time, series = named(names, target or "", time, series)
    if series == DEFAULT_SERIES and series not in names:
        series = None
    roles = {"time": time} | ({} if target is None else {"target": found})
    roles |= {} if series is None else {"series": series}
    _check_there(names, list(roles.items()), where)
    if len(set(roles.values())) < len(roles):
        said = " and ".join(f"{role} {name!r}" for role, name in roles.items())
        raise SettingError(f"one column cannot have two roles: {said}", hint="name a different column for each")
    return Columns(series, time, found)


def check_columns(names: list[str], asked: list[tuple[str, str]], taken: Sequence[str], where: Origin) -> None:
    """Check that columns, each as (role, name), are there and have no role yet; raises as `choose_columns`."""
    _check_there(names, asked, where)
    for role, name in asked:
        if name in taken:
            raise SettingError(
                f"one column cannot have two roles: {role} {name!r} is the target, the time or the series",
                hint="the target's own past is always read; name another column",
            )


def _check_there(names: list[str], roles: list[tuple[str, str]], where: Origin) -> None:
    for role, name in roles:
        if f"{name} (1)" in names:
            raise DataError(
                f"{where.table()} has more than one column {name!r} ({role})",
                hint=f"give them different names, or choose {name + ' (1)'!r} or {name + ' (2)'!r}",
            )
        if name not in names:
            raise DataError(
                f"{where.table()} has no column {name!r} ({role}); its columns are: {_listed(names)}",
                hint=_suggestion(role, name, names),
            )


def take(frame: nw.DataFrame[Any], name: str, where: Origin) -> tuple[pl.Series, str | None]:
    """One column as a polars Series, and its zone; zoned datetimes come in UTC without one.

    Raises:
        DataError: the column's type is none that a table of series can have.
    """
    column = frame[name]
    kind = column.dtype
    if isinstance(kind, nw.Datetime):
        zone = kind.time_zone
        if zone is not None:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return pl.Series(name, column.to_numpy().astype("datetime64[us]")), _plain_zone(zone)
    native = column.to_native()
    if isinstance(native, pl.Series):
        return (native.cast(pl.String, strict=False) if kind == nw.Object else native), None
    if kind == nw.Date:
        return pl.Series(name, column.to_numpy().astype("datetime64[us]")).cast(pl.Date), None
    if kind.is_integer() and column.null_count() == 0:
        return pl.Series(name, np.asarray(column.to_numpy(), np.uint64 if kind == nw.UInt64 else np.int64)), None
    if kind.is_numeric() or kind == nw.Boolean:
        return pl.Series(name, np.asarray(column.cast(nw.Float64).to_numpy(), np.float64)), None
    if kind in (nw.String, nw.Categorical, nw.Enum, nw.Object):
        values = column.to_list()
        for row in np.flatnonzero(column.is_null().to_numpy()):
            values[row] = None
        if all(isinstance(value, str | None) for value in values):
            return pl.Series(name, values, pl.String), None
        try:
            return pl.Series(name, values), None
        except (TypeError, pl.exceptions.PolarsError):
            return pl.Series(name, [None if value is None else str(value) for value in values], pl.String), None
    raise DataError(
        f"{where.table()}: column {name!r} holds values of type {native.dtype if hasattr(native, 'dtype') else kind}",
        hint="convert it to text, numbers, dates or datetimes",
    )


def _with_index(frame: Any) -> Any:
    index = frame.index
    if type(index).__name__ == "RangeIndex" and index.name is None:
        return frame
    if any(name in frame.columns for name in index.names):
        return frame
    return frame.reset_index()


def _plain_zone(zone: str | None) -> str | None:
    if zone is None:
        return None
    match = re.fullmatch(r"(?:UTC)?([+-]\d{2}:\d{2})", zone)
    if match is not None:
        return "UTC" if match[1] in ("+00:00", "-00:00") else match[1]
    # a zone that is only known to the library it comes from, such as "the zone of this computer"
    return zone if is_known(zone) else "UTC"


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:30])
    return shown if len(names) <= 30 else f"{shown}, … ({len(names)} in all)"


def _suggestion(role: str, name: str, names: list[str]) -> str:
    option = f"name the {role} column with --{role} (in Python: {role}=)"
    folded = {known.casefold().strip(): known for known in names}
    close = difflib.get_close_matches(name.casefold().strip(), list(folded), n=1)
    if close:
        return f"did you mean {folded[close[0]]!r}? {option[0].upper()}{option[1:]}"
    if any(re.fullmatch(r"[\d.,:/-]+", known) for known in names):
        return f"the first line must name the columns; then {option}"
    return option
