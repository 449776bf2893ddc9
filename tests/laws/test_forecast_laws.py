"""What must hold for every network with every cell: the newest observation counts, the future does not."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.forecast.samples import HORIZON, frame_of, panel_of, recipe_of, small, wave
from unspool.forecast import Forecaster, Panel, run_job
from unspool.forecast.ensemble import lead_of
from unspool.forecast.fitting import window_loss
from unspool.forecast.networks import FED, NETWORKS, Reading
from unspool.forecast.normalise import NORMALISATIONS
from unspool.forecast.recipe import build
from unspool.forecast.windows import Scales, Windows

OWN = f"{Path(__file__).parents[1] / 'forecast' / 'mgu_page.py'}:mgu"
CELLS = ["clockwork", "ctrnn", "elman", "exprnn", "gru", "lem", "lstm", "lstm_layernorm", "lstm_projection", "mingru"]
CELLS += ["minlstm", "slstm", OWN]
"""Of every kind that a network could meet: one state and several, of other sizes, in blocks, with made matrices, fixed
parameters, time steps, scans. What a cell itself must keep, the conformance kit asks of each."""
FEW = ["clockwork", "gru", "lstm_projection"]
"""For networks that only run the cells' layers in another order: several states, of other sizes."""
DAY = dt.date(2020, 1, 1)
ROWS = 1024
VALUES = wave(70)
OTHER = 20 + 3 * wave(60, seed=1)

PAIRS = [
    *((n, c) for n in NETWORKS if n not in FED for c in (FEW if n in ("dilated", "seq2seq") else CELLS)),
    *((n, c) for n in FED for c in ("gru", "lstm")),
]
"""What is fed its forecast is compiled twice for each cell."""

each_model = pytest.mark.parametrize(("network", "cell"), PAIRS, ids=lambda name: name.rsplit(":")[-1])


@cache
def fitted(network: str, cell: str) -> Forecaster:
    """One forecaster per network and cell, on two series."""
    return small(network=network, cell=cell, steps=4).fit(frame_of(VALUES, OTHER))


def reading_of(panel: Panel, network: str, cell: str) -> tuple[Callable[[Reading], torch.Tensor], Reading]:
    """A network with the weights of the seed, and something to read: many rows, for a rectifier is blind in most.

    One that is fed its forecast is fed zeros.
    """
    recipe = recipe_of(panel, network=network, cell=cell)
    model = build(recipe, 0).eval()
    s = recipe.model
    noise = torch.Generator().manual_seed(1)
    past = torch.randn(ROWS, s.lookback, generator=noise)
    calendar = torch.randn(ROWS, s.lookback + s.horizon, len(s.features), generator=noise)
    identity = torch.zeros(ROWS, model.network.identity_size)
    reading = Reading(past, torch.ones_like(past), calendar[:, : s.lookback], calendar[:, s.lookback :], identity)
    if network not in FED:
        return model.network, reading
    future = torch.zeros(ROWS, s.horizon)
    return lambda given: model.network(given, future, future + 1)[:, -s.horizon :], reading


@each_model
def test_the_last_observation_moves_every_step_of_the_network(network: str, cell: str):
    """Not through the normalisation, which moves all steps anyway: the network itself must see it."""
    net, reading = reading_of(panel_of(VALUES), network, cell)
    changed = reading.past.clone()
    changed[:, -1] += 1
    moved = (net(replace(reading, past=changed)) - net(reading)).abs().amax((0, 2))
    assert moved.shape == (HORIZON,)
    assert (moved > 1e-6).all()


@each_model
def test_every_observation_of_the_window_moves_every_step(network: str, cell: str):
    net, reading = reading_of(panel_of(VALUES), network, cell)
    past = reading.past.requires_grad_()
    output = net(replace(reading, past=past))
    for step in range(HORIZON):
        # The square, so that no accident of signs adds up to nothing.
        (gradient,) = torch.autograd.grad(output[:, step].square().sum(), past, retain_graph=True)
        assert (gradient.abs().amax(0) > 0).all(), f"step {step + 1}"


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("network", NETWORKS)
def test_the_last_observation_moves_every_step_of_the_forecast(network: str, normalisation: str):
    forecaster = fitted(network, "gru")
    model = replace(forecaster.recipe_.model, normalisation=normalisation, season=7)
    member = lead_of(forecaster.model_).members[0]
    before, member.settings = member.settings, model
    try:
        changed = VALUES.copy()
        changed[-1] += 1
        one, two = (forecaster.forecast(frame_of(v, OTHER)) for v in (VALUES, changed))
    finally:
        member.settings = before
    assert (np.abs(one.quantiles[0] - two.quantiles[0]).max(-1) > 1e-6).all()
    assert np.allclose(one.quantiles[1], two.quantiles[1])


