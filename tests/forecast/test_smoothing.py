"""Exponential smoothing in front of a network: its equations, what a new series gets, what it refuses."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.forecast.samples import HORIZON, frame_of, panel_of, recipe_of, small, wave
from unspool.errors import DataError, ModelError, SettingError, UnspoolError
from unspool.forecast import Forecaster, run_job
from unspool.forecast.model import ModelSettings
from unspool.forecast.networks import FED, NETWORKS
from unspool.forecast.options import candidates
from unspool.forecast.recipe import build
from unspool.forecast.smoothing import Smoothing
from unspool.forecast.windows import Scales, Window, Windows

M, L, AHEAD = 4, 14, 7
ONE, TWO = 50 * np.exp(0.1 * wave(70, level=0.0)), 20 + 3 * wave(60, seed=1)


def made(network: str = "direct", **changes: Any) -> Forecaster:
    return small(**{"network": network, "normalisation": "smoothing", "steps": 4, **changes})


def module_and_window(series: tuple[int, ...] = (0, 2, 1), seen: float = 0.8) -> tuple[Smoothing, Window]:
    """Three series with coefficients of their own, windows that begin in different phases, with holes."""
    random = torch.Generator().manual_seed(1)
    module = Smoothing(3, M).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=random))
    B = len(series)
    mask = (torch.rand(B, L, generator=random) < seen).double()
    past = torch.randn(B, L, generator=random, dtype=torch.float64) * mask
    position = torch.tensor([3, 17, 5])[:B]
    nothing = torch.zeros(B, AHEAD)
    window = Window(past, mask, torch.zeros(B, L + AHEAD, 0), torch.tensor(series), nothing, nothing, position=position)
    return module, window


def looped(module: Smoothing, window: Window, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Level and season of a row as a loop over NumPy numbers, with the textbook's form of the two recursions."""
    number = int(window.series[row])
    y, seen = window.past[row].numpy(), window.past_mask[row].numpy() > 0
    phase = (int(window.position[row]) + np.arange(L + AHEAD)) % M  # pyright: ignore[reportOptionalSubscript]
    alpha, beta = (1 / (1 + np.exp(-each.detach().numpy()[number])) for each in (module.alpha, module.beta))
    s = module.initial.detach().numpy()[number].copy()
    for k in range(M):
        there = seen & (phase[:L] == k)
        s[k] += (y[there] - y[seen].mean()).mean() if there.any() else 0
    first = np.flatnonzero(seen)[:M]
    first = first[np.cumsum(seen)[first] <= M]
    level = (y[first] - s[phase[first]]).mean()
    adjusted = np.zeros(L)
    for t in range(L):
        k = phase[t]
        adjusted[t] = y[t] - s[k]
        if seen[t]:
            level = alpha * (y[t] - s[k]) + (1 - alpha) * level
            s[k] = beta * (y[t] - level) + (1 - beta) * s[k]
    return adjusted - level, level + s[phase[L:]]


def test_it_is_the_two_recursions_of_its_page():
    module, window = module_and_window()
    level = module(window.past, window, AHEAD)
    for row in range(3):
        read, ahead = looped(module, window, row)
        observed = window.past_mask[row].numpy() > 0
        assert np.allclose((window.past - level.past)[row].detach().numpy()[observed], read[observed], atol=1e-12)
        assert np.allclose(level.future[row].detach().numpy(), ahead, atol=1e-12)


def test_every_coefficient_is_learnt_for_its_own_series():
    module, window = module_and_window((0, 2))
    level = module(window.past, window, AHEAD)
    (level.future.square().sum() + level.past.square().sum()).backward()
    for parameter in module.parameters():
        assert parameter.grad is not None
        assert (parameter.grad[[0, 2]] != 0).all()
        assert (parameter.grad[1] == 0).all()


def test_a_new_series_has_the_mean_coefficients():
    module, window = module_and_window((-1,))
    mean = Smoothing(1, M).double()
    with torch.no_grad():
        for one, all_ in zip(mean.parameters(), module.parameters(), strict=True):
            one.copy_(all_.mean(0, keepdim=True))
    one, two = module(window.past, window, AHEAD), mean(window.past, window, AHEAD)
    assert torch.allclose(one.past, two.past)
    assert torch.allclose(one.future, two.future)


