"""The whole job: Ctrl-C in any stage leaves what there is, and a note that says so."""

import numpy as np
import pytest

from tests.forecast.samples import CtrlC, Watch, frame_of, panel_of, small, wave
from unspool.errors import DataError
from unspool.forecast import Forecaster, run_job

PANEL = panel_of(wave(80))
OPEN = {"network": "auto", "highway": None, "steps": 6}
"""Leaves something to choose."""


def titles(**changes: object) -> list[str]:
    watch = Watch()
    run_job(PANEL, small(**changes), folds=2, callbacks=[watch])
    return watch.titles()


def test_first_choose_then_fit_then_backtest():
    found = titles(refit=True, **OPEN)
    tries = [t for t in found if t.startswith("trying")]
    assert len(tries) > 1
    assert found == [*tries, "fitting", "fitting, on all data", *(
        title for k in (1, 2) for title in (f"fold {k}/2", f"fold {k}/2, on all data")
    )]  # fmt: skip


def test_members_are_fitted_where_a_recipe_was_taken_and_not_while_choosing():
    found = titles(members=2, **OPEN)
    tries = [t for t in found if t.startswith("trying")]
    assert not any("member" in t for t in tries)
    assert found == [*tries, *(f"{what}, member {k}/2" for what in ("fitting", "fold 1/2", "fold 2/2") for k in (1, 2))]


def test_what_a_run_holds():
    run = run_job(PANEL, small(), folds=2)
    assert run.forecast is not None
    assert run.backtest is not None
    assert (len(run.backtest.folds), run.notes, run.choice.tried) == (2, (), {})
    alone = small().fit(PANEL).forecast()
    assert np.array_equal(run.forecast.quantiles, alone.quantiles)


@pytest.mark.parametrize("step", [0, 1, 4])
def test_ctrl_c_while_choosing(step: int):
    first, second, *_ = [t for t in titles(**OPEN) if t.startswith("trying")]
    watch = CtrlC(second, step)
    run = run_job(PANEL, small(**OPEN), folds=2, callbacks=[watch])
    assert watch.titles() == [first, second]
    assert run.choice.interrupted
    assert run.forecast is not None
    assert np.isfinite(run.forecast.quantiles).all()
    assert run.backtest is None
    assert any("interrupted while choosing" in note for note in run.notes)


def test_ctrl_c_before_anything_was_learned():
    first = titles(**OPEN)[0]
    with pytest.raises(KeyboardInterrupt):
        run_job(PANEL, small(**OPEN), folds=2, callbacks=[CtrlC(first, 0)])
    with pytest.raises(KeyboardInterrupt):
        run_job(PANEL, small(), folds=2, callbacks=[CtrlC("fitting", 0)])


@pytest.mark.parametrize(("title", "step"), [("fitting", 0), ("fitting", 3), ("fitting, on all data", 1)])
def test_ctrl_c_while_fitting(title: str, step: int):
    watch = CtrlC(title, step)
    run = run_job(PANEL, small(refit=True, **OPEN), folds=2, callbacks=[watch])
    assert watch.titles()[-1] == title
    assert run.model is not None
    assert run.forecast is not None
    assert np.isfinite(run.forecast.quantiles).all()
    assert run.backtest is None
    assert any("interrupted while fitting" in note for note in run.notes)


@pytest.mark.parametrize("step", [0, 2])
@pytest.mark.parametrize("fold", [1, 2])
def test_ctrl_c_in_a_fold(fold: int, step: int):
    run = run_job(PANEL, small(), folds=2, callbacks=[CtrlC(f"fold {fold}/2", step)])
    assert run.forecast is not None
    assert (len(run.backtest.folds) if run.backtest else 0) == fold - 1
    assert run.notes == (f"interrupted: {fold - 1} of 2 folds of the backtest were done",)
    if fold == 1:
        with pytest.raises(KeyboardInterrupt):
            run_job(PANEL, small(), folds=2, final=False, callbacks=[CtrlC("fold 1/2", step)])


def test_without_room_for_a_fold_there_is_a_note():
    run = run_job(panel_of(wave(16)), small(validation=5, window=4), folds=None)
    assert run.backtest is None
    assert run.notes == ("no backtest: the series are too short to hold back a horizon",)
    with pytest.raises(DataError, match="lower"):
        run_job(panel_of(wave(16)), small(validation=5, window=4), folds=1)


def test_as_many_folds_as_the_data_allow():
    run = run_job(panel_of(wave(31)), small(validation=5, window=4), folds=None)
    assert run.backtest is not None
    assert 0 < len(run.backtest.folds) <= 3


def test_a_forecaster_interrupted_while_choosing_is_fitted_all_the_same():
    second = [t for t in titles(**OPEN) if t.startswith("trying")][1]
    forecaster = small(**OPEN).fit(frame_of(wave(80)), callbacks=[CtrlC(second, 2)])
    assert len(forecaster.predict()) == 5
    with pytest.raises(KeyboardInterrupt):
        Forecaster(5, **OPEN).fit(frame_of(wave(80)), callbacks=[CtrlC(titles(**OPEN)[0], 0)])
