"""Series that have hardly begun are forecast by what the others teach."""

import numpy as np
import polars as pl
import pytest
import torch

from tests.forecast.samples import HORIZON, panel_of, small, wave
from unspool.errors import SettingError
from unspool.forecast import Forecaster
from unspool.forecast.cold import hidden, with_hidden
from unspool.forecast.moments import moments_of, typical_spread
from unspool.forecast.options import candidates, settled
from unspool.forecast.windows import Scales, Windows

WEEK = np.array([0, 0.1, 0.2, 0.3, 0.2, -0.4, -0.4])
LENGTH, AHEAD = 80, 7
DAYS = np.datetime64("2024-01-01", "D") + np.arange(LENGTH + AHEAD)


def shops() -> dict[str, np.ndarray]:
    """Shops with one week, whose levels lie between 10 and 1280."""
    draw = np.random.default_rng(0)
    season = WEEK[np.arange(LENGTH + AHEAD) % 7]
    return {f"s{i}": 10 * 2.0 ** (i % 8) * (1 + season + 0.03 * draw.normal(size=len(DAYS))) for i in range(24)}


def frame(shops: dict[str, np.ndarray], begins: dict[str, int]) -> pl.DataFrame:
    parts = []
    for name, values in shops.items():
        part = slice(begins.get(name, 0), LENGTH)
        parts.append(pl.DataFrame({"unique_id": name, "ds": DAYS[part], "y": values[part]}))
    return pl.concat(parts)


@pytest.fixture(scope="module")
def fitted() -> tuple[dict[str, np.ndarray], Forecaster]:
    values = shops()
    usual = {"network": "segment", "segment": 7, "highway": True, "members": 1, "hidden_size": 32, "refit": False}
    forecaster = Forecaster(AHEAD, steps=120, **usual)
    return values, forecaster.fit(frame(values, {"s6": LENGTH - 1, "s3": LENGTH - 3}))


@pytest.mark.parametrize("name", ["s6", "s3"])
def test_a_series_of_one_or_three_values_has_the_week_of_the_others(fitted, name: str):
    values, forecaster = fitted
    made = forecaster.forecast()
    row = made.ids.index(name)
    came, level = values[name][LENGTH:], values[name].mean()
    error = np.abs(made.point[row] - came).mean() / level
    naive = np.abs(values[name][LENGTH - 1] - came).mean() / level
    assert naive > 0.2
    assert error < naive / 2
    width = (made.quantiles[row, :, -1] - made.quantiles[row, :, 0]).mean() / level
    assert 0.05 < width < 0.6


def test_a_new_series_of_one_value_follows_the_others_at_any_level(fitted):
    forecaster = fitted[1]
    wanted = (1 + WEEK[np.arange(LENGTH, LENGTH + AHEAD) % 7]) / (1 + WEEK[(LENGTH - 1) % 7])
    for level in (2.0, 5000.0):
        new = pl.DataFrame({"unique_id": "new", "ds": DAYS[LENGTH - 1 : LENGTH], "y": [level]})
        found = forecaster.predict(new)["forecast"].to_numpy() / level
        assert np.abs(found - wanted).mean() < 0.1


def test_a_saved_model_forecasts_it_as_well(fitted, tmp_path):
    forecaster = fitted[1]
    new = pl.DataFrame({"unique_id": "new", "ds": DAYS[LENGTH - 4 : LENGTH], "y": [3.0, 4.0, 5.0, 3.5]})
    forecaster.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    assert loaded.cold_start
    assert loaded.predict(new).equals(forecaster.predict(new))


def test_it_is_trained_for_where_the_table_asks_for_it():
    long, short = wave(80), wave(5)
    assert [r.cold for r in candidates(small(normalisation="auto").options, panel_of(long, long)).values()] == [False]
    recipe = next(iter(candidates(small(normalisation="auto").options, panel_of(long, short)).values()))
    assert recipe.cold
    assert recipe.model.normalisation == "last"
    assert not settled(small(normalisation="scaled").options, panel_of(long, short)).cold_start
    assert settled(small(cold_start=True).options, panel_of(long)).cold_start
    with pytest.raises(SettingError, match="a cold start has a single value"):
        _ = small(cold_start=True, normalisation="standard").options


