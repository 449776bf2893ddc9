"""An ensemble: an average of models whose windows differ, calibrated as one."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.forecast.samples import HORIZON, CtrlC, Watch, frame_of, panel_of, recipe_of, small, wave
from tests.forecast.test_saving import HOSTILE, places
from unspool.errors import ModelError, UnspoolError
from unspool.forecast import Forecaster, run_job
from unspool.forecast import search as search_room
from unspool.forecast.backtest import run_backtest
from unspool.forecast.ensemble import Ensemble, EnsembleRecipe, calibrated, fit_recipe, lead_of, shortest_window
from unspool.forecast.export import export_model
from unspool.forecast.fitted import FittedModel
from unspool.forecast.fitting import fit_model, refit_model
from unspool.forecast.saving import load_model, save_model
from unspool.forecast.tables.panel import Series

PANEL = panel_of(wave(80), 30 + 2 * wave(70, seed=1))
RECIPE = EnsembleRecipe(
    (
        recipe_of(PANEL, refit=True),
        recipe_of(PANEL, window=21, network="direct", normalisation="scaled", cell="lmu", refit=True, members=2),
    ),
    (1, 3),
)


@pytest.fixture(scope="module")
def fitted() -> Ensemble:
    model = fit_recipe(PANEL, RECIPE)
    assert isinstance(model, Ensemble)
    return model


def uncalibrated(model: FittedModel) -> FittedModel:
    return replace(model, shifts=np.zeros_like(model.shifts).tolist())


def test_its_quantiles_are_the_weighted_mean_of_its_members(fitted: Ensemble):
    plain = replace(fitted, shifts=np.zeros_like(fitted.shifts).tolist())
    one, other = (uncalibrated(model).quantiles(PANEL) for model in fitted.models)
    assert plain.quantiles(PANEL) == pytest.approx((one + 3 * other) / 4, rel=1e-12)
    assert not np.array_equal(fitted.quantiles(PANEL), plain.quantiles(PANEL))
    assert (np.diff(fitted.quantiles(PANEL), axis=-1) >= 0).all()


def test_its_members_are_what_each_recipe_gives_alone(fitted: Ensemble):
    for recipe, model in zip(RECIPE.recipes, fitted.models, strict=True):
        alone = fit_model(PANEL, recipe)
        assert np.array_equal(alone.quantiles(PANEL), model.quantiles(PANEL))
        assert len(model.members) == recipe.members
    assert (fitted.lead, fitted.recipe.cell.name, lead_of(fitted)) == (fitted.models[1], "lmu", fitted.models[1])
    assert (shortest_window(fitted), shortest_window(RECIPE)) == (14, 14)


def test_a_refit_is_the_second_half_of_a_fit():
    recipe = RECIPE.recipes[1]
    early = fit_model(PANEL, recipe.alone)
    again, whole = refit_model(PANEL, early, recipe), fit_model(PANEL, recipe)
    assert np.array_equal(again.quantiles(PANEL), whole.quantiles(PANEL))
    assert (again.recipe, again.log.best, again.shifts) == (whole.recipe, whole.log.best, whole.shifts)
    assert not np.array_equal(early.quantiles(PANEL), whole.quantiles(PANEL))


def test_its_members_count_without_the_refit_too():
    watch = Watch()
    recipes = tuple(replace(recipe, refit=False, members=k) for k, recipe in enumerate(RECIPE.recipes, 1))
    found = fit_recipe(PANEL, replace(RECIPE, recipes=recipes), [watch], title="fitting")
    assert watch.titles() == ["fitting, 1 of 2", "fitting, 2 of 2, member 1/2", "fitting, 2 of 2, member 2/2"]
    assert isinstance(found, Ensemble)
    assert [len(model.members) for model in found.models] == [1, 2]
    for recipe, model in zip(recipes, found.models, strict=True):
        assert np.array_equal(fit_model(PANEL, recipe).quantiles(PANEL), model.quantiles(PANEL))


def test_it_is_calibrated_as_a_whole_on_what_its_members_were_not_fitted_on():
    panel = panel_of(wave(260))
    changes = {"validation": 120, "steps": 4}
    recipes = (recipe_of(panel, **changes), recipe_of(panel, window=21, normalisation="scaled", **changes))
    found = fit_recipe(panel, EnsembleRecipe(recipes, (1, 2)))
    assert isinstance(found, Ensemble)
    quantiles, actual, _ = found.rolling(panel, np.array([140]))
    below = (actual[..., None] <= quantiles).mean(0)
    levels = np.array(found.recipe.model.levels)
    # Of the 120 windows that calibrated, the four with part of a horizon are left out here.
    assert len(actual) == 120 - HORIZON + 1
    assert (below[:, levels > 0.5] >= levels[levels > 0.5] - 0.04).all()
    assert (below[:, levels < 0.5] <= levels[levels < 0.5] + 0.04).all()
    uncovered = replace(found, shifts=np.zeros_like(found.shifts).tolist()).rolling(panel, np.array([140]))[0]
    assert np.array_equal(quantiles[..., 3], uncovered[..., 3])
    assert not np.array_equal(quantiles, uncovered)
    alone = calibrated(panel, found.models[:1], (1,))
    assert alone.shifts == found.models[0].shifts
    assert alone.valid_error == pytest.approx(found.models[0].valid_error)


def test_rolling_forecasts_what_was_seen_at_each_cutoff(fitted: Ensemble):
    quantiles, actual, places = fitted.rolling(PANEL, np.array([78, 65]))
    assert len(places) == 1
    series, cutoff = places[0]
    seen = PANEL.before([80, int(cutoff)])
    assert series == 1
    assert quantiles[0] == pytest.approx(fitted.quantiles(seen)[1], rel=1e-5)
    assert actual[0] == pytest.approx(PANEL.series[1].values[65:70], rel=1e-6)


def test_a_fold_fits_every_member_to_what_was_before_it():
    plans = small().plan_folds(PANEL, 2)
    watch = Watch()
    done = run_backtest(PANEL, plans, RECIPE, callbacks=[watch])
    assert done is not None
    assert [t for t in watch.titles() if "all data" not in t] == [
        f"fold {k}/2, {n} of 2" for k in (1, 2) for n in (1, 2)
    ]
    ends = plans[0].train_end.tolist()
    early = PANEL.before(ends)
    assert np.array_equal(done.folds[0].quantiles, fit_recipe(early, RECIPE).quantiles(early))
    changed = replace(PANEL, series=tuple(moved(one, end) for one, end in zip(PANEL.series, ends, strict=True)))
    blind = run_backtest(changed, plans[:1], RECIPE)
    assert blind is not None
    assert np.array_equal(blind.folds[0].quantiles, done.folds[0].quantiles)


def moved(series: Series, end: int) -> Series:
    """The series with everything from `end` on changed."""
    return replace(series, values=np.where(np.arange(len(series.values)) < end, series.values, 1e3))


@pytest.mark.parametrize(
    ("title", "step", "fitted_members"),
    [
        ("fitting, 1 of 2", 3, 1),
        ("fitting, 2 of 2", 0, 1),
        ("fitting, 2 of 2", 3, 2),
        ("fitting, 2 of 2, on all data 1/2", 0, 2),
        ("fitting, 2 of 2, on all data 2/2", 1, 2),
    ],
)
def test_ctrl_c_leaves_an_ensemble_of_what_was_learned(title: str, step: int, fitted_members: int):
    model = fit_recipe(PANEL, RECIPE, [CtrlC(title, step)], title="fitting")
    assert isinstance(model, Ensemble)
    assert len(model.models) == fitted_members
    assert model.log.stopped == "interrupted"
    assert np.isfinite(model.quantiles(PANEL)).all()
    with pytest.raises(KeyboardInterrupt):
        fit_recipe(PANEL, RECIPE, [CtrlC("fitting, 1 of 2", 0)], title="fitting")


def test_saved_and_loaded_it_is_the_same(fitted: Ensemble, tmp_path: Path):
    save_model(tmp_path / "one", fitted, PANEL)
    save_model(tmp_path / "two", fit_recipe(PANEL, RECIPE), PANEL)
    for name in ("model.json", "weights.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    loaded = load_model(tmp_path / "one").model
    assert isinstance(loaded, Ensemble)
    assert np.array_equal(loaded.quantiles(PANEL), fitted.quantiles(PANEL))
    assert (loaded.counts, loaded.valid_error, loaded.ids) == (fitted.counts, fitted.valid_error, fitted.ids)
    save_model(tmp_path / "three", loaded, PANEL)
    assert (tmp_path / "three" / "weights.safetensors").read_bytes() == (
        tmp_path / "one" / "weights.safetensors"
    ).read_bytes()


def test_a_model_alone_is_saved_as_ever(tmp_path: Path):
    save_model(tmp_path / "model", fit_model(PANEL, recipe_of(PANEL, steps=2)), PANEL)
    record = json.loads((tmp_path / "model" / "model.json").read_text())
    assert record["format"] == 1
    assert "ensemble" not in record


def test_no_record_of_an_ensemble_does_worse_than_a_clear_error(fitted: Ensemble, tmp_path: Path):
    save_model(tmp_path / "model", fitted, PANEL)
    file = tmp_path / "model" / "model.json"
    record = json.loads(file.read_text())
    assert record["format"] == 2
    draw, refused = random.Random(0), 0
    inside = [("ensemble", *way) for way in places(record["ensemble"]) if "epochs" not in way and "cell" not in way]
    for _ in range(80):
        changed = json.loads(json.dumps(record))
        *way, last = draw.choice(inside)
        inner = changed
        for key in way:
            inner = inner[key]
        inner[last] = draw.choice(HOSTILE)
        file.write_text(json.dumps(changed))
        try:
            found = Forecaster.load(tmp_path / "model").forecast(frame_of(wave(80), 30 + 2 * wave(70, seed=1)))
        except UnspoolError:
            refused += 1
        else:
            assert np.isfinite(found.quantiles).all(), (way, last, inner[last])
    assert refused > 25


def test_an_ensemble_is_not_exported(fitted: Ensemble, tmp_path: Path):
    with pytest.raises(ModelError, match="an ensemble cannot be exported"):
        export_model(fitted, PANEL.columns, PANEL.frequency, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every search keeps its two best."""
    monkeypatch.setattr(search_room, "select", lambda forecasts, *_: [2, 1, *[0] * (len(forecasts) - 2)])


