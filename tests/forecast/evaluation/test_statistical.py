"""statsforecast's methods in a backtest: its own values, the same scores, and rules for what they cannot do."""

import warnings
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest

from tests.forecast.samples import HORIZON, frame_of, panel_of, recipe_of, small, wave
from unspool.cli.job import Job
from unspool.errors import SettingError
from unspool.forecast import run_job
from unspool.forecast.backtest import run_backtest
from unspool.forecast.evaluation import fitters, metrics, statistical
from unspool.forecast.evaluation.baselines import seasonal_naive
from unspool.forecast.evaluation.folds import cutoffs
from unspool.forecast.evaluation.statistical import METHODS, SECONDS, Rival, Statistical, check_baselines, whole_of
from unspool.forecast.result import Backtest

installed = pytest.mark.skipif(find_spec("statsforecast") is None, reason="the extra `baselines` is not installed")

LEVELS = (0.05, 0.3, 0.5, 0.9, 0.95)
NAN = np.nan


@pytest.fixture(scope="module")
def methods() -> Iterator[Statistical]:
    """Processes that several tests use, for each takes seconds to start."""
    with Statistical(100, 600) as started:
        yield started


def rivals(methods: Statistical, *histories: np.ndarray, gap: int = 0) -> dict[str, Rival]:
    ids = [f"s{k}" for k in range(len(histories))]
    return methods.forecast(ids, histories, HORIZON, 7, LEVELS, gap)


