"""Uneven time in a forecast: laws, what a window holds, and that it helps where time matters."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from tests.forecast.samples import HORIZON, frame_of, panel_of, small, wave
from unspool.errors import DataError, ModelError, SettingError
from unspool.forecast import Forecaster, Panel, panel_from_frame, run_job
from unspool.forecast.ensemble import lead_of
from unspool.forecast.fitting import fit_model
from unspool.forecast.options import candidates
from unspool.forecast.tables.uneven import typical
from unspool.forecast.windows import Scales, Windows
from unspool.lang import Input, Matrix, PerStep, State, cell, tanh

UNEVEN: dict[str, Any] = {"network": "onward", "cell": "lem", "uneven": True, "steps": 6}


@cell
def driven(x: Input, h: State, dt: PerStep, *, W: Matrix[Input], R: Matrix[State]) -> State:
    return h + dt * 0.1 * (tanh(W @ x + R @ h) - h)


def gaps(count: int = 80, seed: int = 0) -> np.ndarray:
    """Times at binary fractions, so that shifts and scales by powers of two are exact."""
    return np.round(np.random.default_rng(seed).exponential(size=count) * 256 + 1).cumsum() / 256


def table(times: np.ndarray, values: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({"ds": times, "y": values})


def uneven(**changes: Any) -> Forecaster:
    return small(**{**UNEVEN, **changes})


def forecast(times: np.ndarray, **changes: Any) -> np.ndarray:
    return uneven(**changes).fit(table(times, wave(len(times)))).forecast().quantiles


@pytest.mark.parametrize(
    "change", [lambda t: 8 * t, lambda t: t - 1024, lambda t: t / 4 + 77], ids=["scale", "shift", "both"]
)
def test_neither_the_unit_of_time_nor_its_origin_counts(change):
    one, two = forecast(gaps()), forecast(change(gaps()))
    assert np.array_equal(one, two)


def test_the_gaps_do_count():
    assert not np.allclose(forecast(gaps()), forecast(gaps(seed=1)), atol=1e-3)


@pytest.mark.parametrize("name", ["lem", "ctrnn", "cornn", "shunting"])
def test_with_equal_gaps_it_is_the_regular_forecast(name: str):
    one = forecast(3 * np.arange(80), cell=name)
    two = forecast(3 * np.arange(80), cell=name, uneven=False)
    assert one == pytest.approx(two, rel=1e-3, abs=1e-3)
    assert not np.isnan(one).any()


def test_dt_is_the_time_since_the_row_before_in_typical_gaps():
    times = np.array([0.0, 1, 3, 4, 10, 11, 15, 17])
    panel = panel_from_frame(table(times, wave(8)), uneven=True)
    assert panel.frequency.step == 2
    scales = Scales.of([s.values for s in panel.series])
    windows = Windows(panel, scales, lookback=3, horizon=2)
    dt = windows.cut(torch.tensor([[0, 4, 8], [0, 2, 8], [0, 8, 8]])).dt
    assert dt is not None
    assert dt.tolist() == [[0.5, 1, 0.5, 3, 0.5], [1, 1, 0.5, 1, 0.5], [0.5, 2, 1, 1, 1]]
    apart = Windows(panel, scales, lookback=3, horizon=2, gap=1).cut(torch.tensor([[0, 4, 8]])).dt
    assert apart is not None
    assert apart.tolist() == [[0.5, 1, 0.5, 3.5, 2]]
    given = Windows(panel, scales, lookback=3, horizon=2, ahead=np.array([[18.0, 26.0]]))
    dt = given.cut(given.ends()).dt
    assert dt is not None
    assert dt.tolist() == [[0.5, 2, 1, 0.5, 4]]


def test_on_a_grid_there_is_no_dt():
    windows = Windows(panel_of(wave(20)), Scales(np.zeros(1), np.ones(1)), 4, 3)
    assert windows.cut(windows.ends()).dt is None


def test_every_gap_of_the_window_and_the_horizon_moves_the_forecast():
    panel = panel_from_frame(table(gaps(), wave(80)), uneven=True)
    model = lead_of(uneven().fit(panel).model_)
    windows = Windows(panel, model.scales, 14, HORIZON)
    window = windows.cut(windows.ends())
    assert window.dt is not None
    dt = window.dt.clamp(max=0.9).requires_grad_()  # a LEM cuts longer steps: how much longer does not count
    quantiles, _ = model.members[0](replace(window, dt=dt))
    for step in range(HORIZON):
        (gradient,) = torch.autograd.grad(quantiles[0, step].square().sum(), dt, retain_graph=True)
        assert gradient[0, : 14 + step + 1].all(), step
        assert not gradient[0, 14 + step + 1 :].any(), step


def test_the_forecast_is_at_steps_after_the_last_row_or_at_the_times_given():
    panel = panel_from_frame(table(gaps(), wave(80)), uneven=True)
    fitted = uneven().fit(panel)
    found = fitted.forecast()
    regular = panel.frequency.after(panel.series[0].times[-1:], HORIZON)
    assert np.array_equal(found.times, regular)
    assert np.array_equal(fitted.forecast(times=regular).quantiles, found.quantiles)
    later = regular + np.array([0, 1, 1, 2, 5])
    other = fitted.forecast(times=later)
    assert np.array_equal(other.times, later)
    assert np.array_equal(other.quantiles[:, 0], found.quantiles[:, 0])
    assert (other.quantiles[:, 1:] != found.quantiles[:, 1:]).any(-1).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[:, :-1], r"the times are \[1, 4\]; \[1, 5\] are needed"),
        (lambda t: t - 10, "do not ascend from the last row"),
        (lambda t: t[:, ::-1], "do not ascend from the last row"),
    ],
)
def test_times_that_do_not_follow_are_refused(change, message: str):
    panel = panel_from_frame(table(gaps(), wave(80)), uneven=True)
    fitted = uneven(steps=2).fit(panel)
    with pytest.raises(SettingError, match=message):
        fitted.forecast(times=change(panel.frequency.after(panel.series[0].times[-1:], HORIZON)))
    even = small(steps=2).fit(frame_of(wave(60)))
    with pytest.raises(SettingError, match="the series has even steps"):
        even.forecast(times=[[1, 2, 3, 4, 5]])


def test_over_a_gap_the_time_that_it_takes_counts():
    panel = panel_from_frame(table(gaps(), wave(80)), uneven=True)
    fitted = uneven(gap=2, cell="shunting").fit(panel)  # which does not cut long steps
    found = fitted.forecast()
    assert np.array_equal(fitted.forecast(times=found.times).quantiles, found.quantiles)
    assert not np.allclose(fitted.forecast(times=found.times + 3).quantiles, found.quantiles)


def test_the_window_at_the_end_knows_how_long_its_first_row_took():
    """The tail that a forecast reads is one row longer than the window."""
    times = gaps()
    fitted = uneven().fit(panel_from_frame(table(times, wave(80)), uneven=True))
    later = times.copy()
    later[: 80 - 14] -= 5
    one, two = (fitted.forecast(table(each, wave(80))).quantiles for each in (times, later))
    assert not np.array_equal(one, two)
    later[: 80 - 15] -= 5
    assert np.array_equal(two, fitted.forecast(table(later, wave(80))).quantiles)


def test_the_backtest_is_at_the_times_of_the_rows_that_came():
    panel = panel_from_frame(table(gaps(), wave(80)), uneven=True)
    run = run_job(panel, uneven(), folds=2, final=False)
    assert run.backtest is not None
    for fold, end in zip(run.backtest.folds, (75, 80), strict=True):
        assert np.array_equal(fold.times[0], panel.series[0].times[end - 5 : end])
        assert np.array_equal(fold.actual[0], panel.series[0].values[end - 5 : end])
        assert fold.point.keys() == {"unspool", "last_value", "drift", "mean", "ridge"}
        line = fold.point["drift"][0]
        assert np.diff(line) / np.diff(fold.times[0]) == pytest.approx(
            (line[1] - line[0]) / (fold.times[0][1] - fold.times[0][0])
        )
    assert "no season is compared" in run.notes[0]


def test_nothing_after_the_cutoff_counts_but_the_times_asked_for():
    """Values are others, and the gaps after the horizon that is tested are too: the typical gap is of what was seen."""
    times = gaps()
    longer = np.concatenate([times[:70], times[69] + (times[70:75] - times[69]), times[74] + 50 + np.arange(5)])
    folds = []
    for moments, values in ((times, wave(80)), (longer, np.append(wave(80)[:70], 100 + np.arange(10)))):
        panel = panel_from_frame(table(moments, values), uneven=True)
        run = run_job(panel, uneven(), folds=2, step=5, refit=False, final=False)
        assert run.backtest is not None
        folds.append(run.backtest.folds[0])
    assert np.array_equal(folds[0].quantiles, folds[1].quantiles)


def test_many_series_share_the_moments_of_their_cutoffs():
    start = np.datetime64("2024-01-01", "us")
    parts = []
    for name, count, seed in (("a", 80, 0), ("b", 60, 1)):
        stamps = start + (gaps(count, seed) * 3600e6).astype("timedelta64[us]")
        parts.append(pl.DataFrame({"unique_id": [name] * count, "ds": stamps, "y": wave(count, seed)}))
    panel = panel_from_frame(pl.concat(parts), uneven=True)
    run = run_job(panel, uneven(), folds=2)
    assert run.backtest is not None
    assert run.forecast is not None
    assert run.forecast.ids == ("a", "b")
    assert np.isfinite(run.forecast.quantiles).all()
    assert run.model is not None
    assert run.model.recipe.model.features
    for plan, fold in zip(uneven().plan_folds(panel, 2), run.backtest.folds, strict=True):
        seen = max(panel.series[i].times[plan.train_end[i] - 1] for i in plan.series)
        came = min(panel.series[i].times[plan.train_end[i]] for i in plan.series if plan.train_end[i] < (80, 60)[i])
        assert seen < came
        assert (np.diff(fold.times, axis=1) > np.timedelta64(0)).all()


def test_saved_and_loaded_it_forecasts_newer_uneven_rows_alike(tmp_path: Path):
    fitted = uneven().fit(table(gaps(), wave(80)))
    fitted.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    newer = table(gaps(50, seed=3) + 99, wave(50, seed=3))
    one, two = fitted.forecast(newer), loaded.forecast(newer)
    assert np.array_equal(one.quantiles, two.quantiles)
    assert np.array_equal(one.times, two.times)
    assert np.diff(two.times[0]) == pytest.approx(np.full(HORIZON - 1, fitted.frequency_.step))
    text = (tmp_path / "model" / "model.json").read_text()
    (tmp_path / "model" / "model.json").write_text(text.replace('"uneven": true', '"uneven": false', 1))
    with pytest.raises(ModelError):
        Forecaster.load(tmp_path / "model")


def test_a_regular_model_says_nothing_of_it(tmp_path: Path):
    small(steps=3).fit(frame_of(wave(60))).save(tmp_path / "model")
    assert "uneven" not in (tmp_path / "model" / "model.json").read_text()


def test_a_cell_whose_time_step_has_no_default_can_be_used():
    quantiles = forecast(gaps(), cell=driven)
    assert np.isfinite(quantiles).all()
    with pytest.raises(SettingError, match="cell driven reads dt at every step"):
        forecast(np.arange(80), cell=driven, uneven=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell": "gru"}, "cell gru does not read the time between them"),
        ({"network": "segment"}, "network 'segment' counts on equal steps"),
        ({"network": "direct"}, "network 'direct' counts on equal steps"),
        ({"highway": True}, "a highway counts on equal steps"),
        ({"normalisation": "season"}, "normalisation 'season' counts on equal steps"),
    ],
)
def test_what_counts_on_equal_steps_is_refused(changes: dict[str, Any], message: str):
    with pytest.raises(SettingError, match=message):
        _ = uneven(**changes).options
    panel = panel_from_frame(table(gaps(), wave(80)), uneven=True)
    with pytest.raises(SettingError, match=message):
        candidates(uneven(**{**changes, "uneven": None}).options, panel)


def test_by_itself_it_is_taken_where_the_cell_can_read_it():
    frame = table(gaps(), wave(80))
    assert uneven(uneven=None, network="auto").fit(frame).recipe_.model.network == "onward"
    for changes in ({"cell": "gru"}, {"uneven": False}):
        with pytest.raises(DataError, match="is off the grid") as error:
            uneven(**{"uneven": None, **changes}).fit(frame)
        assert "a cell that reads the time between rows" in (error.value.hint or "")


def sampled_sine(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A sine of nine mean gaps, sampled at exponential gaps, with noise of .1."""
    noise = np.random.default_rng(seed)
    times = noise.exponential(size=900).cumsum()
    return times, np.sin(2 * np.pi * times / 9) + 0.1 * noise.normal(size=900)


