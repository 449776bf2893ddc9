"""Windows: what lies where, what is masked, and nothing from beyond a limit."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.forecast.samples import panel_of, wave
from unspool.forecast.windows import Scales, Windows

UNIT = Scales(np.zeros(9), np.ones(9))
"""Values as they are."""


def counted(*lengths: int) -> list[np.ndarray]:
    """Series of their own positions; the second counts from 100, the third from 200."""
    return [np.arange(n) + 100.0 * k for k, n in enumerate(lengths)]


def test_a_window_holds_the_steps_before_the_cutoff_and_those_after_the_gap():
    windows = Windows(panel_of(*counted(20, 30)), UNIT, lookback=4, horizon=3, gap=2)
    window = windows.cut(torch.tensor([[0, 10, 20], [1, 7, 30]]))
    assert window.past.tolist() == [[6, 7, 8, 9], [103, 104, 105, 106]]
    assert window.future.tolist() == [[12, 13, 14], [109, 110, 111]]
    assert window.past_mask.min() == window.future_mask.min() == 1
    assert window.series.tolist() == [0, 1]


def test_beyond_either_end_and_from_the_limit_on_all_is_masked():
    windows = Windows(panel_of(counted(20)[0]), UNIT, lookback=4, horizon=3)
    window = windows.cut(torch.tensor([[0, 2, 20], [0, 18, 20], [0, 10, 12]]))
    assert window.past_mask.tolist() == [[0, 0, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]]
    assert window.past[0].tolist() == [0, 0, 0, 1]
    assert window.future_mask.tolist() == [[1, 1, 1], [1, 1, 0], [1, 1, 0]]
    assert window.future[1:].tolist() == [[18, 19, 0], [10, 11, 0]]


def test_series_do_not_run_into_each_other():
    windows = Windows(panel_of(*counted(8, 8, 8)), UNIT, lookback=8, horizon=8, gap=3)
    window = windows.cut(torch.tensor([[1, 1, 8], [1, 8, 8]]))
    assert window.past[0].tolist() == [0] * 7 + [100]
    assert window.past_mask.sum(1).tolist() == [1, 8]
    assert window.future_mask.sum(1).tolist() == [4, 0]


def test_missing_values_are_masked_and_zero():
    values = counted(20)[0].tolist()
    values[8] = values[11] = None
    window = Windows(panel_of(values), UNIT, lookback=4, horizon=3).cut(torch.tensor([[0, 10, 20]]))
    assert window.past.tolist() == [[6, 7, 0, 9]]
    assert window.past_mask.tolist() == [[1, 1, 0, 1]]
    assert window.future.tolist() == [[10, 0, 12]]
    assert window.future_mask.tolist() == [[1, 0, 1]]


def test_places_lie_between_first_and_last():
    windows = Windows(panel_of(counted(20)[0]), UNIT, lookback=4, horizon=3, gap=1)
    first, last = np.array([9]), np.array([15])
    assert windows.places(first, last)[:, 1].tolist() == [8, 9, 10, 11, 12, 13]
    assert windows.places(first, last, whole=True)[:, 1].tolist() == [8, 9, 10, 11]
    assert windows.places(first, last, shortest=12)[:, 1].tolist() == [12, 13]
    assert len(windows.places(first, np.array([9]))) == 0


def test_a_window_without_any_past_or_target_is_no_place():
    values: list[float | None] = [1, 2, None, None, None, None, 3, 4, 5, None, None, None, 6]
    places = Windows(panel_of(values), UNIT, lookback=2, horizon=2).places(np.array([0]), np.array([13]))
    assert places[:, 1].tolist() == [c for c in range(1, 13) if _useful(values, c)]
    assert 0 < len(places) < 12


def _useful(values: list[float | None], cutoff: int) -> bool:
    seen = [v is not None for v in values]
    return any(seen[max(0, cutoff - 2) : cutoff]) and any(seen[cutoff : cutoff + 2])


def test_targets_trained_on_end_where_validation_begins():
    """The target must not leak: no window of the first part holds a value of the second, as past or as target."""
    values = wave(60)
    altered = np.concatenate([values[:40], values[40:] + 1000])
    cut = []
    for one in (values, altered):
        windows = Windows(panel_of(one), UNIT, lookback=10, horizon=5)
        cut.append(windows.cut(windows.places(np.array([0]), np.array([40]))))
    for name in ("past", "past_mask", "future", "future_mask", "calendar"):
        assert torch.equal(getattr(cut[0], name), getattr(cut[1], name)), name


def test_the_end_of_a_series_is_where_it_is_forecast():
    windows = Windows(panel_of(*counted(20, 9)), UNIT, lookback=4, horizon=3)
    window = windows.cut(windows.ends())
    assert window.past[:, -1].tolist() == [19, 108]
    assert window.future_mask.sum() == 0


def test_the_calendar_goes_on_beyond_the_end():
    panel = panel_of(counted(20)[0])
    names = panel.frequency.feature_names
    window = Windows(panel, UNIT, 4, 3, gap=2, calendar=names).cut(torch.tensor([[0, 20, 20]]))
    last = panel.series[0].times[-1]
    times = np.concatenate([panel.series[0].times[-4:], panel.frequency.after(last, 5)])
    assert np.array_equal(window.calendar[0].numpy(), panel.frequency.features(times))


@given(level=st.floats(-1e6, 1e6), spread=st.floats(1e-3, 1e6))
def test_scales_are_mean_and_deviation(level: float, spread: float):
    values = np.array([-1.0, np.nan, 1.0, 1.0, -1.0]) * spread + level
    scales = Scales.of([values])
    assert scales.centre[0] == pytest.approx(level, rel=1e-6, abs=1e-6 * spread)
    assert scales.spread[0] == pytest.approx(spread, rel=1e-4)


@given(st.floats(-1e12, 1e12), st.integers(1, 50))
def test_what_does_not_vary_has_spread_one(level: float, count: int):
    assert Scales.of([np.full(count, level)]).spread[0] == 1
    assert Scales.of([np.full(count, np.nan)]).spread[0] == 1


def test_windows_are_in_units_of_their_series():
    panel = panel_of(wave(50), 1000 + 50 * wave(50, seed=1))
    windows = Windows(panel, Scales.of([s.values for s in panel.series]), 50, 1)
    past = windows.cut(windows.ends()).past
    assert past.mean(1).abs().max() < 1e-5
    assert (past.std(1, correction=0) - 1).abs().max() < 1e-5