def test_without_a_season_it_is_a_level():
    module, window = Smoothing(1, 1).double(), module_and_window(seen=1.0)[1]
    level = module(window.past, window, AHEAD)
    assert torch.allclose(level.future, level.past[:, -1:].expand(-1, AHEAD))
    found = window.past[:, 0]
    for t in range(L):
        found = (window.past[:, t] + found) / 2  # alpha begins at a half
    assert torch.allclose(level.future[:, 0], found)


@pytest.mark.parametrize("network", [name for name in NETWORKS if name not in FED])
def test_positive_series_are_smoothed_in_logarithms_and_scale(network: str):
    """Multiplicative: each series in units of its own gives the same forecast in them, and it stays positive."""
    one = made(network).fit(frame_of(ONE, TWO))
    assert one.recipe_.model.log
    two = made(network).fit(frame_of(1000 * ONE, TWO / 7))
    first, second = one.forecast().quantiles, two.forecast().quantiles
    assert (first > 0).all()
    assert np.allclose(first[0] * 1000, second[0], rtol=1e-3)
    assert np.allclose(first[1] / 7, second[1], rtol=1e-3)


def test_other_series_are_smoothed_as_they_are_and_shift():
    one = made().fit(frame_of(ONE - 50, TWO))
    assert not one.recipe_.model.log
    two = made().fit(frame_of(3 * ONE + 200, TWO))
    assert two.recipe_.model.log
    shifted = made(log=False).fit(frame_of(3 * ONE + 200, TWO)).forecast().quantiles
    assert np.allclose(one.forecast().quantiles[0] * 3 + 350, shifted[0], rtol=1e-4)


def test_saved_and_loaded_it_forecasts_the_same_and_newer_rows_keep_their_phase(tmp_path: Path):
    forecaster = made("dilated", dilations=(1, 3)).fit(frame_of(ONE, TWO))
    forecaster.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    assert (loaded.normalisation, loaded.dilations, loaded.log) == ("smoothing", (1, 3), True)
    for table in (frame_of(ONE, TWO), frame_of(ONE[:66], TWO[:51])):
        assert loaded.forecast(table).quantiles.tobytes() == forecaster.forecast(table).quantiles.tobytes()


def test_the_newest_observation_moves_every_step_and_nothing_after_the_cutoff_does():
    forecaster = made().fit(frame_of(ONE, TWO))
    changed = [*ONE[:-1], 1.2 * ONE[-1]]
    one, two = (forecaster.forecast(frame_of(values, TWO)).quantiles for values in (ONE, changed))
    assert (np.abs(one[0] / two[0] - 1).max(-1) > 1e-4).all()
    assert np.allclose(one[1], two[1])
    later = [np.concatenate([values[:-HORIZON], 9 * values[-HORIZON:]]) for values in (ONE, TWO)]
    runs = [run_job(panel_of(*values), made(), folds=1, final=False).backtest for values in ((ONE, TWO), later)]
    assert runs[0] is not None
    assert runs[1] is not None
    assert runs[0].folds[0].quantiles.tobytes() == runs[1].folds[0].quantiles.tobytes()


def test_the_phase_of_a_window_is_that_of_its_time():
    panel = panel_of(ONE, TWO)
    windows = Windows(panel, Scales.of([s.values for s in panel.series]), L, HORIZON)
    window = windows.cut(torch.tensor([[0, 20, 70], [1, 21, 60]]))
    day = (np.datetime64("2020-01-01") - np.datetime64("1970-01-01")).astype(int)
    assert window.position is not None
    assert window.position.tolist() == [day + 20 - L, day + 21 - L]
    tail = replace(panel, series=tuple(s.between(10, len(s.values)) for s in panel.series))
    shorter = Windows(tail, Scales.of([s.values for s in tail.series]), L, HORIZON).cut(torch.tensor([[0, 10, 60]]))
    assert shorter.position is not None
    assert shorter.position[0] == window.position[0]


