"""Covariates: that they help, how they are coded, and the parts that read them."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.forecast.covariates import ALL, LENGTH, driven, tables
from tests.forecast.samples import HORIZON, frame_of, recipe_of, small, wave
from unspool.errors import DataError, ModelError, SettingError
from unspool.forecast import Forecaster, panel_from_frame
from unspool.forecast.coding import NO_CATEGORY, Beside, Coding
from unspool.forecast.core import recurrent_core
from unspool.forecast.effects import REACH, Effects
from unspool.forecast.embedded import Embedded
from unspool.forecast.evaluation.baselines import BEFORE, fit_ridge
from unspool.forecast.recipe import build
from unspool.forecast.tables.covariates import Asked
from unspool.forecast.windows import Scales, Windows

TABLE, FUTURE = tables()
ASKED = tuple(Asked(name, role) for role, names in ALL.items() for name in names)  # pyright: ignore[reportArgumentType]
PANEL = panel_from_frame(TABLE, covariates=ASKED)


@pytest.mark.parametrize("network", ["direct", "segment", "onward"])
def test_where_they_drive_the_series_they_halve_the_error(network: str):
    """Three seeds of data and weights; the ridge that is told them as well cannot bend at 14 degrees."""
    settings: dict[str, Any] = {"steps": 200, "members": 1, "refit": False, "highway": False, "hidden_size": 32}
    for seed in range(3):
        table, _ = driven(seed)
        with_, without = (
            Forecaster(7, network=network, known=known, seed=seed, **settings)
            .backtest(table, folds=4, refit=False)
            .metrics["overall"]
            for known in (("temp", "promo"), ())
        )
        assert with_["unspool"]["mae"] < 0.55 * without["unspool"]["mae"]
        assert with_["unspool"]["mae"] < 0.55 * without["ridge"]["mae"]
        assert with_["unspool"]["mae"] < 0.8 * with_["ridge"]["mae"] < 0.8 * without["ridge"]["mae"]


def test_numbers_are_scaled_by_median_and_quartiles_and_masked():
    values = np.array([3.0, 1.0, np.nan, 2.0, 5.0, 4.0, np.nan, 1e6])
    frame = frame_of(wave(8)).with_columns(x=values)
    panel = panel_from_frame(frame, covariates=[Asked("x", "past")])
    (column,) = Coding.of(panel).columns
    seen = values[~np.isnan(values)]
    assert column.centre == np.median(seen)
    assert column.spread == pytest.approx(np.subtract(*np.quantile(seen, [0.75, 0.25])) / 1.349)
    coded = Coding.of(panel).encode("past", panel, values[:, None])
    assert coded.numbers[:, 1].tolist() == [1, 1, 0, 1, 1, 1, 0, 1]
    assert coded.numbers[2].tolist() == [0, 0]
    assert coded.numbers[0, 0].item() == pytest.approx((3 - column.centre) / column.spread)


def test_a_flag_that_is_mostly_off_is_scaled_by_its_deviation():
    flag = (np.arange(20) % 10 == 0).astype(float)
    panel = panel_from_frame(frame_of(wave(20)).with_columns(x=flag), covariates=[Asked("x", "known")])
    assert Coding.of(panel).columns[0].spread == pytest.approx(flag.std())


def test_categories_are_numbered_by_first_appearance():
    kinds = ["b", "a", None, "b", "c", "a", "c", "b"]
    panel = panel_from_frame(frame_of(wave(8)).with_columns(x=np.array(kinds)), covariates=[Asked("x", "known")])
    early = Coding.of(panel.before([4]))
    assert early.columns[0].words == ("b", "a")
    assert early.sizes() == {"known": (2,), "past": (), "static": ()}
    known = panel.series[0].known
    assert known is not None
    assert early.encode("known", panel, known).codes[:, 0].tolist() == [0, 1, NO_CATEGORY, 0, 2, 1, 2, 0]
    (finding,) = early.unseen(panel)
    assert "known 'x' has categories that were not in training: 'c'" in finding.message


def test_an_unseen_category_is_the_mean_vector_and_a_missing_one_is_none():
    embedded = Embedded((0, 5))
    (vectors,) = embedded.vectors
    numbers, codes = torch.zeros(7, 2), torch.tensor([[0], [1], [2], [3], [4], [5], [NO_CATEGORY]])
    found = embedded(Beside(numbers, codes))[:, 2:]
    assert embedded.channels == 2 + vectors.shape[1] == 5
    assert torch.equal(found[:5], vectors)
    assert torch.allclose(found[5], vectors.mean(0))
    assert not found[6].any()


def test_a_window_holds_the_known_values_of_all_its_steps_and_the_past_of_what_it_read():
    covariates = [Asked("k", "known"), Asked("p", "past"), Asked("s", "static")]
    count = np.arange(20.0)
    frame = frame_of(count, 100 + count)
    columns = {"k": np.tile(count, 2), "p": np.tile(count, 2), "s": np.repeat([1.0, 2.0], 20)}
    panel = panel_from_frame(frame.with_columns(**columns), covariates=covariates)
    coding = Coding.of(panel)
    windows = Windows(panel, Scales.of([s.values for s in panel.series]), 4, 3, 2, coding=coding)
    window = windows.cut(torch.tensor([[0, 10, 20], [1, 2, 20], [1, 18, 20]]))
    assert window.known is not None
    assert window.past_only is not None
    assert window.static is not None
    k, p, s = coding.columns
    assert window.known.numbers.shape == (3, 4 + 2 + 3, 2)
    back = window.known.numbers[..., 0] * k.spread + k.centre
    assert back[0].tolist() == pytest.approx(list(range(6, 15)))
    assert window.known.numbers[1, :, 1].tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 1]
    assert window.known.numbers[2, :, 1].tolist() == [1, 1, 1, 1, 1, 1, 0, 0, 0]
    assert (window.past_only.numbers[0, :, 0] * p.spread + p.centre).tolist() == pytest.approx([6, 7, 8, 9])
    assert (window.static.numbers[:, 0] * s.spread + s.centre).tolist() == pytest.approx([1, 2, 2])


def test_effects_reach_back_and_never_ahead():
    effects = Effects(3)
    torch.nn.init.normal_(effects.readout.weight)
    known = torch.randn(1, 20, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(effects(known)[0, 12], known)
    assert gradient[0].abs().sum(1).nonzero()[:, 0].tolist() == list(range(13 - REACH, 13))


def test_at_first_there_is_no_effect():
    recipe = recipe_of(PANEL)
    model = build(recipe, 0)
    assert model.effects is not None
    assert not model.effects(torch.randn(2, 9, model.effects.read.in_channels)).any()


def test_the_ridge_finds_what_known_covariates_add():
    """On y(t) = 3 x(t) − 2 x(t − 1) and noise-free, a ridge that is told x is exact."""
    x = np.random.default_rng(0).normal(size=(1, 200 + 4, 1))
    y = 3 * x - 2 * np.roll(x, 1, axis=1)
    histories, known = [each[:200, 0] for each in y], list(x)
    ridge = fit_ridge(histories, 5, 4, known=known)
    assert ridge.beside == BEFORE + 4
    assert ridge.weights.shape == (5 + BEFORE + 4, 4)
    assert np.allclose(ridge.predict(histories, known), y[:, 200:, 0], atol=0.05)
    assert not np.allclose(fit_ridge(histories, 5, 4).predict(histories), y[:, 200:, 0], atol=1)


def test_linear_methods_read_scaled_numbers_and_a_column_for_each_category():
    coding = Coding.of(PANEL)
    plain = coding.plain(PANEL, HORIZON)
    assert plain[0].shape == (LENGTH + HORIZON, 1 + 3)
    assert (plain[0][:LENGTH, 1:].sum(1) == 1).all()
    assert not plain[0][LENGTH:].any()


def test_a_horizon_that_nothing_is_known_of_is_refused():
    fitted = small(steps=2, **ALL).fit(TABLE)
    with pytest.raises(DataError, match=r"\('temp', 'kind'\) are not given for the horizon"):
        fitted.predict()
    assert len(fitted.predict(future=FUTURE)) == 3 * HORIZON
    with pytest.raises(ModelError, match="known covariates none; the model was made with 'temp', 'kind'"):
        fitted.forecast(panel_from_frame(TABLE))


def test_options_that_contradict():
    for options, message in [
        ({"known": ["a"], "past": ["a"]}, "column 'a' is named twice: known and past"),
        ({"categorical": ["a"]}, "column 'a' is called categorical, but is no covariate"),
        ({"known": "temp"}, "known is 'temp'"),
        ({"holidays": "DE"}, "holidays is 'DE'"),
    ]:
        with pytest.raises(SettingError, match=message):
            _ = small(**options).options


def test_at_uneven_times_past_and_static_covariates_are_read_and_known_ones_refused():
    times = np.random.default_rng(0).exponential(size=80).cumsum()
    frame = frame_of(wave(80)).with_columns(ds=times, x=wave(80, seed=1))
    uneven: dict[str, Any] = {"network": "onward", "cell": "lem", "uneven": True, "steps": 3}
    one = small(**uneven, past=["x"]).fit(frame).forecast()
    assert np.isfinite(one.quantiles).all()
    with pytest.raises(SettingError, match="covariates known in the future belong to even steps"):
        small(**uneven, known=["x"]).fit(frame)


def test_the_core_is_looked_at_with_and_without_data():
    fitted = small(steps=2, **ALL).fit(TABLE)
    assert recurrent_core(fitted.model_, None, 10).x.isfinite().all()
    assert recurrent_core(fitted.model_, fitted.panel_, 10).windows > 0


def test_a_new_series_is_told_by_its_static_covariates():
    fitted = small(steps=4, **ALL).fit(TABLE)
    new = TABLE.with_columns(unique_id="new" + TABLE["unique_id"])
    ahead = FUTURE.with_columns(unique_id="new" + FUTURE["unique_id"])
    one = fitted.forecast(new, future=ahead).quantiles
    two = fitted.forecast(new.with_columns(size=TABLE["size"] + 200), future=ahead).quantiles
    assert (np.abs(one - two).max((1, 2)) > 1e-6).all()
