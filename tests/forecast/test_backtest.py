"""Backtest: each fold learns from before its cutoff, and one model may serve all folds."""

import numpy as np
import pytest

from tests.forecast.samples import HORIZON, Watch, frame_of, panel_of, recipe_of, small, wave
from unspool.forecast.backtest import run_backtest
from unspool.forecast.evaluation.folds import cutoffs
from unspool.forecast.fitting import fit_model

PANEL = panel_of(wave(90), 5 + wave(90, seed=1))
RECIPE = recipe_of(PANEL)


def test_a_fold_is_a_fit_and_a_forecast_of_what_was_before():
    plans = cutoffs(PANEL, HORIZON, 2)
    done = run_backtest(PANEL, plans, RECIPE)
    assert done is not None
    for fold, plan in zip(done.folds, plans, strict=True):
        seen = PANEL.before(plan.train_end.tolist())
        assert np.array_equal(fold.quantiles, fit_model(seen, RECIPE).quantiles(seen))
        ends = plan.train_end
        actual = [s.values[e : e + HORIZON] for s, e in zip(PANEL.series, ends, strict=True)]
        assert np.array_equal(fold.actual, np.array(actual))
        assert np.array_equal(
            fold.point["last_value"][:, 0], [s.values[e - 1] for s, e in zip(PANEL.series, ends, strict=True)]
        )
        assert np.array_equal(fold.times[0], PANEL.series[0].times[ends[0] : ends[0] + HORIZON])


def test_without_refit_the_oldest_model_serves_all_folds():
    watch = Watch()
    done = run_backtest(PANEL, cutoffs(PANEL, HORIZON, 3), RECIPE, refit=False, callbacks=[watch])
    assert watch.titles() == ["fold 1/3"]
    assert done is not None
    assert [fold.training is not None for fold in done.folds] == [True, False, False]


def test_a_sliding_window_forgets():
    plans = cutoffs(PANEL, HORIZON, 1, window=60)
    altered = [np.concatenate([np.full(20, 99.0), s.values[20:]]) for s in PANEL.series]
    done = [run_backtest(panel, plans, RECIPE) for panel in (PANEL, panel_of(*altered))]
    assert done[0] is not None
    assert done[1] is not None
    assert np.array_equal(done[0].folds[0].quantiles, done[1].folds[0].quantiles)


@pytest.mark.parametrize("gap", [0, 3])
def test_the_gap_is_skipped(gap: int):
    done = small(gap=gap).backtest(frame_of(wave(90)), folds=1)
    fold = done.folds[0]
    assert fold.times[0, 0] - fold.last_seen[0] == np.timedelta64(1 + gap, "D")
    assert np.array_equal(fold.actual[0], wave(90)[-HORIZON:])


def test_a_series_that_ends_early_is_left_out_of_its_folds():
    frame = frame_of(wave(90), wave(60, seed=1))
    done = small().backtest(frame, folds=2)
    assert [fold.ids for fold in done.folds] == [("s0",), ("s0",)]