@each_model
def test_after_the_cutoff_nothing_counts(network: str, cell: str):
    """Fit, choice, scales, calibration and forecast of a fold are the same whatever comes after its cutoff."""
    altered = [np.concatenate([v[:-HORIZON], 1000 - 50 * v[-HORIZON:]]) for v in (VALUES, OTHER)]
    runs = [
        run_job(panel_of(*values), small(network=network, cell=cell, steps=3), folds=1, final=False)
        for values in ((VALUES, OTHER), altered)
    ]
    folds = [run.backtest.folds[0] for run in runs if run.backtest is not None]
    assert not np.allclose(folds[0].actual, folds[1].actual)
    assert folds[0].quantiles.tobytes() == folds[1].quantiles.tobytes()
    assert np.array_equal(folds[0].mase_scale, folds[1].mase_scale)
    for name, point in folds[0].point.items():
        assert np.array_equal(point, folds[1].point[name]), name
    assert runs[0].choice == runs[1].choice


def test_what_auto_chooses_lies_before_the_oldest_cutoff():
    altered = np.concatenate([VALUES[: -2 * HORIZON], 500 + 9 * wave(2 * HORIZON, seed=5)])
    forecaster = small(network="auto", highway=None, steps=4)
    runs = [run_job(panel_of(v), forecaster, folds=2, final=False) for v in (VALUES, altered)]
    assert len(runs[0].choice.tried) > 1
    assert runs[0].choice == runs[1].choice


def test_a_cut_panel_holds_nothing_of_the_future():
    cut = [panel_of(v).before([50]) for v in (VALUES, np.concatenate([VALUES[:50], OTHER[:20]]))]
    fits = [small().fit(panel) for panel in cut]
    assert fits[0].forecast().quantiles.tobytes() == fits[1].forecast().quantiles.tobytes()


@each_model
def test_a_batch_is_its_series_one_by_one(network: str, cell: str):
    forecaster = fitted(network, cell)
    together = forecaster.forecast()
    for k in range(2):
        alone = replace(forecaster.panel_, series=forecaster.panel_.series[k : k + 1])
        one = forecaster.forecast(alone)
        assert one.ids == together.ids[k : k + 1]
        assert np.allclose(one.quantiles[0], together.quantiles[k], rtol=1e-5)


@each_model
def test_placeholders_of_missing_values_change_nothing(network: str, cell: str):
    values = [None if k % 5 == 3 or k == 69 else v for k, v in enumerate(VALUES)]
    panel = panel_of(values)
    recipe = recipe_of(panel, network=network, cell=cell)
    s = recipe.model
    windows = Windows(panel, Scales.of([panel.series[0].values]), s.lookback, s.horizon, s.gap, s.features)
    window = windows.cut(windows.places(np.array([0]), windows.lengths))
    noise = torch.Generator().manual_seed(1)
    filled = replace(window, past=_filled(window.past, window.past_mask, noise))
    filled = replace(filled, future=_filled(window.future, window.future_mask, noise))
    for name in NORMALISATIONS:
        model = build(replace(recipe, model=replace(s, normalisation=name)), 0).eval()
        assert torch.allclose(model(window)[0], model(filled)[0], rtol=1e-4, atol=1e-5), name
        assert window_loss(model, window).item() == pytest.approx(window_loss(model, filled).item(), rel=1e-4)


def _filled(values: torch.Tensor, mask: torch.Tensor, noise: torch.Generator) -> torch.Tensor:
    assert 0 < mask.mean() < 1
    return values + 3 * torch.randn(values.shape, generator=noise) * (1 - mask)