def error_of(panel: Panel, forecaster: Forecaster) -> float:
    """Mean absolute error of the next rows, from every cutoff after row 600."""
    (recipe,) = candidates(forecaster.options, panel).values()
    fitted = fit_model(panel.before([600]), recipe)
    quantiles, actual, _ = fitted.rolling(panel, np.array([600]))
    return float(np.nanmean(np.abs(quantiles[..., recipe.model.levels.index(0.5)] - actual)))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("name", "share"), [("lem", 0.85), ("ctrnn", 0.92)])
def test_it_forecasts_better_than_the_same_cell_that_takes_rows_for_equal_steps(name: str, share: float, seed: int):
    """Measured: .57–.71 (LEM) and .77–.80 (CTRNN) of the error of the one with dt = 1."""
    times, values = sampled_sine(seed)
    forecaster = uneven(
        cell=name, horizon=4, window=12, hidden_size=16, steps=120, batch_size=64, learning_rate=0.02, dropout=0.0,
        validation=100, normalisation="standard", seed=seed,
    )  # fmt: skip
    timed, blind = (
        error_of(panel_from_frame(table(moments, values), uneven=True), forecaster)
        for moments in (times, np.arange(900.0))
    )
    assert timed < share * blind


def test_the_typical_gap_is_that_of_what_was_learned_from():
    panel = panel_from_frame(table(gaps(), wave(80)), uneven=True)
    assert typical(panel.before([60])).step == np.sort(np.diff(gaps()[:60]))[29]
