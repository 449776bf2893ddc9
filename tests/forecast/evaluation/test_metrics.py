"""Metrics against scikit-learn, published tables, closed forms and numbers worked by hand."""

import csv
import gzip
import math
import os
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from unspool.errors import ShapeError
from unspool.forecast.evaluation import metrics
from unspool.forecast.evaluation.baselines import last_value, seasonal_naive

NAN = float("nan")
LAW = settings(deadline=None, max_examples=50)
TABLE = arrays(np.float64, (3, 4), elements=st.floats(-1e3, 1e3, width=32))


@LAW
@given(TABLE, TABLE, st.floats(0.01, 0.99))
def test_errors_are_scikit_learns(actual, forecast, level):
    y, f = actual.ravel(), forecast.ravel()
    assert metrics.mae(actual, forecast) == pytest.approx(sklearn.metrics.mean_absolute_error(y, f))
    assert metrics.mse(actual, forecast) == pytest.approx(sklearn.metrics.mean_squared_error(y, f))
    assert metrics.rmse(actual, forecast) == pytest.approx(sklearn.metrics.root_mean_squared_error(y, f))
    expected = sklearn.metrics.mean_pinball_loss(y, f, alpha=level)
    assert metrics.quantile_loss(actual, forecast[..., None], [level]) == pytest.approx(expected)
    assert metrics.quantile_loss(actual, forecast[..., None], [0.5]) == pytest.approx(metrics.mae(y, f) / 2)


@LAW
@given(TABLE, TABLE, arrays(np.bool_, (3, 4)))
def test_unobserved_values_change_nothing(actual, forecast, missing):
    """The metric of an array with holes is the metric of what is left, whatever was forecast in the holes."""
    holes = np.where(missing, NAN, actual)
    other = np.where(missing, forecast + 17.0, forecast)
    kept, kept_forecast = actual[~missing], forecast[~missing]
    levels, offsets = [0.1, 0.5, 0.8], np.array([-1.0, 0.0, 2.0])
    for metric in (metrics.mae, metrics.mse, metrics.rmse, metrics.smape, metrics.share_below):
        np.testing.assert_allclose(metric(holes, other), metric(kept, kept_forecast))
    for metric in (metrics.quantile_loss, metrics.weighted_quantile_loss, metrics.crps):
        found = metric(holes, other[..., None] + offsets, levels)
        np.testing.assert_allclose(found, metric(kept, kept_forecast[..., None] + offsets, levels))
    expected = metrics.coverage(kept, kept_forecast - 1, kept_forecast + 1)
    np.testing.assert_allclose(metrics.coverage(holes, other - 1, other + 1), expected)


def test_nothing_observed_is_nan_without_a_warning():
    nothing, forecast = np.full((2, 3), NAN), np.ones((2, 3))
    for metric in (metrics.mae, metrics.mse, metrics.rmse, metrics.smape, metrics.share_below):
        assert math.isnan(metric(nothing, forecast))
    for metric in (metrics.mase, metrics.rmsse):
        assert math.isnan(metric(nothing, forecast, np.ones(2)))
    for metric in (metrics.quantile_loss, metrics.weighted_quantile_loss, metrics.crps):
        assert math.isnan(metric(nothing, forecast[..., None], [0.5]))
    assert math.isnan(metrics.coverage(nothing, forecast, forecast))


def test_a_forecast_without_an_answer_is_not_scored_on_the_rest():
    actual, forecast = np.ones((2, 2)), np.array([[1.0, NAN], [3.0, 4.0]])
    for metric in (metrics.mae, metrics.mse, metrics.smape):
        assert math.isnan(metric(actual, forecast))
    for metric in (metrics.mase, metrics.rmsse):
        assert math.isnan(metric(actual, forecast, np.ones(2)))


def test_smape_by_hand():
    # 200·1/3, 200·2/2 (zero forecast), 0/0 → 0, opposite signs are the worst: 200
    assert metrics.smape([1.0, 2.0, 0.0, -1.0], [2.0, 0.0, 0.0, 1.0]) == pytest.approx((200 / 3 + 200 + 0 + 200) / 4)


