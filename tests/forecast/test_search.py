"""A search within a budget, by a clock that the tests move."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.forecast.covariates import ALL, tables
from tests.forecast.samples import CtrlC, Watch, panel_of, small, wave
from unspool.errors import DataError, SettingError
from unspool.forecast import Panel, panel_from_frame
from unspool.forecast import search as search_room
from unspool.forecast.budget import Budget, read_budget
from unspool.forecast.ensemble import AnyModel, AnyRecipe, EnsembleRecipe, recipes_of
from unspool.forecast.options import OPEN, Options, candidates, check_options
from unspool.forecast.result import SPENT, Choice
from unspool.forecast.search import search
from unspool.forecast.space import Point, Space
from unspool.forecast.timed import timed_cells

PANEL = panel_of(wave(80))
FREE = {**OPEN, "hidden_size": 8, "steps": 4, "members": None}
"""Leaves all but the size open."""


def options_of(**changes: Any) -> Options:
    return small(**{**FREE, "budget": "9 trials", **changes}).options


def searched(
    budget: Budget, *callbacks: Watch, panel: Panel = PANEL, **changes: Any
) -> tuple[AnyRecipe, AnyModel, Choice]:
    return search(options_of(**changes), panel, budget, callbacks)


class Clock(Watch):
    """A clock that each step of a fit moves by a second."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def on_step(self, step: int, loss: float) -> None:
        super().on_step(step, loss)
        self.now += 1


def near(space: Space) -> list[Point]:
    """What can be reached from the usual candidates."""
    return [one for first in space.first.values() for found in space.neighbours(first).values() for one in found]


@pytest.fixture(scope="module")
def timed() -> tuple[Clock, AnyRecipe, AnyModel, Choice]:
    """A search of 42 seconds, in which a candidate takes four."""
    clock = Clock()
    return clock, *searched(Budget(seconds=42, clock=clock), clock)


def test_a_time_ends_the_search_and_what_it_cuts_off_does_not_count(timed: tuple[Clock, Any, Any, Choice]):
    clock, _, _, choice = timed
    assert clock.now == 142
    assert choice.search is not None
    assert choice.search.ended == SPENT
    assert len(choice.search.trials) == 10
    assert clock.titles() == [f"trying {trial.name}" for trial in choice.search.trials] + clock.titles()[10:]
    assert len(clock.titles()) == 11
    assert len(set(clock.titles())) == 11


def test_as_many_trials_make_the_same_choice_without_a_clock(timed: tuple[Any, AnyRecipe, AnyModel, Choice]):
    _, recipe, model, choice = timed
    assert choice.search is not None
    (words,) = re.findall("'(.* trials)'", choice.search.again)
    again, same, other = searched(read_budget(words))
    assert other.search is not None
    assert other.to_json() == {**choice.to_json(), "budget": "10 trials"}
    assert other.search.again == ""
    assert again == recipe
    assert np.array_equal(same.quantiles(PANEL), model.quantiles(PANEL))
    others = searched(Budget(trials=10), seed=1)[2]
    assert list(others.tried) != list(choice.tried)


def test_the_usual_come_first_and_an_average_is_no_worse_than_its_members(
    timed: tuple[Any, Any, AnyModel, Choice],
):
    _, _, _, choice = timed
    usual = list(candidates(options_of(budget=None), PANEL))
    assert list(choice.tried)[: len(usual)] == usual
    assert choice.search is not None
    # The pinball loss is convex.
    assert choice.search.loss <= sum(one.weight * one.alone for one in choice.search.members) + 1e-7
    assert sum(one.weight for one in choice.search.members) == pytest.approx(1)
    assert {one.name: one.alone for one in choice.search.members}.items() <= choice.tried.items()


def test_each_later_candidate_differs_from_an_earlier_one_in_one_option(timed: tuple[Any, Any, Any, Choice]):
    choice = timed[3]
    assert choice.search is not None
    points = [trial.options for trial in choice.search.trials]
    usual = len(candidates(options_of(budget=None), PANEL))
    changed = []
    for k in range(usual, len(points)):
        ways = [
            [name for name in OPEN if points[k].get(name) != other.get(name)]
            # A segment goes with its network and window.
            for other in points[:k]
        ]
        ways = [[n for n in way if n != "segment" or not {"network", "window"} & set(way)] for way in ways]
        assert [] not in ways
        changed += [way[0] for way in ways if len(way) == 1][:1]
    assert len(changed) == len(points) - usual
    assert len(set(changed)) > 3


def test_the_recipe_of_a_trial_is_that_of_its_options(timed: tuple[Any, AnyRecipe, Any, Choice]):
    """What metrics.json says is enough to fit a member by itself."""
    _, recipe, _, choice = timed
    assert choice.search is not None
    trials = {trial.name: trial.options for trial in choice.search.trials}
    for member, one in zip(choice.search.members, recipes_of(recipe), strict=True):
        alone = replace(options_of(budget=None), **trials[member.name])
        (again,) = candidates(check_options(alone), PANEL).values()
        assert replace(again, members=one.members) == one


