"""The arguments of a forecaster that a saved model tells."""

from typing import Any

from unspool.forecast.holiday import PREFIX
from unspool.forecast.saving import SavedModel
from unspool.forecast.tables.panel import ROLES


def saved_parameters(saved: SavedModel) -> dict[str, Any]:
    """By name, what makes a forecaster that predicts with the model; how it was trained is left at its default."""
    recipe, coding = saved.model.recipe, saved.model.coding
    settings = recipe.model
    return {
        "horizon": settings.horizon,
        "cell": recipe.cell,
        "network": settings.network,
        "normalisation": settings.normalisation,
        "gap": settings.gap,
        "quantiles": settings.levels,
        "dilations": settings.dilations or None,
        "log": settings.log or None,
        "seed": recipe.seed,
        "target": saved.columns.target,
        "time": saved.columns.time,
        "series": saved.columns.series,
        "uneven": settings.uneven or None,
        "cold_start": recipe.cold,
        "categorical": tuple(one.name for one in coding.columns if one.categorical),
        "holidays": tuple(name.removeprefix(PREFIX) for name in settings.features if name.startswith(PREFIX)),
        "head": settings.head,
        "lags": settings.lags or None,
        **{role: tuple(one.name for one in coding.of_role(role)) for role in ROLES},
    }
