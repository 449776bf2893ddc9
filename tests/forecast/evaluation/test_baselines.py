"""Baselines: worked numbers, equivariance laws, and the ridge against scikit-learn and known dynamics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from unspool.forecast.evaluation.baselines import BASELINES, drift, fit_ridge, last_value, mean, seasonal_naive
from unspool.forecast.evaluation.metrics import mae, mase_scale

NAN = float("nan")
LAW = settings(deadline=None, max_examples=50)
VALUES = st.lists(st.one_of(st.floats(-1e3, 1e3, width=32), st.just(NAN)), min_size=1, max_size=30).map(np.array)


def arima_like(rng, length):
    """Noise around a slow wave and a trend: anything a linear window can use."""
    time = np.arange(length)
    return 3 * np.sin(time / 5) + 0.05 * time + np.cumsum(rng.normal(0, 0.1, length))


def test_by_hand():
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 7.0])
    np.testing.assert_array_equal(last_value(values, 3), [7, 7, 7])
    np.testing.assert_array_equal(mean(values, 2), [22 / 6, 22 / 6])
    np.testing.assert_allclose(drift(values, 3), 7 + 6 / 5 * np.arange(1, 4))
    np.testing.assert_array_equal(seasonal_naive(values, 7, 4), [3, 4, 5, 7, 3, 4, 5])


def test_missing_values_are_left_out():
    values = np.array([1.0, 2.0, NAN, 4.0, 5.0, NAN])
    np.testing.assert_array_equal(last_value(values, 2), [5, 5])
    np.testing.assert_array_equal(mean(values, 1), [3])
    np.testing.assert_allclose(drift(values, 2), [5 + 2, 5 + 3])  # slope 1, the last observed value lies a step back
    np.testing.assert_array_equal(seasonal_naive(values, 3, 3), [4, 5, 5])  # the third phase was never seen: last value
    np.testing.assert_array_equal(seasonal_naive(values, 4, 2), [5, 4, 5, 4])


@LAW
@given(VALUES, st.integers(1, 12), st.integers(1, 9))
def test_seasonal_naive_is_the_last_observed_value_of_the_phase(values, horizon, season):
    found = seasonal_naive(values, horizon, season)
    for k in range(horizon):
        phase = [v for i, v in enumerate(values) if (i - len(values) - k) % season == 0 and not np.isnan(v)]
        np.testing.assert_array_equal(found[k], phase[-1] if phase else last_value(values, 1)[0])


@LAW
@given(VALUES, st.integers(1, 12), st.integers(1, 9), st.floats(-3, 3), st.floats(-50, 50))
def test_simple_baselines_follow_the_unit_of_the_data(values, horizon, season, factor, shift):
    for method in (last_value, seasonal_naive, drift, mean):
        found = method(values, horizon, season)
        assert found.shape == (horizon,)
        assert np.isnan(found).all() == np.isnan(values).all()
        np.testing.assert_allclose(
            method(factor * values + shift, horizon, season), factor * found + shift, rtol=1e-6, atol=1e-6
        )


@pytest.mark.parametrize("name", BASELINES)
def test_the_table_has_one_signature_and_a_gap_skips_steps(name):
    rng = np.random.default_rng(1)
    histories = [arima_like(rng, 60), arima_like(rng, 45)]
    settings_ = {"window": 12, "seed": 3}
    assert BASELINES[name](histories, 4, 6, **settings_).shape == (2, 4)
    if name != "ridge":
        long = BASELINES[name](histories, 7, 6, **settings_)
        np.testing.assert_array_equal(BASELINES[name](histories, 4, 6, gap=3, **settings_), long[:, 3:])


@pytest.mark.parametrize("name", BASELINES)
def test_no_baseline_warns_or_fails_on_poor_data(name):
    """Warnings are errors in this suite. A series without any observed value is the only one without a forecast."""
    flat, one, nothing = np.full(50, 7.0), np.array([3.0]), np.full(20, NAN)
    holes = np.where(np.arange(80) % 3 == 0, NAN, np.arange(80.0))
    for histories in ([flat], [one], [nothing], [holes], [one, flat, nothing, holes]):
        found = BASELINES[name](histories, 5, 12, window=24, seed=0)
        for history, forecast in zip(histories, found, strict=True):
            assert np.isnan(forecast).all() == np.isnan(history).all()
    np.testing.assert_allclose(BASELINES[name]([flat], 5, 12, window=24), 7.0)


def test_ridge_is_scikit_learns_on_relative_windows():
    """The weights by the definition: one series, windows written out one by one, and the penalty it reports."""
    values = arima_like(np.random.default_rng(2), 120)
    window, horizon, gap, unit = 8, 3, 2, mase_scale(values, 4)
    fitted = fit_ridge([values], window, horizon, season=4, gap=gap)
    starts = range(len(values) - window - gap - horizon + 1)
    x = np.array([(values[s : s + window] - values[s + window - 1]) / unit for s in starts])
    y = (
        np.array([values[s + window + gap : s + window + gap + horizon] - values[s + window - 1] for s in starts])
        / unit
    )
    expected = Ridge(alpha=float(fitted.strength * len(x) * np.mean(x**2))).fit(x, y)
    np.testing.assert_allclose(fitted.weights, expected.coef_.T, atol=1e-9)
    np.testing.assert_allclose(fitted.bias, expected.intercept_, atol=1e-9)
    last = (values[-window:] - values[-1]) / unit
    np.testing.assert_allclose(fitted.predict([values])[0], values[-1] + unit * expected.predict([last])[0])


@pytest.mark.parametrize("gap", [0, 4])
def test_ridge_finds_the_recurrence_of_a_damped_wave(gap):
    """The pendulum is exactly AR(2) (KNOWN-ANSWERS §6): a linear forecaster is nearly exact on it."""
    period = 40.0
    time = np.arange(400)
    values = np.cos(2 * np.pi * time / period) * np.exp(-0.002 * time)
    fitted = fit_ridge([values[:300]], 10, 5, gap=gap)
    assert fitted.strength < 1e-3
    assert mae(values[300 + gap : 305 + gap], fitted.predict([values[:300]])[0]) < 1e-3


def test_ridge_beats_the_simple_baselines_where_there_is_something_to_learn():
    rng = np.random.default_rng(5)
    series = [arima_like(rng, 200) * 10.0**i for i in range(4)]
    actual, histories = np.stack([s[-10:] for s in series]), [s[:-10] for s in series]
    ridge = mae(actual, BASELINES["ridge"](histories, 10, 1, window=40))
    assert all(ridge < mae(actual, BASELINES[name](histories, 10, 1)) for name in BASELINES if name != "ridge")


def test_a_series_in_another_unit_gets_the_same_forecast():
    values = arima_like(np.random.default_rng(6), 150)
    plain = fit_ridge([values, values], 12, 6, season=1).predict([values])
    mixed = fit_ridge([values, 1000 * values + 5], 12, 6, season=1).predict([values, 1000 * values + 5])
    np.testing.assert_allclose(mixed[0], plain[0], rtol=1e-6)
    np.testing.assert_allclose(mixed[1], 1000 * plain[0] + 5, rtol=1e-6)


@LAW
@given(st.integers(1, 70), st.integers(1, 12), st.integers(1, 48), st.integers(0, 5), st.floats(0, 0.6))
def test_ridge_answers_for_any_length(length, horizon, window, gap, missing):
    rng = np.random.default_rng(length)
    values = arima_like(rng, length)
    values[rng.random(length) < missing] = NAN
    values[0] = 1.0
    fitted = fit_ridge([values], window, horizon, season=7, gap=gap)
    assert len(fitted.weights) <= window
    found = fitted.predict([values])
    assert found.shape == (1, horizon)
    assert np.isfinite(found).all()


def test_a_short_series_shortens_the_window():
    values = arima_like(np.random.default_rng(7), 60)
    assert len(fit_ridge([values], 48, 12).weights) == 24  # 60 − 24 − 12 + 1 = 25 windows
    assert len(fit_ridge([values] * 50, 48, 12).weights) == 48
    nothing = fit_ridge([values[:8]], 48, 12)
    np.testing.assert_array_equal(nothing.predict([values[:8]]), np.full((1, 12), values[7]))


def test_targets_with_holes_are_used_step_by_step():
    """Hardly any whole horizon was observed here, yet every step follows the line (the last value would be 20 off)."""
    values = np.arange(300.0)
    values[np.random.default_rng(8).random(300) < 0.3] = NAN
    found = fit_ridge([values], 6, 20).predict([values[:290]])[0]
    assert np.isnan(values).mean() > 0.2
    np.testing.assert_allclose(found, np.arange(290, 310), atol=2.5)


def test_the_penalty_never_sees_the_part_it_is_chosen_on(monkeypatch):
    """Fitting for the comparison must not change when the last fifth of the targets does."""
    from unspool.forecast.evaluation import baselines

    values = arima_like(np.random.default_rng(9), 100)
    changed = values.copy()
    changed[78:] += 100.0  # 86 windows, of which the last 18 are compared on: their targets begin at 68 + 10
    seen = []
    solve = baselines._solve
    monkeypatch.setattr(baselines, "_solve", lambda x, y, s: seen.append((x, y)) or solve(x, y, s))
    monkeypatch.setattr(baselines, "_units", lambda histories, season: np.ones(len(histories)))
    fit_ridge([values], 10, 5)
    first = list(seen)
    seen.clear()
    fit_ridge([changed], 10, 5)
    for (x, y), (other_x, other_y) in list(zip(first, seen, strict=True))[:-1]:
        np.testing.assert_array_equal(x, other_x)
        np.testing.assert_array_equal(y, other_y)


def test_many_windows_are_drawn_by_the_seed(monkeypatch):
    from unspool.forecast.evaluation import baselines

    monkeypatch.setattr(baselines, "MOST_WINDOWS", 200)
    rng = np.random.default_rng(10)
    histories = [arima_like(rng, 100) for _ in range(10)]
    one, same, other = (fit_ridge(histories, 12, 3, seed=seed).weights for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_thousand_series():
    rng = np.random.default_rng(11)
    histories = [arima_like(rng, int(length)) for length in rng.integers(20, 90, 1000)]
    found = BASELINES["ridge"](histories, 12, 12, window=24)
    assert found.shape == (1000, 12)
    assert np.isfinite(found).all()