FREE = {"highway": None, "normalisation": "auto", "window": None, "segment": None, "steps": 4, "budget": "4 trials"}


@pytest.mark.usefixtures("two")
def test_the_whole_job_with_a_budget(tmp_path: Path):
    panel, watch = panel_of(wave(80)), Watch()
    run = run_job(panel, small(**FREE), folds=1, callbacks=[watch])
    tries = [title for title in watch.titles() if title.startswith("trying")]
    rest = [f"{what}, {k} of 2" for what in ("fitting", "fold 1/1") for k in (1, 2)]
    assert watch.titles() == [*tries, *rest]
    assert isinstance(run.model, Ensemble)
    assert run.forecast is not None
    assert run.backtest is not None
    assert run.choice.search is not None
    assert len(tries) == 4
    save_model(tmp_path / "model", run.model, panel)
    again = Forecaster.load(tmp_path / "model").forecast(frame_of(wave(80)))
    assert np.array_equal(again.quantiles, run.forecast.quantiles)
    # The choice knows nothing of what is held back: other values there, the same choice.
    series = panel.series[0]
    other = run_job(replace(panel, series=(moved(series, 75),)), small(**FREE), folds=1, final=False)
    assert other.choice.to_json() == run.choice.to_json()


@pytest.mark.usefixtures("two")
def test_ctrl_c_while_the_ensemble_is_fitted_falls_back_on_the_search():
    watch = CtrlC("fitting, 1 of 2", 0)
    run = run_job(panel_of(wave(80)), small(**FREE), folds=1, callbacks=[watch])
    assert isinstance(run.model, Ensemble)
    assert len(run.model.models) == 2
    assert any("interrupted while fitting" in note for note in run.notes)


@pytest.mark.usefixtures("two")
def test_a_forecaster_with_a_budget():
    frame = frame_of(wave(80))
    forecaster = small(**FREE).fit(frame)
    assert isinstance(forecaster.model_, Ensemble)
    assert forecaster.recipe_ == forecaster.model_.recipe
    assert len(forecaster.predict()) == HORIZON
    assert "budget='4 trials'" in repr(forecaster)
    assert isinstance(small().fit(frame).model_, FittedModel)
    assert small(**FREE).backtest(frame, folds=1).metrics["overall"]["unspool"]["mae"] > 0
