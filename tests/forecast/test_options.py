"""Options: each has a meaning or is refused, and what is left open is decided."""

from typing import Any

import pytest

from tests.forecast.samples import panel_of, small, wave
from unspool.errors import CellError, DataError, SettingError
from unspool.forecast.options import candidates

PANEL = panel_of(wave(80))


@pytest.mark.parametrize(
    "name",
    ["horizon", "window", "segment", "hidden_size", "num_layers", "validation", "steps", "batch_size", "members"],
)
@pytest.mark.parametrize("value", [0, -3])
def test_counts_begin_at_one(name: str, value: int):
    with pytest.raises(SettingError, match=f"{name} is {value}") as caught:
        _ = small(**{name: value}).options
    assert caught.value.hint == f"give a {name} of at least 1"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"gap": -1}, "gap is -1"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"dropout": float("nan")}, "dropout is nan"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"learning_rate": float("inf")}, "learning_rate is inf"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**31}, "seed is"),
        ({"quantiles": (0.5, 2)}, "quantile 2"),
        ({"network": "Direct"}, "unknown network 'Direct'"),
        ({"normalisation": ""}, "unknown normalisation ''"),
    ],
)
def test_settings_without_meaning(settings: dict[str, Any], says: str):
    with pytest.raises(SettingError, match=says):
        _ = small(**settings).options


def test_an_unknown_cell():
    with pytest.raises(CellError, match="unknown cell 'GRU'"):
        _ = small(cell="GRU").options


def test_what_is_given_is_taken():
    (recipe,) = candidates(small(quantiles=(0.9, 0.2), seed=4, gap=2).options, PANEL).values()
    model = recipe.model
    assert (model.network, model.segment, model.lookback, model.horizon, model.gap) == ("segment", 7, 14, 5, 2)
    assert (model.levels, model.season, model.highway, model.series) == ((0.2, 0.5, 0.9), 7, False, 0)
    assert (recipe.batch_size, recipe.validation, recipe.refit, recipe.members, recipe.seed) == (16, 10, False, 1, 4)


def test_what_is_left_open_is_decided_and_fits_the_data():
    for length in (14, 30, 80, 400):
        panel = panel_of(wave(length))
        open_ = {"window": None, "segment": None, "validation": None, "network": "auto", "normalisation": "auto"}
        for recipe in candidates(small(**open_, steps=None, hidden_size=None).options, panel).values():
            assert 1 <= recipe.model.segment <= recipe.model.lookback < length
            assert recipe.validation >= recipe.model.horizon


@pytest.mark.parametrize(
    ("refit", "given", "members"), [(None, None, 3), (True, None, 3), (False, None, 1), (False, 2, 2)]
)
def test_a_default_fit_without_the_refit_is_of_one_member(refit: bool | None, given: int | None, members: int):
    (recipe,) = candidates(small(refit=refit, members=given).options, panel_of(wave(80))).values()
    assert (recipe.refit, recipe.members) == (refit is not False, members)


def test_series_are_told_apart_only_where_there_are_several():
    (recipe,) = candidates(small().options, panel_of(wave(80), wave(80))).values()
    assert recipe.model.series == 2


def test_too_few_points():
    with pytest.raises(DataError, match=r"the longest series has 16; a horizon of 5 needs at least 17"):
        candidates(small().options, panel_of(wave(16)))
