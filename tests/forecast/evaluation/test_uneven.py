"""Baselines for rows at uneven times, by hand."""

import numpy as np
import pytest

from unspool.forecast.evaluation.baselines import BASELINES
from unspool.forecast.evaluation.uneven import drift_in_time, uneven_baselines


def test_drift_is_the_line_in_time():
    values, times = np.array([np.nan, 1.0, 9.0, 3.0, np.nan]), np.array([0.0, 1.0, 1.5, 5.0, 6.0])
    assert drift_in_time(values, times, np.array([5.5, 9.0])) == pytest.approx([3.25, 5.0])
    stamps = np.datetime64("2024-01-01", "us") + (times * 1e6).astype("timedelta64[us]")
    ahead = np.datetime64("2024-01-01", "us") + np.array([5.5e6, 9e6]).astype("timedelta64[us]")
    assert drift_in_time(values, stamps, ahead) == pytest.approx([3.25, 5.0])


def test_drift_of_one_value_is_that_value():
    assert drift_in_time(np.array([np.nan, 4.0]), np.array([0.0, 1.0]), np.array([3.0, 4.0])).tolist() == [4, 4]


def test_at_equal_times_they_are_the_usual_ones_without_the_season():
    noise = np.random.default_rng(0)
    histories = [noise.normal(size=40).cumsum() for _ in range(2)]
    times, ahead = [np.arange(40.0)] * 2, np.tile(np.arange(40.0, 46.0), (2, 1))
    found = uneven_baselines(histories, times, ahead, horizon=4, window=5, gap=2)
    usual = {name: method(histories, 4, 1, window=5, gap=2, seed=0) for name, method in BASELINES.items()}
    assert found.keys() == usual.keys() - {"seasonal_naive"}
    for name, values in found.items():
        assert values == pytest.approx(usual[name]), name
