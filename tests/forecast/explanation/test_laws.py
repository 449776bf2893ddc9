"""Laws of an explanation at any weights: sums, slopes, what is hidden, what the model does not see."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.forecast.explanation.samples import untrained, with_covariates
from tests.forecast.samples import HORIZON, frame_of, panel_of, wave
from unspool.forecast import Explanation, Panel, explain, make_forecast, panel_from_frame
from unspool.forecast.explanation import Explained
from unspool.forecast.fitted import FittedModel
from unspool.forecast.normalise import NORMALISATIONS
from unspool.forecast.recipe import Recipe
from unspool.report.explanation.words import rests_on

LOOKBACK = 14
EVERY = range(1, HORIZON + 1)


def holed(length: int = 60) -> Panel:
    """Two series, one shorter than a window, with missing values."""
    one, two = wave(length), 20 + 3 * wave(LOOKBACK - 5, seed=1)
    one[[length - 3, length - 8]] = np.nan
    two[4] = np.nan
    return panel_of(one, two)


def size(one: Explained) -> np.ndarray:
    return np.abs(one.attribution).sum(1) + sum(np.abs(driver.attribution).sum(1) for driver in one.drivers)


@pytest.mark.parametrize("normalisation", [name for name in NORMALISATIONS if name != "ratio"])
def test_attributions_sum_to_the_forecast_less_that_at_rest(normalisation: str):
    panel = holed()
    found = explain(untrained(panel, network="direct", normalisation=normalisation, highway=True), panel, ahead=EVERY)
    for one in found.series:
        assert (np.abs(one.unexplained) <= 1e-4 * size(one)).all()
        assert (size(one) > 0.01).all()


@pytest.mark.parametrize("network", ["segment", "direct", "onward"])
def test_with_covariates_too_the_more_nearly_the_more_points_are_taken(network: str):
    panel = with_covariates(gap=2)
    model = untrained(panel, network=network, normalisation="scaled", gap=2, members=2)
    few, many = (explain(model, panel, nodes=nodes) for nodes in (4, 400))
    gaps = [max(float((np.abs(one.unexplained) / size(one)).max()) for one in found.series) for found in (few, many)]
    assert gaps[1] < 1e-3
    assert gaps[1] < gaps[0] / 4


@pytest.mark.parametrize("network", ["segment", "direct", "onward"])
def test_the_forecast_explained_is_the_forecast_made(network: str):
    panel = with_covariates(gap=2)
    model = untrained(panel, network=network, gap=2, members=2)
    forecast, found = make_forecast(model, panel), explain(model, panel, ahead=EVERY)
    for place, one in enumerate(found.series):
        np.testing.assert_allclose(one.forecast, forecast.point[place], rtol=1e-5)
        assert np.array_equal(one.times_ahead, forecast.times[place])


def moved(panel: Panel, role: str, column: int | None, back: int, by: float) -> Panel:
    """The panel with one number of its first series changed, `back` steps before its end."""
    series = panel.series[0]
    part = np.array(getattr(series, role))
    at = len(series.values) - 1 - back
    if column is None:
        part[at] += by
    elif role == "static":
        part[column] += by
    else:
        part[at, column] += by
    return replace(panel, series=(replace(series, **{role: part}), *panel.series[1:]))


@pytest.mark.parametrize(
    ("role", "column", "name"),
    [("values", None, "y"), ("known", 0, "temp"), ("past", 0, "visitors"), ("static", 1, "size")],
)
def test_gradients_are_slopes_of_the_forecast_in_units_of_the_data(role: str, column: int | None, name: str):
    panel = with_covariates()
    model = untrained(panel, network="direct", normalisation="standard", hidden_size=4)
    one = explain(model, panel, ahead=EVERY).series[0]
    slopes = one.gradient if name == "y" else next(driver.gradient for driver in one.drivers if driver.name == name)
    assert slopes is not None
    middle = model.recipe.model.levels.index(0.5)
    for back in (0,) if role == "static" else (0, 3, 10, -2) if role == "known" else (0, 3, 10):
        by = 0.02 * float(np.nanstd(getattr(panel.series[0], role))) if role != "static" else 1.0
        up, down = (model.quantiles(moved(panel, role, column, back, sign * by))[0, :, middle] for sign in (1, -1))
        at = 0 if role == "static" else LOOKBACK - 1 - back
        np.testing.assert_allclose(slopes[:, at], (up - down) / (2 * by), rtol=0.02, atol=2e-3 * np.abs(slopes).max())


def test_what_is_hidden_is_put_at_rest():
    panel = panel_of(wave(60))
    model = untrained(panel, network="direct", normalisation="mean", highway=True)
    one = explain(model, panel, ahead=EVERY).series[0]
    assert [(part.first, part.last) for part in one.stretches] == [(1, 1), (2, 7), (8, 14)]
    before, middle = make_forecast(model, panel).point[0], model.recipe.model.levels.index(0.5)
    for part in one.stretches:
        values = panel.series[0].values.copy()
        values[len(values) - part.last : len(values) - part.first + 1] = one.level
        changed = replace(panel, series=(replace(panel.series[0], values=values),))
        np.testing.assert_allclose(part.occlusion, before - model.quantiles(changed)[0, :, middle], atol=1e-4)


def test_an_unknown_category_is_at_rest():
    panel = with_covariates()
    model = untrained(panel, network="segment")
    one = explain(model, panel).series[0]
    region = next(driver for driver in one.drivers if driver.name == "region")
    categories = next(one.categories for one in panel.covariates if one.name == "region")
    assert categories is not None
    elsewhere = tuple(
        replace(c, categories=(*categories, "elsewhere")) if c.name == "region" else c for c in panel.covariates
    )
    static = panel.series[0].static
    assert static is not None
    abroad = replace(panel.series[0], static=np.array([len(categories), *static[1:]]))
    other = explain(model, replace(panel, covariates=elsewhere, series=(abroad, *panel.series[1:]))).series[0]
    np.testing.assert_allclose(region.occlusion, one.forecast - other.forecast, atol=1e-4)


def test_a_flat_window_is_the_rest_of_itself():
    flat = frame_of(np.where(np.arange(60) < 46, wave(60), 10.0)).with_columns(ds=np.arange(60))  # without a calendar
    panel = panel_from_frame(flat)
    still = explain(untrained(panel, network="segment"), panel).series[0]
    assert np.abs(still.attribution).max() < 1e-6
    assert {part.share for part in still.stretches} == {0.0}
    assert "on nothing that is read" in rests_on(still, "step")


@pytest.mark.parametrize("network", ["segment", "direct", "onward"])
def test_a_covariate_that_the_model_does_not_see_explains_nothing(network: str):
    panel = with_covariates()
    model = untrained(panel, network=network)
    member = model.members[0]
    with torch.no_grad():
        blind(member, network)
    one = explain(model, panel).series[0]
    unseen = {driver.name: driver for driver in one.drivers if driver.role in ("past", "static")}
    assert set(unseen) == {"visitors", "mood", "region", "size"}
    for driver in unseen.values():
        assert not driver.occlusion.any()
        assert not driver.attribution.any()
        assert driver.share == 0
    seen = [driver for driver in one.drivers if driver.role == "known"]
    assert all(driver.occlusion.any() and driver.share > 0 for driver in seen)


def blind(member: Any, network: str) -> None:
    """Zero weights for covariates of the past and of the series."""
    member.of_static.weight.zero_()
    if network == "segment":
        member.network.past_only.weight.zero_()
    else:
        first = next(weights for weights in member.network.layer.parameters() if weights.shape[-1] == reads(member))
        first[:, -member.past_only.channels :] = 0


def reads(member: Any) -> int:
    return member.network.layer.input_size


def test_members_are_averaged():
    panel = with_covariates()
    both = untrained(panel, members=2, network="segment")
    found = explain(both, panel).series[1]
    apart = [explain(replace(both, members=(member,)), panel).series[1] for member in both.members]
    for name in ("attribution", "gradient", "forecast", "rest"):
        mean = np.mean([getattr(one, name) for one in apart], 0)
        np.testing.assert_allclose(getattr(found, name), mean, atol=1e-5 * np.abs(mean).max())


@dataclass(frozen=True)
class Ensemble:
    models: tuple[FittedModel, ...]
    counts: tuple[int, ...]
    shifts: list[list[float]]
    recipe: Recipe


def test_models_of_different_windows_are_averaged_as_often_as_they_count():
    panel = with_covariates()
    models = untrained(panel, network="segment"), untrained(panel, network="direct", window=9, seed=1)
    shifts = models[0].shifts
    found = explain(Ensemble(models, (1, 3), shifts, models[1].recipe), panel).series[0]
    long, short = (explain(replace(model, shifts=shifts), panel).series[0] for model in models)
    np.testing.assert_allclose(found.forecast, (long.forecast + 3 * short.forecast) / 4, rtol=1e-6)
    np.testing.assert_allclose(found.attribution[:, :5], long.attribution[:, :5] / 4, atol=1e-6)
    both = (long.attribution[:, 5:] + 3 * short.attribution) / 4
    np.testing.assert_allclose(found.attribution[:, 5:], both, atol=1e-6)
    for one, two, mixed in zip(long.drivers, short.drivers, found.drivers, strict=True):
        assert (mixed.name, len(mixed.steps)) == (one.name, len(one.steps))
        total = (one.attribution.sum(1) + 3 * two.attribution.sum(1)) / 4
        np.testing.assert_allclose(mixed.attribution.sum(1), total, atol=1e-5)
        np.testing.assert_allclose(mixed.occlusion, (one.occlusion + 3 * two.occlusion) / 4, atol=1e-5)
    lags = [(part.first, part.last) for part in found.stretches]
    assert lags == [(1, 1), (2, 7), (8, 14)]
    np.testing.assert_allclose(np.abs(found.unexplained) / size(found), 0, atol=0.02)


def test_series_are_explained_alike_together_and_alone_and_the_model_is_left_as_it_was():
    panel = panel_of(*(wave(40, seed=k) for k in range(20)))
    model = untrained(panel, network="segment")
    before = {name: part.clone() for name, part in model.members[0].state_dict().items()}
    all_of_them, alone = explain(model, panel), explain(model, panel, series=["s17", "s3"])
    assert [one.id for one in alone.series] == ["s17", "s3"]
    for one in alone.series:
        same = next(other for other in all_of_them.series if other.id == one.id)
        np.testing.assert_allclose(one.attribution, same.attribution, atol=1e-5)
    assert all(torch.equal(part, before[name]) for name, part in model.members[0].state_dict().items())
    assert all(part.requires_grad and part.grad is None for part in model.members[0].parameters())


def test_missing_values_and_steps_before_a_series_explain_nothing():
    panel = holed()
    found = explain(untrained(panel, network="direct"), panel)
    long, short = found.series
    assert (len(long.values), len(short.values)) == (LOOKBACK, LOOKBACK - 5)
    for one in found.series:
        missing = np.isnan(one.values)
        assert missing.any()
        assert not one.attribution[:, missing].any()
    assert short.stretches[-1].last == len(short.values)


def test_uneven_time():
    times = np.random.default_rng(0).exponential(size=60).cumsum()
    panel = panel_from_frame(frame_of(wave(60)).with_columns(ds=times), uneven=True)
    model = untrained(panel, network="onward", cell="lem", normalisation="mean", highway=None, uneven=True)
    found = explain(model, panel, ahead=EVERY)
    one = found.series[0]
    np.testing.assert_allclose(one.forecast, make_forecast(model, panel).point[0], rtol=1e-5)
    assert (np.abs(one.unexplained) <= 1e-4 * size(one)).all()
    assert found.noun == "step"


def test_shares_sum_to_one_and_tables_hold_every_number():
    panel = with_covariates(gap=1)
    found = explain(untrained(panel, network="segment", gap=1), panel, ahead=[2, 5])
    for one in found.series:
        assert sum(part.share for part in (*one.stretches, *one.drivers)) == pytest.approx(1)
        added = sum((part.attribution for part in one.stretches), np.zeros(2))
        np.testing.assert_allclose(added, one.attribution.sum(1))
    _table_holds_all(found)


def _table_holds_all(found: Explanation) -> None:
    table, one = found.table(), found.series[0]
    assert table.columns == ["unique_id", "ahead", "source", "step", "attribution", "gradient"]
    mine = table.filter((table["unique_id"] == one.id) & (table["ahead"] == 5))
    assert mine["attribution"].sum() + one.unexplained[1] == pytest.approx(one.forecast[1] - one.rest[1])
    names = [driver.name for driver in one.drivers]
    assert names == ["calendar", "temp", "kind", "visitors", "mood", "region", "size"]
    assert mine["source"].unique(maintain_order=True).to_list() == ["y", *names]
    steps = {name: mine.filter(mine["source"] == name)["step"].to_list() for name in ("y", "temp", "visitors", "size")}
    assert steps["y"] == steps["visitors"] == list(range(1 - LOOKBACK, 1))
    assert steps["temp"] == list(range(1 - LOOKBACK, 1 + 1 + HORIZON))
    assert steps["size"] == [None]
    assert mine.filter(mine["source"] == "kind")["gradient"].is_null().all()
    told = found.to_json()[0]
    assert told["drivers"][1]["name"] == "temp"
    assert told["drivers"][1]["attribution"] == pytest.approx(one.drivers[1].attribution.sum(1))
    assert len(told["window"]["attribution"][0]) == len(told["window"]["times"]) == LOOKBACK
    assert "window" not in found.summary()[0]
