"""Small fitted forecasters of every kind that is exported, with data to forecast from."""

from typing import Any

import numpy as np
import polars as pl

from tests.forecast.covariates import ALL, tables
from tests.forecast.samples import HORIZON, frame_of, small, wave
from unspool.forecast import Forecaster, Panel
from unspool.forecast.tables.future import with_future

Fitted = tuple[Forecaster, Panel]


def holey(seed: int, length: int = 80) -> list[float | None]:
    """A wave of which a tenth is missing, its last value not."""
    missing = np.random.default_rng(seed).random(length) < 0.1
    return [
        None if gone and k < length - 1 else float(v)
        for k, (v, gone) in enumerate(zip(wave(length), missing, strict=True))
    ]


def plain(**changes: Any) -> Fitted:
    """Five series, values missing; one of them is shorter than the window, and one is new to the model."""
    forecaster = small(steps=6, **changes)
    known = frame_of(*(holey(seed) for seed in range(4)), 500 + 40 * wave(30))
    forecaster.fit(known)
    newer = pl.concat([known, frame_of(wave(9), 7 + 3 * wave(50)).with_columns(unique_id=pl.lit("new"))[9:]])
    newer = newer.filter((pl.col("unique_id") != "s3") | (pl.col("ds") < pl.date(2020, 1, 8)))
    return forecaster, forecaster._fitted_panel(newer)


def covariates(**changes: Any) -> Fitted:
    """Numbers and categories of every role, one of them new and some missing."""
    table, future = tables()
    forecaster = small(steps=6, known=ALL["known"], past=ALL["past"], static=ALL["static"], **changes)
    forecaster.fit(table)
    row = pl.int_range(pl.len())
    table = table.with_columns(
        y=pl.when(row % 11 == 0).then(None).otherwise(pl.col("y")),
        kind=pl.when(row % 9 == 0).then(None).otherwise(pl.col("kind")),
        mood=pl.when(row % 7 == 0).then(pl.lit("odd")).otherwise(pl.col("mood")),
        visitors=pl.when(row % 5 == 0).then(None).otherwise(pl.col("visitors")),
    )
    panel = forecaster._fitted_panel(table)
    return forecaster, with_future(panel, future, HORIZON, forecaster.gap)


def uneven(**changes: Any) -> Fitted:
    """Rows at their own times, which the cell reads."""
    times = np.random.default_rng(0).exponential(size=80).cumsum().round(3) + np.arange(80)
    table = pl.DataFrame({"ds": times, "y": holey(1)}).drop_nulls()
    forecaster = small(steps=6, network="onward", cell="lem", uneven=True, **changes).fit(table)
    return forecaster, forecaster.panel_