def test_mase_and_rmsse_by_hand():
    history = [1.0, 2.0, 4.0, 7.0, 11.0]  # differences 1 2 3 4; two apart 3 5 7
    assert [metrics.mase_scale(history, m) for m in (1, 2)] == [2.5, 5.0]
    assert [metrics.rmsse_scale(history, m) for m in (1, 2)] == [7.5, pytest.approx((9 + 25 + 49) / 3)]
    actual, forecast = np.array([[3.0, 5.0], [2.0, NAN], [9.0, 9.0]]), np.array([[1.0, 5.0], [8.0, 0.0], [0.0, 0.0]])
    scale = np.array([2.0, 3.0, 0.0])  # the third row, a constant series, is left out
    np.testing.assert_allclose(metrics.mase_by_series(actual, forecast, scale), [0.5, 2.0, NAN])
    assert metrics.mase(actual, forecast, scale) == pytest.approx((0.5 + 2.0) / 2)
    assert metrics.rmsse(actual, forecast, scale) == pytest.approx((math.sqrt(2 / 2) + math.sqrt(36 / 3)) / 2)


def test_scales_of_short_gappy_and_constant_histories():
    assert metrics.mase_scale([1.0, 4.0, 6.0], 12) == pytest.approx(2.5), "not longer than the season: m = 1"
    assert metrics.mase_scale([1.0, NAN, 4.0, 6.0, NAN, 9.0], 1) == pytest.approx(2.0), "only the pair 4, 6"
    assert metrics.mase_scale([1.0, NAN, 4.0, 6.0], 2) == pytest.approx(3.0), "only the pair 1, 4"
    assert np.isnan([metrics.mase_scale(values, 1) for values in ([], [5.0])]).all()
    assert metrics.mase_scale([5.0] * 9, 3) == 0.0


@LAW
@given(TABLE, st.floats(0.1, 10), st.floats(-100, 100))
def test_scaled_errors_do_not_depend_on_the_unit(actual, factor, shift):
    history, forecast = np.arange(20.0) ** 1.5, actual + 1.0
    for metric, scale, power in ((metrics.mase, metrics.mase_scale, 1), (metrics.rmsse, metrics.rmsse_scale, 2)):
        before = metric(actual, forecast, np.full(3, scale(history, 4)))
        unit = scale(factor * history + shift, 4)
        assert unit == pytest.approx(factor**power * scale(history, 4))
        assert metric(factor * actual + shift, factor * forecast + shift, np.full(3, unit)) == pytest.approx(before)


def test_pinball_by_hand():
    # y = 10; q = 8 at level .9 falls 2 short: .9·2; q = 13 at level .9 is 3 over: .1·3
    assert metrics.quantile_loss([10.0, 10.0], [[8.0], [13.0]], [0.9]) == pytest.approx((1.8 + 0.3) / 2)
    assert metrics.weighted_quantile_loss([10.0, -10.0], [[8.0], [-7.0]], [0.9]) == pytest.approx(2 * (1.8 + 0.3) / 20)


@pytest.mark.parametrize(("count", "tolerance"), [(9, 2e-2), (99, 1e-3), (999, 1e-4)])
@pytest.mark.parametrize("y", [-2.0, 0.0, 0.3, 1.5])
def test_crps_tends_to_the_closed_form_of_a_normal(count, tolerance, y):
    """Gneiting, Raftery, Westveld & Goldman 2005, equation 5: σ (z (2Φ(z) − 1) + 2φ(z) − 1/√π)."""
    levels = (np.arange(count) + 0.5) / count
    exact = 2.0 * (y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / math.sqrt(math.pi))
    found = metrics.crps([5.0 + 2.0 * y], norm.ppf(levels, 5.0, 2.0)[None], levels.tolist())
    assert found == pytest.approx(exact, abs=2.0 * tolerance)


def test_crps_on_the_even_grid_is_twice_the_mean_pinball_and_exact_for_equal_masses():
    rng = np.random.default_rng(0)
    actual, quantiles = rng.normal(size=(4, 5)), np.sort(rng.normal(size=(4, 5, 8)), axis=-1)
    levels = ((np.arange(8) + 0.5) / 8).tolist()
    found = metrics.crps(actual, quantiles, levels)
    assert found == pytest.approx(2 * metrics.quantile_loss(actual, quantiles, levels))
    # E|X − y| − ½ E|X − X'| over the eight masses
    spread = np.abs(quantiles[..., :, None] - quantiles[..., None, :]).mean(axis=(-2, -1))
    assert found == pytest.approx(np.mean(np.abs(quantiles - actual[..., None]).mean(axis=-1) - spread / 2))