def test_only_the_end_of_a_hidden_past_is_seen_and_no_window_is_left_empty():
    values = wave(40)
    values[20:25] = np.nan
    panel = panel_of(values)
    windows = Windows(panel, Scales.of([values]), 8, 4)
    window = windows.cut(torch.tensor([[0, 40, 40], [0, 40, 40], [0, 25, 40]]))
    found = hidden(window, torch.tensor([2, 8, 3]))
    assert found.past_mask.sum(1).tolist() == [2, 8, 3]  # the last three steps of the third were not observed
    assert torch.equal(found.past[0, -2:], window.past[0, -2:])
    assert found.past[0, :-2].abs().sum() == 0
    assert found.series.tolist() == [-1, 0, 0]
    assert torch.equal(found.future, window.future)


def test_a_quarter_of_the_windows_is_hidden_and_the_seed_decides_which():
    panel = panel_of(wave(80))
    windows = Windows(panel, Scales.of([panel.series[0].values]), 16, 5)
    window = windows.cut(windows.places(np.array([20]), np.array([80])))
    first, again, other = (
        torch.cat([part.past_mask for part in with_hidden(iter([window] * 40), seed)]) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float((first.sum(1) < 16).float().mean()) == pytest.approx(0.25, abs=0.03)


def test_a_series_without_a_window_is_told_apart_by_nothing():
    forecaster = small().fit(panel_of(wave(80), wave(60, seed=1), wave(2, seed=2)))
    identity = forecaster.model_.members[0].identity
    assert identity is not None
    assert [bool(row.any()) for row in identity.weight.detach()] == [True, True, False]
    assert np.isfinite(forecaster.forecast().point).all()
    assert forecaster.forecast().point.shape == (3, HORIZON)


def test_moments_are_those_of_numpy_to_the_last_bit():
    draw = np.random.default_rng(0)
    series = [draw.normal(size=n) * 10.0**k for k, n in enumerate([1, 7, 300, 7, 300, 2])]
    series[2][40:50] = np.nan
    centre, spread, count = moments_of(series)
    seen = [s[~np.isnan(s)] for s in series]
    assert centre.tolist() == [s.mean() for s in seen]
    assert spread.tolist() == [s.std() for s in seen]
    assert count.tolist() == [1, 7, 290, 7, 300, 2]


def test_the_spread_of_a_series_that_shows_none():
    level = np.array([8.0, -3.0, 0.0])
    grows = typical_spread(level, np.array([1.0, 10.0, 100.0]), np.array([0.2, 2.0, 20.0]))
    assert grows == pytest.approx([1.6, 0.6, 2.0])  # a fifth of the level; of none, the median deviation
    steady = typical_spread(level, np.array([10.0, 20.0, 12.0]), np.array([3.0, 3.1, 2.9]))
    assert steady == pytest.approx([3.0] * 3)
    around_zero = typical_spread(level, np.array([0.1, -0.2, 0.0]), np.array([2.0, 2.0, 2.0]))
    assert around_zero == pytest.approx([2.0] * 3)
    brief = Scales.of([np.array([5.0, 6, 7, 8]), np.array([1.0, -1] * 20)], few=8).spread[0]
    assert brief == pytest.approx(np.sqrt((4 * np.var([5, 6, 7, 8]) + 8 * 1) / 12))
    scales = Scales.of([np.array([1.0, 2, 3]), np.array([10.0, 20, 30]), np.array([7.0]), np.full(9, 7.0)])
    assert scales.centre.tolist() == [2, 20, 7, 7]
    assert scales.spread[2:] == pytest.approx([7 * scales.spread[0] / 2] * 2)