def test_a_missing_value_is_a_missing_row_and_not_a_number():
    values = [None if k % 6 == 2 else v for k, v in enumerate(VALUES)]
    absent = frame_of(values).drop_nulls()
    nan = frame_of([float("nan") if v is None else v for v in values])
    forecasts = [small().fit(frame).forecast().quantiles.tobytes() for frame in (frame_of(values), absent, nan)]
    assert forecasts[0] == forecasts[1] == forecasts[2]


@each_model
def test_quantiles_never_cross(network: str, cell: str):
    forecaster = fitted(network, cell)
    wild = [*VALUES[:-3], 1e4, -1e4, 1e5]
    for frame in (None, frame_of(wild, OTHER)):
        found = forecaster.forecast(frame)
        assert (np.diff(found.quantiles, axis=-1) >= 0).all()
        assert np.array_equal(found.point, found.quantiles[..., found.levels.index(0.5)])


@each_model
def test_saved_and_loaded_it_forecasts_the_same(network: str, cell: str, tmp_path: Path):
    forecaster = fitted(network, cell)
    forecaster.save(tmp_path / "model")
    loaded = Forecaster.load(tmp_path / "model")
    newer = frame_of(VALUES[5:], OTHER[9:])
    assert loaded.predict(newer).equals(forecaster.predict(newer))
    assert loaded.forecast(newer).quantiles.tobytes() == forecaster.forecast(newer).quantiles.tobytes()


@pytest.mark.parametrize("network", NETWORKS)
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(network: str):
    """Whatever the state of torch's own generator: weights, order and dropout all come from the seed."""
    settings: dict[str, Any] = {"network": network, "steps": 3, "refit": True, "members": 2, "dropout": 0.5}
    torch.manual_seed(7)
    one = small(**settings).fit(frame_of(VALUES)).forecast().quantiles
    torch.manual_seed(8)
    two = small(**settings).fit(frame_of(VALUES)).forecast().quantiles
    other = small(**settings, seed=1).fit(frame_of(VALUES)).forecast().quantiles
    assert one.tobytes() == two.tobytes()
    assert not np.allclose(one, other)


@pytest.mark.parametrize(("scale", "shift"), [(1000.0, 0.0), (1e-3, 5.0), (2.0, -1e4)])
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("normalisation", [name for name in NORMALISATIONS if name != "ratio"])
def test_other_units_give_the_same_forecast_in_them(network: str, normalisation: str, scale: float, shift: float):
    settings: dict[str, Any] = {"network": network, "normalisation": normalisation, "steps": 4}
    one = small(**settings).fit(frame_of(VALUES)).forecast().quantiles
    two = small(**settings).fit(frame_of(scale * VALUES + shift)).forecast().quantiles
    assert np.allclose(scale * one + shift, two, rtol=0, atol=1e-4 * scale * np.std(VALUES))


@pytest.mark.parametrize("network", ["segment", "autoregressive"])
def test_other_units_give_the_same_forecast_of_amounts(network: str):
    settings: dict[str, Any] = {"network": network, "normalisation": "ratio", "head": "tweedie", "steps": 4}
    one, two = (small(**settings).fit(frame_of(scale * VALUES)).forecast().quantiles for scale in (1.0, 1000.0))
    assert np.allclose(1000 * one, two, rtol=0, atol=1000 * 1e-4 * np.std(VALUES))


def test_other_times_of_the_same_weekdays_give_the_same_forecast():
    """Four weeks later the calendar, of weekdays, is the same; nothing counts from the epoch."""
    one, two = (small().fit(frame_of(VALUES, start=day)).forecast() for day in (DAY, DAY + dt.timedelta(weeks=4)))
    assert np.allclose(one.quantiles, two.quantiles, rtol=1e-4)


def test_only_the_window_counts_for_a_series_that_the_model_knows():
    forecaster = fitted("segment", "gru")
    short = forecaster.forecast(frame_of(VALUES[-14:], OTHER[-14:], start=DAY + dt.timedelta(56)))
    whole = forecaster.forecast(frame_of(VALUES, OTHER))
    assert np.allclose(short.quantiles[0], whole.quantiles[0], rtol=1e-5)
