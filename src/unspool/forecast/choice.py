"""`auto`: fit every candidate, take the one with the lowest validation loss; within a budget, search."""

from collections.abc import Sequence

from unspool.forecast.budget import read_budget
from unspool.forecast.ensemble import AnyModel, AnyRecipe
from unspool.forecast.fitted import FittedModel
from unspool.forecast.fitting import fit_model
from unspool.forecast.options import Options, candidates
from unspool.forecast.recipe import Recipe
from unspool.forecast.result import Choice
from unspool.forecast.search import search
from unspool.forecast.tables.panel import Panel
from unspool.train import Callback

METRIC = "quantile loss on the validation part, in units of each series' deviation"


def decide(
    options: Options, panel: Panel, callbacks: Sequence[Callback] = (), *, rounds: int = 1, least: int = 1
) -> tuple[AnyRecipe, AnyModel | None, Choice]:
    """What to fit, the same as fitted while choosing (None where nothing was left open), and what was tried.

    Args:
        options: checked.
        panel: what is chosen on.
        callbacks: watch every fit.
        rounds: for a search, see there.
        least: likewise.
    """
    if options.budget is not None:
        return search(options, panel, read_budget(options.budget), callbacks, rounds=rounds, least=least)
    recipes = candidates(options, panel)
    name, tried, choice = choose(recipes, panel, callbacks)
    return recipes[name], tried, choice


def choose(
    recipes: dict[str, Recipe], panel: Panel, callbacks: Sequence[Callback] = ()
) -> tuple[str, FittedModel | None, Choice]:
    """Name of the recipe to take, its fitted model, and what was tried; nothing is fitted where there is only one.

    The lowest loss on the validation part is taken. Losses are compared in units of the series' scale, so that
    normalisations do not matter. Of each recipe one model is tried, without the refit: the caller fits the one that was
    taken.
    """
    if len(recipes) == 1:
        name = next(iter(recipes))
        return name, None, Choice(name)
    tried: dict[str, float] = {}
    fitted: dict[str, FittedModel] = {}
    interrupted = False
    for name, recipe in recipes.items():
        try:
            fitted[name] = fit_model(panel, recipe.alone, callbacks, title=f"trying {name}")
        except KeyboardInterrupt:
            if not fitted:
                raise
            interrupted = True
            break
        tried[name] = fitted[name].valid_error
        interrupted = fitted[name].log.stopped == "interrupted"
        if interrupted:
            break
    best = min(tried, key=lambda name: tried[name])
    return best, fitted[best], Choice(best, tried, METRIC, interrupted)