@LAW
@given(TABLE, TABLE, st.lists(st.floats(0.01, 0.49), max_size=4, unique=True))
def test_crps_of_a_point_forecast_is_its_absolute_error(actual, forecast, lower):
    levels = sorted([*lower, 0.5, *(1 - level for level in lower)])
    quantiles = np.repeat(forecast[..., None], len(levels), axis=-1)
    assert metrics.crps(actual, quantiles, levels) == pytest.approx(metrics.mae(actual, forecast))


def test_three_levels_give_what_the_docstring_says():
    quantiles = np.broadcast_to(norm.ppf([0.1, 0.5, 0.9]), (20_000, 3))
    actual = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    assert metrics.crps(actual, quantiles, [0.1, 0.5, 0.9]) == pytest.approx(0.530, abs=5e-4)


def test_coverage_and_width_by_hand():
    actual = np.array([1.0, 2.0, 3.0, NAN])
    lower, upper = np.array([1.0, 0.0, 0.0, 0.0]), np.array([2.0, 1.0, 3.0, 4.0])
    assert metrics.coverage(actual, lower, upper) == pytest.approx(2 / 3)
    assert metrics.share_below(actual, upper) == pytest.approx(2 / 3)
    assert metrics.width(lower, upper) == pytest.approx(2.25)


def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(ShapeError, match="shapes"):
        metrics.mae(np.zeros((2, 3)), np.zeros(3))
    with pytest.raises(ShapeError, match="one for each row"):
        metrics.mase(np.zeros((2, 3)), np.zeros((2, 3)), np.ones(3))
    with pytest.raises(ShapeError, match="2 levels"):
        metrics.quantile_loss(np.zeros((2, 3)), np.zeros((2, 3, 3)), [0.1, 0.9])


@pytest.mark.parametrize(
    ("horizon", "windows", "mae", "mse", "smape"),
    [(1, 1090, 0.092666, 0.010553, 0.376550), (3, 1088, 0.109485, 0.014723, 0.423563)],
)
def test_the_pendulum_of_the_tutorial(horizon, windows, mae, mse, smape):
    """KNOWN-ANSWERS §6: the naive forecast on the last 30 % of the damped pendulum, gap 10."""
    period = 2 * math.pi * math.sqrt(100 / 9.81)
    time = np.arange(4000) * (period / 400)
    test = (np.cos(2 * math.pi * time / period) * np.exp(-0.001 * time))[-1200:]
    starts = range(len(test) - 100 - 10 - horizon + 1)
    actual = np.array([test[start + 110 : start + 110 + horizon] for start in starts])[:, -1]
    naive = np.array([last_value(test[start : start + 100], horizon) for start in starts])[:, -1]
    assert len(starts) == windows
    assert round(metrics.mae(actual, naive), 6) == mae
    assert round(metrics.mse(actual, naive), 6) == mse
    assert round(metrics.smape(actual, naive) / 100, 6) == smape


def test_the_published_m4_table():
    """Naive and sNaive of the M4 organisers, Hourly: sMAPE 43.003 and 13.912, MASE (season 24) 11.608 and 1.193."""
    folder = Path(os.environ.get("UNSPOOL_DATA", "nowhere")) / "m4_hourly"
    if not folder.is_dir():
        pytest.skip("set UNSPOOL_DATA to the folder that holds m4_hourly/ to compare with M4's published table")

    train, actual = [], []
    for name, rows in (("Hourly-train.csv.gz", train), ("Hourly-test.csv.gz", actual)):
        with gzip.open(folder / name, "rt", newline="") as file:
            for row in list(csv.reader(file))[1:]:
                rows.append(np.array([cell for cell in row[1:] if cell not in ("", "NA")], dtype=float))
    scale = np.array([metrics.mase_scale(series, 24) for series in train])
    for method, smape, mase in ((last_value, 43.003, 11.608), (seasonal_naive, 13.912, 1.193)):
        forecast = np.stack([method(series, 48, 24) for series in train])
        assert round(metrics.smape(np.stack(actual), forecast), 3) == smape
        assert round(metrics.mase(np.stack(actual), forecast, scale), 3) == mase
