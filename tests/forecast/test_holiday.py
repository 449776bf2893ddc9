"""Public holidays as features of the calendar."""

import datetime as dt
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.forecast.samples import frame_of, small, wave
from unspool.errors import ModelError, SettingError
from unspool.forecast import Forecaster, panel_from_frame
from unspool.forecast.calendar import features
from unspool.forecast.holiday import PREFIX, _dates, holiday_features, is_holiday
from unspool.forecast.tables.frequency import days, fixed

HOUR = 3_600_000_000


def test_known_days():
    dates = np.array(["2024-10-03", "2024-10-04", "2024-12-25", "2025-01-01", "2025-01-06"], "datetime64[D]")
    assert is_holiday(f"{PREFIX}DE", dates).tolist() == [True, False, True, True, False]
    assert is_holiday(f"{PREFIX}DE-BY", dates).tolist() == [True, False, True, True, True]
    assert is_holiday(f"{PREFIX}US", np.array(["2024-07-04", "2024-10-03"], "datetime64[D]")).tolist() == [True, False]


def test_hours_are_taken_by_the_clock_on_the_wall():
    times = np.array(["2024-10-02T21:30", "2024-10-02T22:30", "2024-10-03T21:30", "2024-10-03T22:30"], "datetime64[us]")
    found = features(fixed(HOUR, "Europe/Berlin"), (f"{PREFIX}DE",), times)
    assert found[:, 0].tolist() == [0, 1, 1, 0]
    both = features(days(1), ("day_of_week_sin", f"{PREFIX}DE"), times)
    assert both.shape == (4, 2)
    assert both.dtype == np.float32


def test_a_holiday_moves_the_forecast_of_its_day_and_is_saved(tmp_path: Path):
    """A series that drops on holidays, in a year whose 25 and 26 December lie in the horizon."""
    start, count = dt.date(2020, 1, 1), 1085
    dates = np.array([start + dt.timedelta(k) for k in range(count)], "datetime64[D]")
    off = is_holiday(f"{PREFIX}DE", dates)
    frame = frame_of(wave(count, level=20) - 8 * off)
    settings: dict[str, Any] = {"steps": 150, "window": 14, "network": "segment"}
    forecaster = small(horizon=10, holidays=["DE"], **settings).fit(frame)
    point, dates = forecaster.forecast().point[0], forecaster.forecast().times[0].astype("datetime64[D]")
    off = is_holiday(f"{PREFIX}DE", dates)
    assert off.sum() == 2
    blind = small(horizon=10, **settings).fit(frame).forecast().point[0]
    assert point[off].mean() < point[~off].mean() - 3
    assert blind[off].mean() > blind[~off].mean() - 3
    forecaster.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    assert loaded.holidays == ("DE",)
    assert np.array_equal(loaded.forecast(frame).point[0], point)


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    small(steps=2, holidays=["DE"]).fit(frame_of(wave(60))).save(tmp_path / "model")
    monkeypatch.setitem(sys.modules, "holidays", None)
    _dates.cache_clear()
    with pytest.raises(SettingError, match="holidays is not installed") as refused:
        holiday_features(["DE"])
    assert refused.value.hint == "pip install 'unspool[holidays]'"
    with pytest.raises(ModelError, match="the package holidays is not installed") as refused:
        Forecaster.load(tmp_path / "model")
    assert refused.value.hint == "pip install 'unspool[holidays]'"


def test_the_ridge_is_told_the_holidays():
    frame = frame_of(wave(420))
    folds = [small(steps=2, holidays=h).backtest(frame, folds=1).folds[0] for h in ((), ("DE",))]
    assert (folds[0].point["ridge"] != folds[1].point["ridge"]).any()


def test_countries_and_steps_that_have_none():
    with pytest.raises(SettingError, match="no holidays are known of 'XX'"):
        holiday_features(["XX"])
    with pytest.raises(SettingError, match="no holidays are known of 'DE-XX'"):
        small(holidays=["DE-XX"]).fit(frame_of(wave(60)))
    monthly = pl.DataFrame({"ds": [f"{2000 + k // 12}-{k % 12 + 1:02}" for k in range(60)], "y": wave(60)})
    with pytest.raises(SettingError, match="holidays are days, but the times are monthly"):
        small(holidays=["DE"]).fit(monthly)
    numbered = panel_from_frame(frame_of(wave(60)).with_columns(ds=np.arange(60)))
    with pytest.raises(SettingError, match="holidays are days, but the times are"):
        small(holidays=["DE"]).fit(numbered)
