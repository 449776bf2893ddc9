"""Fitting: the split in time, the refit, what Ctrl-C leaves, and calibration."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.forecast.samples import HORIZON, CtrlC, Watch, panel_of, recipe_of, wave
from unspool.errors import DataError
from unspool.forecast.batches import batches
from unspool.forecast.ensemble import calibrated
from unspool.forecast.fitted import FittedModel
from unspool.forecast.fitting import fit_model
from unspool.forecast.places import spread_evenly
from unspool.forecast.recipe import build
from unspool.forecast.windows import Scales, Window, Windows

PANEL = panel_of(wave(80))


def test_members_are_fitted_and_averaged():
    watch = Watch()
    model = fit_model(PANEL, recipe_of(PANEL, refit=True, members=3), [watch], title="this")
    assert watch.titles() == ["this", *(f"this, on all data {k}/3" for k in (1, 2, 3))]
    assert len(model.members) == 3
    alone = [replace(model, members=(member,)).quantiles(PANEL) for member in model.members]
    assert np.array(model.shifts).shape == (HORIZON, 7)
    # Of the median, for shifted quantiles that would cross are put in order.
    assert np.allclose(model.quantiles(PANEL)[..., 3], np.mean(alone, 0)[..., 3])


def test_members_count_without_the_refit():
    recipe, watch = recipe_of(PANEL, members=2, seed=3), Watch()
    model, alone = fit_model(PANEL, recipe, [watch], title="this"), fit_model(PANEL, recipe.alone)
    assert watch.titles() == ["this, member 1/2", "this, member 2/2"]
    one, other = (uncalibrated(replace(model, members=(member,))).quantiles(PANEL) for member in model.members)
    assert np.array_equal(one, uncalibrated(alone).quantiles(PANEL))
    assert not np.array_equal(one, other)
    assert np.allclose(uncalibrated(model).quantiles(PANEL), (one + other) / 2, rtol=1e-12)
    # Error and shifts are the average's, and the log the first one's.
    assert model.valid_error != alone.valid_error
    assert model.shifts == calibrated(PANEL, [model], [1]).shifts
    assert model.valid_error == calibrated(PANEL, [model], [1]).valid_error
    assert (model.log.best, model.log.stopped) == (alone.log.best, alone.log.stopped)


def test_the_first_member_comes_in_the_order_of_the_seed_and_each_other_one_in_its_own(monkeypatch: pytest.MonkeyPatch):
    seeds = []

    def noted(*given: Any, **more: Any) -> Iterator[Window]:
        seeds.append(given[3])
        return batches(*given, **more)

    monkeypatch.setattr("unspool.forecast.fitting.batches", noted)
    fit_model(PANEL, recipe_of(PANEL, members=3, seed=2))
    assert seeds == [2, 2001, 2002]


def test_ctrl_c_in_the_second_member_keeps_the_first_without_the_refit_too():
    recipe = recipe_of(PANEL, members=3)
    stopped, alone = fit_model(PANEL, recipe, [CtrlC("training, member 2/3", 5)]), fit_model(PANEL, recipe.alone)
    assert (stopped.log.stopped, len(stopped.members)) == ("interrupted", 1)
    assert stopped.quantiles(PANEL).tobytes() == alone.quantiles(PANEL).tobytes()


def test_a_later_member_whose_loss_is_not_finite_is_left_out(monkeypatch: pytest.MonkeyPatch):
    recipe, watch = recipe_of(PANEL, members=3), Watch()
    alone = fit_model(PANEL, recipe.alone)

    def loss(model: nn.Module, window: Window) -> torch.Tensor:
        return model(window, True) * (float("nan") if len(watch.titles()) == 2 else 1.0)

    monkeypatch.setattr("unspool.forecast.fitting.window_loss", loss)
    model = fit_model(PANEL, recipe, [watch])
    assert (model.log.stopped, len(model.members), len(watch.titles())) == ("no finite loss", 1, 2)
    assert model.quantiles(PANEL).tobytes() == alone.quantiles(PANEL).tobytes()


def uncalibrated(model: FittedModel) -> FittedModel:
    return replace(model, shifts=np.zeros_like(model.shifts).tolist())


def test_what_follows_the_split_is_not_trained_on():
    """Only stopping and calibration see the validation part: the weights after the same steps are the same."""
    recipe = recipe_of(PANEL, validation=20)
    recipe = replace(recipe, train=replace(recipe.train, validations=1))
    other = panel_of(np.concatenate([wave(80)[:60], wave(80)[:20][::-1]]))
    same_scale = Scales.of([wave(80)])
    fits = []
    for panel in (PANEL, other):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Scales, "of", classmethod(lambda cls, histories, **_: same_scale))
            fits.append(fit_model(panel, recipe))
    for name, value in fits[0].members[0].state_dict().items():
        assert torch.equal(value, fits[1].members[0].state_dict()[name]), name
    assert fits[0].log.epochs[0].train_loss == fits[1].log.epochs[0].train_loss
    assert fits[0].log.epochs[0].valid_loss != fits[1].log.epochs[0].valid_loss


def test_the_median_is_not_shifted_and_the_levels_ascend():
    model = fit_model(PANEL, recipe_of(PANEL))
    middle = model.recipe.model.levels.index(0.5)
    assert all(row[middle] == 0 for row in model.shifts)
    assert (np.diff(model.quantiles(PANEL), axis=-1) >= 0).all()


@pytest.mark.parametrize("step", [0, 1])
def test_ctrl_c_in_the_refit_leaves_the_model_that_was_validated(step: int):
    recipe = recipe_of(PANEL, refit=True, members=2)
    once = fit_model(PANEL, recipe.alone)
    if step == 0:
        with pytest.raises(KeyboardInterrupt):
            fit_model(PANEL, recipe, [CtrlC("training", 0)])
    stopped = fit_model(PANEL, recipe, [CtrlC("training, on all data 1/2", 1)])
    assert stopped.log.stopped == "interrupted"
    assert stopped.quantiles(PANEL).tobytes() == once.quantiles(PANEL).tobytes()


def test_ctrl_c_in_the_second_member_keeps_the_first():
    recipe = recipe_of(PANEL, refit=True, members=3)
    whole = fit_model(PANEL, recipe)
    stopped = fit_model(PANEL, recipe, [CtrlC("training, on all data 2/3", 1)])
    assert len(stopped.members) == 1
    assert replace(whole, members=whole.members[:1]).quantiles(PANEL).tobytes() == stopped.quantiles(PANEL).tobytes()


def test_ctrl_c_in_the_first_fit_leaves_what_was_learned():
    stopped = fit_model(PANEL, recipe_of(PANEL, refit=True), [CtrlC("training", 5)])
    assert (stopped.log.stopped, len(stopped.members)) == ("interrupted", 1)
    assert np.isfinite(stopped.quantiles(PANEL)).all()


def test_a_loss_that_is_not_finite_is_an_error():
    recipe = recipe_of(PANEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unspool.forecast.fitting.window_loss", lambda m, w: m(w)[0].mean() * float("nan"))
        with pytest.raises(DataError, match="the loss is not finite"):
            fit_model(PANEL, recipe)


def test_too_few_points():
    with pytest.raises(DataError, match="too few points: the longest series has 16"):
        fit_model(panel_of(wave(16)), recipe_of(PANEL, window=40))


def test_a_window_that_no_memory_holds():
    with pytest.raises(DataError, match="too few points"):
        fit_model(PANEL, recipe_of(PANEL, window=10**12))


def test_weights_come_from_the_seed_and_leave_the_global_generator_alone():
    recipe = recipe_of(PANEL)
    before = torch.random.get_rng_state()
    one, two, other = build(recipe, 0), build(recipe, 0), build(recipe, 1)
    fit_model(PANEL, recipe)
    assert torch.equal(before, torch.random.get_rng_state())
    weights = [m.state_dict()["network.readout.weight"] for m in (one, two, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_every_place_comes_once_per_round():
    windows = Windows(PANEL, Scales.of([PANEL.series[0].values]), 14, HORIZON)
    places = windows.places(np.array([0]), np.array([80]))
    stream = batches(windows, places, 10, seed=3)
    seen = torch.cat([next(stream).past for _ in range(len(places) // 10)])
    assert len(torch.unique(seen, dim=0)) == len(seen)


def test_spread_evenly():
    places = torch.arange(100)[:, None]
    assert spread_evenly(places, 100) is places
    found = spread_evenly(places, 12)
    assert (len(found), found[0].item(), found[-1].item()) == (12, 0, 99)


def test_series_of_different_length_are_fitted_together():
    panel = panel_of(wave(80), wave(9, seed=1), wave(40, seed=2))
    assert np.isfinite(fit_model(panel, recipe_of(panel)).quantiles(panel)).all()


def test_rolling_forecasts_are_those_of_each_cutoff():
    panel = panel_of(wave(80), 5 * wave(60, seed=1))
    model = fit_model(panel, recipe_of(panel))
    quantiles, actual, places = model.rolling(panel, np.array([70, 50]))
    assert [tuple(p) for p in places] == [(0, c) for c in range(70, 76)] + [(1, c) for c in range(50, 56)]
    for row in (0, 3, 8):
        series, cutoff = places[row]
        cut = panel.before([cutoff if k == series else 30 for k in range(2)])
        assert np.allclose(model.quantiles(cut)[series], quantiles[row], rtol=1e-5)
        assert np.allclose(panel.series[series].values[cutoff : cutoff + HORIZON], actual[row], rtol=1e-5)