def directly(method: str, values: np.ndarray, steps: int, season: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Point and quantiles as statsforecast gives them in this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = getattr(import_module("statsforecast.models"), method)(season_length=season)
        made = model.forecast(y=values, h=steps, level=[40.0, 80.0, 90.0])
    names = ["lo-90.0", "lo-40.0", "mean", "hi-80.0", "hi-90.0"]
    return made["mean"], np.stack([made[name] for name in names], axis=-1)


def backtested(*series: np.ndarray, folds: int = 2) -> Backtest:
    panel = panel_of(*series)
    plans = cutoffs(panel, HORIZON, folds)
    done = run_backtest(panel, plans, recipe_of(panel), baselines="statistical", baseline_seconds=600)
    assert done is not None
    return done


@installed
@pytest.mark.parametrize("gap", [0, 2])
def test_values_are_those_of_statsforecast_itself(gap: int, methods: Statistical):
    histories = [wave(45), 5 + wave(30, seed=1)]
    made = rivals(methods, *histories, gap=gap)
    assert tuple(made) == METHODS
    for method, rival in made.items():
        for k, values in enumerate(histories):
            point, quantiles = directly(method, values, gap + HORIZON)
            assert np.array_equal(rival.point[k], point[gap:])
            assert np.array_equal(rival.quantiles[k], quantiles[gap:])


@installed
def test_the_backtest_scores_them_by_the_same_code_with_the_season_of_the_seasonal_naive(methods: Statistical):
    series = [wave(45), wave(45, seed=1)]
    done = backtested(*series)
    assert done.notes == ()
    assert list(done.metrics["overall"])[-3:] == list(METHODS)
    levels = done.levels
    # a week, which is the usual season of daily data
    made = [rivals(methods, *(values[:cutoff] for values in series)) for cutoff in (35, 40)]
    actual = np.concatenate([[values[cutoff : cutoff + HORIZON] for values in series] for cutoff in (35, 40)])
    for method in METHODS:
        point = np.concatenate([fold[method].point for fold in made])
        quantiles = np.concatenate([fold.rivals[method] for fold in done.folds])
        scores = done.metrics["overall"][method]
        assert scores["mae"] == metrics.mae(actual, point)
        assert scores["crps"] == metrics.crps(actual, quantiles, levels) != scores["mae"]
        assert scores["weighted_quantile_loss"] == metrics.weighted_quantile_loss(actual, quantiles, levels)
        low, high = quantiles[..., 0], quantiles[..., -1]
        widest = done.metrics["rivals"][method]["coverage"][-1]
        assert widest == {
            "nominal": 0.9,
            "actual": metrics.coverage(actual, low, high),
            "width": metrics.width(low, high),
        }
        assert np.array_equal(done.folds[0].rivals[method][..., levels.index(0.5)], done.folds[0].point[method])


@installed
def test_nothing_after_the_cutoff_counts():
    altered = wave(45)
    altered[40:] = 1000.0
    first, second = (backtested(values, folds=1).folds[0] for values in (wave(45), altered))
    for method in METHODS:
        assert np.array_equal(first.rivals[method], second.rivals[method])
        assert np.array_equal(first.point[method], second.point[method])


@installed
def test_missing_values_are_put_on_lines_and_those_at_the_end_are_stepped_over():
    values = wave(40)
    holed = values.copy()
    holed[20:23] = NAN
    lined = values.copy()
    lined[20:23] = values[19] + (values[23] - values[19]) * np.array([0.25, 0.5, 0.75])
    ended = np.concatenate([np.full(4, NAN), values, [NAN, NAN]])
    with Statistical(2, 600) as methods:
        made = methods.forecast(["a", "b"], [holed, ended], HORIZON, 7, LEVELS)
        (note,) = methods.notes
    assert "3 in 1 series were put on the straight line" in note
    for method, rival in made.items():
        assert np.allclose(rival.quantiles[0], directly(method, lined, HORIZON)[1], rtol=1e-9)
        assert np.array_equal(rival.quantiles[1], directly(method, values, HORIZON + 2)[1][2:])


def test_a_whole_history():
    whole = whole_of(np.array([NAN, 1.0, NAN, NAN, 4.0, NAN]))
    assert (whole.values.tolist(), whole.filled, whole.behind) == ([1.0, 2.0, 3.0, 4.0], 2, 1)
    assert len(whole_of(np.full(3, NAN)).values) == 0


@installed
def test_a_series_that_cannot_be_fitted_gets_the_seasonal_naive_and_is_counted():
    short, constant = np.array([5.0, 6.0, 7.0]), np.full(40, 3.0)
    with Statistical(3, 600) as methods:
        made = methods.forecast(["short", "constant", "good"], [short, constant, wave(40)], HORIZON, 7, LEVELS)
        notes = methods.notes
    naive = seasonal_naive(short, HORIZON, 7)
    for method in ("AutoETS", "AutoTheta"):
        assert np.array_equal(made[method].point[0], naive)
        assert np.array_equal(made[method].quantiles[0], np.repeat(naive[:, None], len(LEVELS), axis=1))
        assert any(n.startswith(f"{method} failed on 1 of 3 forecasts") and "series 'short': tiny" in n for n in notes)
    for method in METHODS:
        assert np.allclose(made[method].quantiles[1], 3.0, atol=1e-4)  # a constant is no failure


@installed
def test_a_method_that_takes_too_long_is_ended_and_left_out():
    hard = [wave(400, seed=k) for k in range(8)]
    with Statistical(8, 0.4) as methods:
        made = methods.forecast([str(k) for k in range(8)], hard, HORIZON, 60, LEVELS)
        (note,) = (note for note in methods.notes if "AutoARIMA" in note)
        again = methods.forecast(["0"], hard[:1], HORIZON, 60, LEVELS)
    assert "AutoARIMA" not in made
    assert "AutoARIMA" not in again
    assert note.startswith("AutoARIMA is left out: ")
    assert "of 8 forecasts were done in its 0.4 seconds" in note


@installed
def test_what_is_left_out_in_a_late_fold_leaves_all_of_them(monkeypatch: pytest.MonkeyPatch):
    work, calls = fitters.Fitters.work, []

    def slow_at_last(self: fitters.Fitters, tasks: list[fitters.Task], seconds: float) -> list:
        calls.append(tasks[0]["method"])
        return [None] if calls.count("AutoTheta") == 2 else work(self, tasks, seconds)

    monkeypatch.setattr(fitters.Fitters, "work", slow_at_last)
    done = backtested(wave(45))
    assert [note.split(" is")[0] for note in done.notes] == ["AutoTheta"]
    assert "AutoTheta" not in done.metrics["overall"]
    assert all("AutoTheta" not in fold.point and "AutoTheta" not in fold.rivals for fold in done.folds)
    assert "AutoETS" in done.metrics["overall"]


@installed
def test_ctrl_c_in_a_method_leaves_the_folds_that_were_done(monkeypatch: pytest.MonkeyPatch):
    wait, calls = fitters.wait, []

    def interrupted(running: list, timeout: float) -> object:
        calls.append(timeout)
        if len(calls) == len(METHODS) + 1:
            raise KeyboardInterrupt
        return wait(running, timeout=timeout)

    monkeypatch.setattr(fitters, "wait", interrupted)
    done = backtested(wave(45))
    assert [fold.number for fold in done.folds] == [1]
    assert tuple(done.folds[0].rivals) == METHODS


@installed
def test_a_process_that_dies_is_a_failure_of_its_series_alone():
    fitter = fitters.Fitter()
    task = {"method": "AutoTheta", "season": 7, "horizon": 3, "levels": [80.0], "values": wave(40).tolist()}
    fitter.start()
    fitter.greet()
    fitter.end()
    assert "has ended" in fitter.ask(task)["error"]
    fitter.start()
    assert len(fitter.ask(task)["mean"]) == 3
    fitter.close()


def test_without_the_extra_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(statistical, "find_spec", lambda name: None)
    for call in (
        lambda: check_baselines("statistical", 60),
        lambda: run_job(panel_of(wave(70)), small(), baselines="statistical"),
        lambda: small().backtest(frame_of(wave(70)), baselines="statistical"),
    ):
        with pytest.raises(SettingError, match="not installed") as caught:
            call()
        assert caught.value.hint is not None
        assert "pip install 'unspool[baselines]'" in caught.value.hint


def test_what_has_no_meaning_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(statistical, "find_spec", lambda name: object())
    with pytest.raises(SettingError, match="unknown baselines 'all'"):
        check_baselines("all", 60)
    for seconds in (0, -1, NAN, np.inf):
        with pytest.raises(SettingError, match="baseline_seconds"):
            check_baselines("statistical", seconds)
    uneven = small(cell="lem", network="auto", uneven=True, frequency=None)
    with pytest.raises(SettingError, match="uneven times"):
        uneven.backtest(frame_of(wave(70)), baselines="statistical")
    assert Job.baseline_seconds == SECONDS