def test_logarithms_are_a_setting_of_their_own():
    """A model of the logarithms is the model of a table of logarithms, in units of a season's step."""
    log = small(log=True).fit(frame_of(ONE, TWO))
    scales = log.model_.scales
    for k, values in enumerate((ONE, TWO)):
        logarithms = np.log(values)
        assert scales.centre[k] == pytest.approx(logarithms.mean())
        assert scales.spread[k] == pytest.approx(np.abs(logarithms[7:] - logarithms[:-7]).mean())
        scaled = (logarithms - scales.centre[k]) / scales.spread[k]
        assert np.allclose(scales.at(np.array([k])).undo(scaled[None]), values, rtol=1e-12)
    table = panel_of(np.log(ONE), np.log(TWO))
    plain = replace(log.model_, scales=replace(scales, log=False))
    first = np.array([60, 50])
    one, actual, places = log.model_.rolling(log.panel_, first)
    two, _, _ = plain.rolling(table, first)
    assert np.allclose(np.log(one), two, rtol=1e-6)
    assert np.allclose(actual[0], ONE[60 : 60 + HORIZON], rtol=1e-5)
    assert np.allclose(np.log(log.forecast().quantiles), plain.quantiles(table), rtol=1e-6)
    assert len(places) == 2 * (10 - HORIZON + 1)


def test_a_series_too_short_for_a_season_has_its_deviation():
    short = np.array([1.0, 2.0, np.nan, 4.0])
    scales = Scales.of_logarithms([short], season=7)
    assert scales.spread == pytest.approx([np.nanstd(np.log(short))])


def test_what_has_no_logarithm_is_named():
    zero = [*TWO[:-3], 0.0, *TWO[-2:]]
    with pytest.raises(DataError, match="'s1' has the value 0 at 2020-02-27, which has no logarithm"):
        small(log=True).fit(frame_of(ONE, zero))
    forecaster = small(log=True).fit(frame_of(ONE, TWO))
    with pytest.raises(DataError, match="'s1' has the value 0 at 2020-02-27"):
        forecaster.forecast(frame_of(ONE, zero))


def test_what_multiplies_is_not_explained_as_a_sum_nor_exported():
    forecaster = small(log=True).fit(frame_of(ONE, TWO))
    with pytest.raises(ModelError, match="this model reads logarithms"):
        forecaster.explain()
    with pytest.raises(ModelError, match="this model reads logarithms, which an ONNX file does not"):
        forecaster.export("model.onnx")
    smoothed = made(log=False).fit(frame_of(ONE, TWO))
    with pytest.raises(ModelError, match=r"the phase of its season \(smoothing\), which an ONNX file does not"):
        smoothed.export("model.onnx")
    assert not Path("model.onnx").exists()
    plain = smoothed.explain()
    assert [one.id for one in plain.series] == ["s0", "s1"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": 5}, r"normalisation 'smoothing' needs a window of at least a season \(7\)"),
        ({"cell": "lem", "network": "onward", "uneven": True}, "'smoothing' counts on equal steps"),
        ({"dilations": (1, 2)}, "network 'direct' has no dilations"),
        ({"network": "dilated", "dilations": (1, 0)}, r"the dilations are \(1, 0\)"),
        ({"network": "dilated", "dilations": (1, 15)}, "a dilation of 15 looks back further than the window of 14"),
        ({"network": "dilated", "num_layers": 2}, "a layer for each dilation, and num_layers is 2"),
        ({"network": "dilated", "cell": "lem", "uneven": True}, "network 'dilated' counts on equal steps"),
        ({"network": "seq2seq", "cell": "lem", "uneven": True}, "network 'seq2seq' counts on equal steps"),
    ],
)
def test_what_cannot_be_is_said(settings: dict[str, Any], message: str):
    with pytest.raises((SettingError, UnspoolError), match=message):
        candidates(made(**settings).options, panel_of(ONE, TWO))


def test_settings_of_older_models_have_none_of_it():
    settings = recipe_of(panel_of(ONE)).model
    assert not {"dilations", "log"} & settings.to_json().keys()
    model = recipe_of(panel_of(ONE), network="dilated", normalisation="smoothing").model
    assert model.dilations == (1, 3, 7)
    assert ModelSettings.from_json(model.to_json()) == model
    for change in ({"dilations": [1, 99]}, {"dilations": [0]}, {"dilations": []}, {"season": 50}, {"log": 1}):
        with pytest.raises(UnspoolError, match="damaged"):
            ModelSettings.from_json(model.to_json() | change)


def test_a_model_without_series_has_one_set_of_coefficients():
    recipe = recipe_of(panel_of(ONE), normalisation="smoothing")
    assert recipe.model.series == 0
    assert [p.shape[0] for p in build(recipe, 0).smoothing.parameters()] == [1, 1, 1]  # pyright: ignore[reportOptionalMemberAccess]
