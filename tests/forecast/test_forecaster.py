"""`Forecaster`: scikit-learn manners, frames of three libraries, newer data."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone

from tests.forecast.samples import HORIZON, Watch, frame_of, panel_of, small, wave
from unspool.errors import DataError, ModelError, SettingError
from unspool.forecast import Forecaster

FRAME = frame_of(wave(60), 3 * wave(60, seed=1))


@pytest.fixture(scope="module")
def fitted() -> Forecaster:
    return small(steps=4).fit(FRAME)


def test_the_constructor_only_stores():
    nonsense = Forecaster(-1, cell="no such cell", quantiles=[7])
    assert nonsense.get_params()["horizon"] == -1
    with pytest.raises(SettingError):
        nonsense.fit(FRAME)
    assert not [name for name in vars(nonsense) if name.endswith("_")]


def test_parameters():
    forecaster = small()
    cloned: Any = clone(forecaster)
    assert cloned.get_params() == forecaster.get_params()
    assert forecaster.set_params(horizon=7, seed=2) is forecaster
    assert (forecaster.horizon, forecaster.seed) == (7, 2)
    with pytest.raises(SettingError, match="no parameter 'horizn'"):
        forecaster.set_params(horizn=3)
    assert repr(Forecaster(3, "lstm", seed=1)) == "Forecaster(horizon=3, cell='lstm', seed=1)"


def test_before_the_fit():
    with pytest.raises(ModelError, match="not fitted"):
        small().predict()
    with pytest.raises(ModelError, match="not fitted"):
        small().save("nowhere")


def test_a_table_of_the_kind_that_was_given(fitted: Forecaster):
    wanted = fitted.predict()
    assert isinstance(wanted, pl.DataFrame)
    assert wanted.columns[:3] == ["unique_id", "ds", "forecast"]
    assert wanted["ds"][0] == dt.date(2020, 1, 1) + dt.timedelta(60)
    pandas, arrow = FRAME.to_pandas(), FRAME.to_arrow()
    assert isinstance(fitted.predict(pandas), pd.DataFrame)
    assert isinstance(fitted.predict(arrow), pa.Table)
    assert np.array_equal(fitted.predict(pandas)["forecast"], wanted["forecast"])


def test_a_fit_that_fails_leaves_the_last_one():
    forecaster = small(steps=2).fit(FRAME)
    before = forecaster.predict()
    with pytest.raises(DataError):
        forecaster.fit(frame_of([1.0, 2.0]))
    assert forecaster.predict().equals(before)
    assert len(forecaster.predict(FRAME)) == 2 * HORIZON


def test_a_second_fit_may_be_of_other_columns_and_another_frequency():
    forecaster = small(steps=2).fit(FRAME)
    monthly = pl.DataFrame({"ds": [f"{2000 + k // 12}-{k % 12 + 1:02}" for k in range(60)], "y": wave(60)})
    assert forecaster.fit(monthly).predict()["ds"][0] == "2005-01"


def test_newer_data_are_read_by_the_columns_fitted(fitted: Forecaster):
    with pytest.raises(ModelError, match="made for other columns"):
        fitted.predict(FRAME.drop("unique_id"))
    with pytest.raises(DataError, match="the model was fitted on daily ones"):
        fitted.predict(FRAME.filter(pl.int_range(pl.len()) % 7 == 0))


def test_newer_data_begin_where_they_like(fitted: Forecaster):
    one, two = (
        fitted.forecast(frame_of(wave(60)[-20:], wave(60)[-20:], start=dt.date(year, 1, 1))) for year in (2020, 2031)
    )
    assert one.times[0, 0].astype("datetime64[Y]") != two.times[0, 0].astype("datetime64[Y]")


def test_callbacks_watch_every_fit():
    watch = Watch()
    forecaster = small(steps=2, refit=True)
    forecaster.fit(FRAME, callbacks=[watch])
    forecaster.backtest(FRAME, folds=1, callbacks=[watch])
    assert watch.titles() == ["training", "training, on all data", "fold 1/1", "fold 1/1, on all data"]


def test_a_backtest_leaves_the_forecaster_alone(fitted: Forecaster):
    before = fitted.predict()
    fitted.backtest(FRAME, folds=1)
    assert fitted.predict().equals(before)


def test_nothing_to_forecast_from():
    values = [*wave(60), *[None] * 20]
    with pytest.raises(DataError, match=r"series 'y' has no value in its last 14 steps"):
        small(validation=40).fit(frame_of(values))


def test_a_panel_is_as_good_as_a_table(fitted: Forecaster):
    panel = panel_of(wave(60), 3 * wave(60, seed=1))
    assert np.array_equal(fitted.forecast(panel).quantiles, fitted.forecast().quantiles)
