"""sktime's series as the long tables that `unspool.forecast` reads.

sktime keeps time in an index of whole numbers, moments or periods, and tells series apart by the levels before it. A
period is read at its start. Where pandas steps in a way that we do not know (`BME`, the last working day of a month),
steps are counted and the calendar is not read.
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from unspool.errors import DataError, SettingError
from unspool.forecast.tables.conventions import pandas_step
from unspool.forecast.tables.every import spell

SERIES, TIME, TARGET = "series", "time", "y"


@dataclass(frozen=True)
class Clock:
    """How an index of times is read.

    Attributes:
        frequency: the step, as `Forecaster(frequency=)` takes it; None where it is inferred.
        offset: pandas' step between moments; None for periods and whole numbers.
        counted: whether steps are counted, and moments not read.
    """

    frequency: str | None
    offset: Any = None
    counted: bool = False

    @classmethod
    def of(cls, index: pd.Index) -> "Clock":
        """The clock of the times of a series, or of several."""
        times = _times_of_one(index)
        if not isinstance(times, pd.DatetimeIndex | pd.PeriodIndex):
            return cls("1")
        step: Any = times.freq
        if step is None and len(times) > 2:
            step = pd.tseries.frequencies.to_offset(pd.infer_freq(times))  # pyright: ignore[reportArgumentType]
        if step is None:
            return cls(None)
        offset = step if isinstance(times, pd.DatetimeIndex) else None
        try:
            return cls(spell(*pandas_step(step.freqstr)), offset)
        except SettingError:
            return cls("1", offset, counted=True)

    def read(self, times: pd.Index, first: Any) -> Any:
        """The column of times of a series that starts at `first`."""
        if self.counted:
            return np.array([self.steps(first, time) for time in times])
        return times.to_timestamp() if isinstance(times, pd.PeriodIndex) else times

    def steps(self, start: Any, end: Any) -> int:
        """Steps from one time to a later one."""
        if isinstance(end, pd.Timestamp):
            return len(pd.date_range(start, end, freq=self.offset)) - 1
        return (end - start).n if isinstance(end, pd.Period) else int(end - start)

    def ahead(self, end: Any, steps: Iterable[int]) -> pd.Index:
        """The times so many steps after one."""
        step: Any = self.offset if isinstance(end, pd.Timestamp) else 1
        return pd.Index([end + int(k) * step for k in steps])


def column_name(name: Hashable) -> str:
    """What a column of X is called in our tables and messages."""
    return f"X[{name!r}]"


def long_table(y: Any, X: pd.DataFrame | None, clock: Clock) -> pd.DataFrame:
    """The rows of `y` with those of `X` beside them."""
    parts = []
    for key, one in instances(y):
        times = one.index
        part = pd.DataFrame({TIME: clock.read(times, times[0]), TARGET: one.to_numpy().ravel()})
        beside = None if X is None else instance(X, key).reindex(times)
        parts.append(_with_columns(part, key, beside))
    return pd.concat(parts, ignore_index=True)


def future_table(y: Any, X: pd.DataFrame, steps: np.ndarray, horizon: int, clock: Clock) -> pd.DataFrame:
    """The rows of `X` at the `horizon` steps after the end of each series.

    Those of steps that are not asked for may be missing: each is then the one before it, or the first there is.

    Args:
        y: of which the series are.
        X: with the rows of the horizon.
        steps: [N, ·] the steps that are asked for.
        horizon: steps that are forecast.
        clock: of the times.

    Raises:
        DataError: the row of a step that is asked for is not there.
    """
    parts = []
    for (key, one), wanted in zip(instances(y), steps, strict=True):
        beside = instance(X, key)
        ahead = clock.ahead(one.index[-1], range(1, horizon + 1))
        absent = [time for time in ahead[wanted - 1] if time not in beside.index]
        if absent:
            raise DataError(
                f"X has no row for {absent[0]}{'' if key is None else f' of series {series_name(key)!r}'}, which is to "
                "be forecast",
                hint="give predict an X with a row for each step of the horizon fh",
            )
        part = pd.DataFrame({TIME: clock.read(ahead, one.index[0])})
        parts.append(_with_columns(part, key, beside.reindex(ahead).ffill().bfill()))
    return pd.concat(parts, ignore_index=True)


def instances(y: Any) -> Iterator[tuple[Any, Any]]:
    """Each series with its key, None where there is but one; in the order of sktime's forecasts."""
    if not isinstance(y.index, pd.MultiIndex):
        yield None, y
        return
    for key in y.index.droplevel(-1).unique().sort_values():
        yield key, instance(y, key)


def instance(table: Any, key: Any) -> Any:
    """The rows of one series, by their times."""
    return table if key is None else table.loc[key]


def series_name(key: Any) -> str:
    """What the series of a key is called in our tables and messages."""
    return " / ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _with_columns(part: pd.DataFrame, key: Any, beside: pd.DataFrame | None) -> pd.DataFrame:
    if key is not None:
        part.insert(0, SERIES, series_name(key))
    for name, column in () if beside is None else beside.items():
        plain = column if pd.api.types.is_numeric_dtype(column.dtype) else column.astype(object)
        part[column_name(name)] = plain.to_numpy()
    return part


def _times_of_one(index: pd.Index) -> pd.Index:
    if not isinstance(index, pd.MultiIndex):
        return index
    whose, times = index.droplevel(-1), index.get_level_values(-1)
    return times[whose == whose[0]]
