"""sktime's own checks, and what they do not check: the numbers are those of `Forecaster`."""

import inspect
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sktime", reason="the extra `sktime` is not installed: docs/interoperate.md")

import pandas as pd
from scipy.stats import norm
from sktime.utils.estimator_checks import check_estimator  # pyright: ignore[reportMissingImports]

from tests.forecast.samples import SMALL, wave
from unspool.errors import DataError
from unspool.forecast import Forecaster
from unspool.sktime import UnspoolForecaster
from unspool.sktime.forecaster import between

ELSEWHERE = {"horizon", "gap", "target", "time", "series", "frequency", "on_bad_series", "uneven", "known"}
"""What fh, the index and X say in sktime; a panel has neither bad series nor uneven times."""


def small(**changes: Any) -> UnspoolForecaster:
    return UnspoolForecaster(**{**SMALL, "steps": 4, **changes})


def series(index: pd.Index, seed: int = 0) -> pd.Series:
    return pd.Series(wave(len(index), seed=seed), index=index, name="sales")


def days(count: int = 80) -> pd.DatetimeIndex:
    return pd.date_range("2020-01-01", periods=count, freq="D")


def after(y: pd.Series, count: int) -> list[Any]:
    """The days that follow a series."""
    return list(pd.date_range(y.index[-1], periods=count + 1, freq="D")[1:])


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("number", [0, 1])
def test_sktimes_own_checks(number: int):
    settings = UnspoolForecaster.get_test_params()[number]
    found = check_estimator(UnspoolForecaster(**settings), raise_exceptions=True, verbose=False)
    assert len(found) > 400
    assert set(found.values()) == {"PASSED"}


def test_it_has_every_setting():
    theirs, ours = (inspect.signature(one).parameters for one in (UnspoolForecaster, Forecaster))
    assert set(theirs) == set(ours) - ELSEWHERE
    assert all(theirs[name].default == ours[name].default for name in theirs)


@pytest.mark.parametrize(
    ("index", "times"),
    [
        (days(), lambda i: i),
        (pd.period_range("2014-01", periods=80, freq="M"), lambda i: i.to_timestamp()),
        (pd.date_range("2020-01-05", periods=80, freq="W-SUN"), lambda i: i),
        (pd.date_range("2000-03-31", periods=80, freq="QE"), lambda i: i),
        (pd.date_range("2020-01-01", periods=80, freq="B"), lambda i: i),
        (pd.RangeIndex(5, 85), lambda i: i),
        (pd.date_range("2014-01-31", periods=80, freq="BME"), lambda i: np.arange(len(i))),
    ],
    ids=["days", "months", "Sundays", "quarters", "business days", "numbers", "last working days"],
)
def test_the_numbers_are_ours(index: pd.Index, times: Any):
    y = series(index)
    fh = [2, 5]
    found = small().fit(y, fh=fh).predict()
    frame = pd.DataFrame({"ds": times(index), "y": y.to_numpy()})
    plain = Forecaster(5, **{**SMALL, "steps": 4}).fit(frame).forecast()
    assert np.array_equal(found, plain.point[0][[1, 4]])
    step = getattr(index, "freq", 1)
    assert list(found.index) == [index[-1] + k * step for k in fh]
    assert found.name == "sales"


def test_a_panel_is_one_model_and_each_series_goes_on_from_its_own_end():
    parts = {"a": series(days(80)), "b": 50 + 3 * series(days(60), seed=1), "c": series(days(75), seed=2)}
    y = pd.concat(parts).to_frame("sales").rename_axis(["shop", "day"])
    forecaster = small().fit(y, fh=[1, 2])
    assert forecaster.forecaster_.model_.ids == ("a", "b", "c")
    found = forecaster.predict()
    assert list(found.index) == [(name, day) for name, part in parts.items() for day in after(part, 2)]
    assert abs(found.loc["b", "sales"].mean() - 80) < 10
    quantiles = forecaster.predict_quantiles(alpha=[0.05, 0.5])
    assert np.array_equal(quantiles[("sales", 0.5)], found["sales"])


def test_x_is_what_is_known_unless_it_is_past():
    index = days(85)
    X = pd.DataFrame({"warm": wave(85, seed=1), "seen": wave(85, seed=2), 3: ["yes", "no"] * 42 + ["no"]}, index=index)
    y = series(index[:80])
    forecaster = small(past=["seen"], steps=20, learning_rate=0.05).fit(y, X=X[:80], fh=[1, 4])
    coding = forecaster.forecaster_.model_.coding
    assert [(one.name, one.role) for one in coding.columns] == [
        ("X['warm']", "known"),
        ("X[3]", "known"),
        ("X['seen']", "past"),
    ]
    ahead = X[80:]
    found = forecaster.predict(X=ahead)
    for change, moves in (({"warm": ahead["warm"] + 3}, True), ({"seen": 0.0}, False)):
        assert np.allclose(forecaster.predict(X=ahead.assign(**change)), found) is not moves
    assert np.isfinite(forecaster.predict(X=ahead.iloc[[0, 3]])).all()
    with pytest.raises(DataError, match="has no row for 2020-03-24"):
        forecaster.predict(X=ahead[:2])


def test_newer_data_are_forecast_from_without_a_fit():
    y = series(days(90))
    forecaster = small().fit(y[:80], fh=[1, 3])
    model = forecaster.forecaster_.model_
    found = forecaster.update(y[80:], update_params=False).predict()
    assert forecaster.forecaster_.model_ is model
    frame = pd.DataFrame({"time": y.index, "y": y.to_numpy()})
    wanted = forecaster.forecaster_.forecast(frame).point[0]
    assert np.array_equal(found, wanted[[0, 2]])
    assert found.index[0] == after(y, 1)[0]
    forecaster.update(series(days(95))[90:])
    assert forecaster.forecaster_.model_ is not model


def test_the_past_is_not_forecast():
    with pytest.raises(NotImplementedError, match="in-sample"):
        small().fit(series(days()), fh=[-1, 1])


def test_between_fitted_levels_a_normal_distribution_is_met():
    levels, wanted = [0.1, 0.5, 0.9], [0.01, 0.1, 0.3, 0.5, 0.95, 0.999]
    found = between(5 + 2 * norm.ppf([levels, levels]), levels, wanted)
    np.testing.assert_allclose(found, [5 + 2 * norm.ppf(wanted)] * 2)
    flat = between(np.array([3.0, 3.0, 4.0]), levels, [0.0, 0.3, 1.0])
    assert flat.tolist() == [3.0, 3.0, np.inf]
    assert between(np.array([[7.0]]), [0.5], [0.1, 0.9]).tolist() == [[7.0, 7.0]]
