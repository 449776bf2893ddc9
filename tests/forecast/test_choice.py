"""`auto`: what is tried, and what is taken."""

from dataclasses import replace

from tests.forecast.samples import Watch, panel_of, recipe_of, wave
from unspool.forecast.choice import choose

PANEL = panel_of(wave(80))
GOOD = recipe_of(PANEL, steps=60, refit=True)
BAD = replace(GOOD, train=replace(GOOD.train, steps=1, learning_rate=1e-9))


def test_one_recipe_is_taken_without_a_fit():
    watch = Watch()
    name, model, choice = choose({"only": GOOD}, PANEL, [watch])
    assert (name, model, choice.chosen, choice.tried, watch.said) == ("only", None, "only", {}, [])


def test_the_better_one_is_taken_wherever_it_stands():
    for recipes in ({"good": GOOD, "bad": BAD}, {"bad": BAD, "good": GOOD}):
        watch = Watch()
        name, model, choice = choose(recipes, PANEL, [watch])
        assert name == choice.chosen == "good"
        assert list(choice.tried) == list(recipes)
        assert choice.tried["good"] < choice.tried["bad"]
        assert not choice.interrupted
        assert watch.titles() == [f"trying {name}" for name in recipes]
        assert model is not None
        assert model.valid_error == choice.tried["good"]
