"""Models and series of which it is known what the forecast rests on."""

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from tests.forecast.explanation.samples import untrained
from tests.forecast.samples import HORIZON, frame_of, panel_of, small, wave
from unspool.forecast import Forecaster, explain
from unspool.forecast.explanation.occlusion import stretches_of
from unspool.report.explanation.words import by_distance, rests_on

LOOKBACK = 14
EVERY = range(1, HORIZON + 1)


def linear(panel: Any, weights: np.ndarray, normalisation: str) -> Any:
    """A model that is nothing but its highway, [H, L]."""
    model = untrained(panel, network="direct", normalisation=normalisation, highway=True)
    member: Any = model.members[0]
    with torch.no_grad():
        for part in member.network.parameters():
            part.zero_()
        member.highway.weight.copy_(torch.from_numpy(weights))
    return model


def test_a_linear_model_s_gradients_are_its_weights():
    panel = panel_of(wave(60))
    weights = np.random.default_rng(0).normal(size=(HORIZON, LOOKBACK))
    one = explain(linear(panel, weights, "last"), panel, ahead=EVERY).series[0]
    expected = weights.copy()
    expected[:, -1] = 1 - weights[:, :-1].sum(1)  # the last value is taken off the others, and put back
    np.testing.assert_allclose(one.gradient, expected, atol=1e-5)
    np.testing.assert_allclose(one.attribution, expected * (one.values - one.level), atol=1e-5)
    mean = explain(linear(panel, weights, "mean"), panel, ahead=EVERY).series[0]
    centred = weights + (1 - weights.sum(1, keepdims=True)) / LOOKBACK
    np.testing.assert_allclose(mean.gradient, centred, atol=1e-5)


def test_the_value_of_a_week_before_carries_all_where_only_it_is_read():
    panel = panel_of(wave(60))
    weights = np.zeros((HORIZON, LOOKBACK))
    weights[np.arange(HORIZON), LOOKBACK - 7 + np.arange(HORIZON)] = 1
    one = explain(linear(panel, weights, "mean"), panel, ahead=EVERY).series[0]
    shares = by_distance(one)
    assert shares[7] > 0.8  # the rest is the mean's, which is taken off all
    assert "Among single past values, the one 7\u00a0days before carries" in rests_on(one, "day")


def test_trained_on_weeks_that_repeat_it_rests_on_the_value_of_a_week_before():
    draw = np.random.default_rng(0)
    series = [np.tile(draw.normal(size=7), 6) for _ in range(50)]
    forecaster = small(horizon=1, window=8, network="direct", normalisation="mean", highway=True, hidden_size=4)
    forecaster.set_params(steps=400, batch_size=64, learning_rate=0.02, dropout=0.0)
    found = forecaster.fit(frame_of(*series)).explain()
    for one in found.series:
        assert np.abs(one.gradient[0]).argmax() == 8 - 7
        assert one.gradient[0, 8 - 7] == pytest.approx(1, abs=0.1)
    assert np.mean([by_distance(one)[7] for one in found.series]) > 0.6


@pytest.fixture(scope="module")
def driven() -> tuple[Forecaster, pl.DataFrame]:
    """A known covariate drives the series alone; another, of the past only, has nothing to do with it."""
    draw, size = np.random.default_rng(1), 300 + HORIZON
    price, noise = draw.normal(10, 2, size), draw.normal(size=size)
    table = frame_of(3 * price).with_columns(price=pl.Series(price), noise=pl.Series(noise))
    forecaster = small(known=["price"], past=["noise"], steps=300, normalisation="mean", dropout=0.0)
    return forecaster.fit(table[:300]), table[300:].select("ds", "price")


def test_a_covariate_that_drives_alone_carries_the_forecast(driven: tuple[Forecaster, pl.DataFrame]):
    forecaster, future = driven
    found = forecaster.explain(future=future, ahead=EVERY)
    one = found.series[0]
    price, noise = (next(d for d in one.drivers if d.name == name) for name in ("price", "noise"))
    assert price.share == max(part.share for part in (*one.stretches, *one.drivers)) > 0.5
    assert noise.share < 0.03
    # past prices explain past values: together they add nothing
    ahead = np.arange(HORIZON)
    at_its_step = price.attribution[ahead, LOOKBACK + ahead]
    np.testing.assert_allclose(at_its_step, 3 * (future["price"].to_numpy() - 10), atol=1)
    others = price.attribution.sum(1) - at_its_step
    np.testing.assert_allclose(others, -one.attribution.sum(1), atol=1)
    assert np.abs(noise.occlusion).max() < 0.1


@pytest.mark.parametrize(
    ("lookback", "season", "expected"),
    [
        (14, 7, [(1, 1), (2, 7), (8, 14)]),
        (104, 52, [(1, 1), (2, 52), (53, 104)]),
        (336, 24, [(1, 1), (2, 48), *((1 + 48 * k, 48 + 48 * k) for k in range(1, 7))]),
        (10, 7, [(k, k) for k in range(1, 11)]),
        (25, 1, [(1, 1), (2, 3), (4, 6), (7, 9), (10, 12), (13, 15), (16, 18), (19, 21), (22, 24), (25, 25)]),
        (1, 7, [(1, 1)]),
    ],
)
def test_stretches_are_seasons_or_tenths(lookback: int, season: int, expected: list[tuple[int, int]]):
    assert stretches_of(lookback, season) == expected
