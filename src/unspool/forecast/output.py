"""Forecasts as tables: one row per series and time, the point, and a column per quantile."""

from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from unspool.forecast.result import Forecast
from unspool.forecast.tables.panel import Panel


def forecast_table(forecast: Forecast, panel: Panel) -> pl.DataFrame:
    """Columns: the series (where the data had one), the time as the data write it, `forecast`, `q0.1` …"""
    steps = forecast.times.shape[1]
    columns: list[pl.Series] = []
    if panel.columns.series is not None:
        ids = [name for name in forecast.ids for _ in range(steps)]
        columns.append(pl.Series(panel.columns.series, ids))
    columns.append(panel.time_column(forecast.times.ravel()))
    columns.append(pl.Series("forecast", forecast.point.ravel()))
    columns += [
        pl.Series(quantile_name(level), forecast.quantiles[..., q].ravel()) for q, level in enumerate(forecast.levels)
    ]
    return pl.DataFrame(columns)


def paths_table(forecast: Forecast, panel: Panel) -> pl.DataFrame:
    """Columns: the series (where the data had one), `path` from 1, the time, and `value`."""
    assert forecast.paths is not None
    series, paths, steps = forecast.paths.shape
    columns: list[pl.Series] = []
    if panel.columns.series is not None:
        columns.append(pl.Series(panel.columns.series, np.repeat(np.array(forecast.ids, dtype=object), paths * steps)))
    columns.append(pl.Series("path", np.tile(np.repeat(np.arange(1, paths + 1), steps), series)))
    columns.append(panel.time_column(path_times(forecast).ravel()))
    columns.append(pl.Series("value", forecast.paths.ravel()))
    return pl.DataFrame(columns)


def path_times(forecast: Forecast) -> np.ndarray:
    """[N · paths, H] the times of every path's steps."""
    assert forecast.paths is not None
    return np.repeat(forecast.times, forecast.paths.shape[1], axis=0)


def quantile_name(level: float) -> str:
    """`q0.1`."""
    return f"q{level:g}"


def like(table: pl.DataFrame, frame: Any) -> Any:
    """`table` as pandas or pyarrow where `frame` is; polars otherwise."""
    native = nw.from_native(frame, pass_through=True)
    if isinstance(native, nw.DataFrame):
        if native.implementation.is_pandas():
            return table.to_pandas()
        if native.implementation.is_pyarrow():
            return table.to_arrow()
    return table
