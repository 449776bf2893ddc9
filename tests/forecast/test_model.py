"""The model: quantiles in units of the series, an identity per series, a highway."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.forecast.samples import HORIZON, panel_of, recipe_of, wave
from unspool.errors import ModelError
from unspool.forecast.model import ModelSettings
from unspool.forecast.networks import NETWORKS
from unspool.forecast.recipe import build
from unspool.forecast.windows import Scales, Window, Windows

PANEL = panel_of(wave(80), 3 * wave(80, seed=1))


def window_of(recipe, count: int = 4) -> Window:
    s = recipe.model
    windows = Windows(PANEL, Scales.of([x.values for x in PANEL.series]), s.lookback, s.horizon, s.gap, s.features)
    places = windows.places(np.zeros(2, np.int64), windows.lengths, whole=True)
    return windows.cut(places[torch.linspace(0, len(places) - 1, count).long()])


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(("window", "segment"), [(14, 7), (13, 7), (5, 5), (9, 4), (1, 1)])
@pytest.mark.parametrize("horizon", [1, 5, 9])
def test_shapes(network: str, window: int, segment: int, horizon: int):
    recipe = recipe_of(PANEL, network=network, window=window, segment=segment, horizon=horizon, quantiles=(0.1, 0.9))
    quantiles, unit = build(recipe, 0)(window_of(recipe))
    assert quantiles.shape == (4, horizon, 3)
    assert unit.shape == (4,)
    assert (quantiles.diff(dim=-1) > 0).all()


def test_a_series_has_an_identity_and_an_unknown_one_has_none():
    recipe = recipe_of(PANEL)
    model, window = build(recipe, 0).eval(), window_of(recipe, 1)
    found = [model(replace(window, series=torch.tensor([k])))[0] for k in (0, 1, -1)]
    assert not torch.allclose(found[0], found[1])
    assert model.identity is not None
    with torch.no_grad():
        model.identity.weight.zero_()
    assert torch.allclose(model(replace(window, series=torch.tensor([0])))[0], found[2])


def test_the_highway_begins_at_nothing_and_moves_all_quantiles_alike():
    with_it, without = (recipe_of(PANEL, highway=flag) for flag in (True, False))
    window = window_of(with_it)
    model = build(with_it, 0).eval()
    before = model(window)[0]
    assert model.highway is not None
    with torch.no_grad():
        model.highway.bias.copy_(torch.arange(HORIZON))
    moved = model(window)[0] - before
    assert torch.allclose(moved, torch.arange(HORIZON).float()[:, None].expand_as(moved), atol=1e-5)
    assert build(without, 0).highway is None


@pytest.mark.parametrize(
    "change",
    [
        {"horizon": 0},
        {"lookback": 10**9},
        {"network": "x"},
        {"levels": (0.9, 0.5)},
        {"levels": (0.1, 0.9)},
        {"dropout": 1.5},
        {"normalisation": "season", "season": 50},
    ],
)
def test_settings_no_model_has(change: dict[str, object]):
    settings = recipe_of(PANEL).model
    assert ModelSettings.from_json(settings.to_json()) == settings
    with pytest.raises(ModelError, match="damaged"):
        ModelSettings.from_json(settings.to_json() | change)
