"""`auto`: fit every candidate, keep the one with the lowest validation loss."""

from collections.abc import Sequence
from dataclasses import replace

from unspool.forecast.fitting import FittedModel, Recipe, fit_model
from unspool.forecast.panel import Panel
from unspool.forecast.result import Choice
from unspool.train import Callback


def choose(
    recipes: dict[str, Recipe], panel: Panel, callbacks: Sequence[Callback] = ()
) -> tuple[str, FittedModel | None, Choice]:
    """Name of the best recipe, its fitted model, and what was tried; nothing is fitted where there is only one.

    Losses of different normalisations are compared in the units of the series, so the fit is judged, not its units.
    The model comes without the refit: the caller fits the recipe that was taken.
    """
    if len(recipes) == 1:
        name = next(iter(recipes))
        return name, None, Choice(name)
    tried: dict[str, float] = {}
    fitted: dict[str, FittedModel] = {}
    for name, recipe in recipes.items():
        fitted[name] = fit_model(panel, replace(recipe, refit=False), callbacks, title=f"trying {name}")
        tried[name] = fitted[name].valid_error
        if fitted[name].log.stopped == "interrupted":
            break
    best = min(tried, key=lambda name: tried[name])
    return best, fitted[best], Choice(best, tried, "quantile loss on the validation part, in units of each series' deviation")