def test_what_was_given_stays():
    fixed = {"cell": "elman", "network": "direct", "window": 11, "normalisation": "mean", "highway": True}
    choice = searched(Budget(trials=50), **fixed)[2]
    assert choice.search is not None
    assert choice.search.ended == "nothing is left to try"
    assert len(choice.search.trials) == 3  # the learning rate alone is left
    assert all(trial.options[name] == value for trial in choice.search.trials for name, value in fixed.items())


def test_too_short_for_the_first_candidate():
    clock = Clock()
    with pytest.raises(SettingError, match="'segment 7' had done 3 of 4 steps") as error:
        searched(Budget(seconds=3, clock=clock), clock)
    assert "one takes about 4 s here: give --budget 40s or more" in (error.value.hint or "")
    assert len(clock.titles()) == 1


def test_data_that_no_candidate_fits():
    with pytest.raises(DataError, match="too few points"):
        searched(Budget(trials=5), panel=panel_of(wave(16)))


def test_a_candidate_that_the_data_refuse_is_passed_over(monkeypatch: pytest.MonkeyPatch):
    usual = search_room.fit_model

    def picky(*given: Any, **named: Any) -> Any:
        if "highway" in named["title"]:
            raise DataError("no highways here")
        return usual(*given, **named)

    monkeypatch.setattr(search_room, "fit_model", picky)
    choice = searched(Budget(trials=6))[2]
    assert choice.search is not None
    assert set(choice.search.refused.values()) == {"no highways here"}
    assert len(choice.search.trials) + len(choice.search.refused) == 6
    assert all("highway" not in trial.name for trial in choice.search.trials)


@pytest.mark.parametrize("step", [0, 2])
def test_after_ctrl_c_what_was_tried_counts(step: int):
    names = list(searched(Budget(trials=4))[2].tried)
    watch = CtrlC(f"trying {names[2]}", step)
    _, model, choice = searched(Budget(trials=9), watch)
    assert choice.interrupted
    assert list(choice.tried) == names[: 2 + (step > 0)]
    assert np.isfinite(model.quantiles(PANEL)).all()
    with pytest.raises(KeyboardInterrupt):
        searched(Budget(trials=9), CtrlC(f"trying {names[0]}", 0))


def test_seeds_are_shared_out_among_the_members(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(search_room, "select", lambda forecasts, *_: [2, 1, *[0] * (len(forecasts) - 2)])
    # With the refit three for a recipe alone, so two for each of two.
    for refit, given, each in ((True, None, 2), (False, None, 1), (True, 1, 1), (False, 3, 3)):
        recipe, _, choice = searched(Budget(trials=3), refit=refit, members=given)
        assert isinstance(recipe, EnsembleRecipe)
        assert [one.members for one in recipe.recipes] == [each, each]
        assert recipe.counts == (2, 1)
        assert choice.search is not None
        assert [member.weight for member in choice.search.members] == [2 / 3, 1 / 3]
        # Of two members each one's loss is what is left without the other.
        one, other = choice.search.members
        assert (one.without, other.without) == (pytest.approx(other.alone), pytest.approx(one.alone))


@pytest.mark.parametrize("members", [1, 3])
def test_what_follows_the_search_takes_a_fit_for_each_member(members: int):
    clock = Clock()
    _, _, choice = searched(Budget(trials=1, clock=clock), clock, members=members)
    assert choice.search is not None
    assert choice.search.rest == 4 * members


def test_rows_at_uneven_times_are_searched_among_what_reads_them():
    times = np.sort(np.random.default_rng(0).uniform(0, 80, 80))
    panel = panel_from_frame(pl.DataFrame({"ds": times, "y": wave(80)}), uneven=True)
    space = Space(options_of(uneven=True), panel)
    points = [*space.first.values(), *near(space)]
    for point in points:
        recipe = space.recipe(point)
        assert recipe.cell.name in timed_cells()
        assert (recipe.model.network, recipe.model.highway, recipe.model.uneven) == ("onward", False, True)
        assert recipe.model.normalisation != "season"
    assert len({point.cell for point in points}) > 2


def test_covariates_are_read_by_every_candidate(tmp_path: Path):
    frame, _ = tables()
    frame.write_csv(tmp_path / "table.csv")
    space = Space(options_of(**ALL), small(**ALL).read(tmp_path / "table.csv"))
    for point in near(space):
        model = space.recipe(point).model
        assert (model.known, model.past, model.static) == ((0, 3), (0, 2), (2, 0))


def test_no_two_points_have_the_same_name_and_all_can_be_had():
    space = Space(options_of(), PANEL)
    todo, seen = [*space.first.values()], {}
    for _ in range(2):
        todo = [far for one in todo for found in space.neighbours(one).values() for far in found]
        for point in todo:
            assert seen.setdefault(space.name(point), point) == point
    assert len(seen) > 100
    for point in list(seen.values())[::17]:
        model = space.recipe(point).model
        assert (model.network, model.lookback) == (point.network, point.window)
        assert model.normalisation == point.normalisation
    # Series that end in missing values are read from far enough back.
    assert all(point.window >= 9 for point in near(Space(options_of(), PANEL, least=9)))
