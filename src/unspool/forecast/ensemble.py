"""An ensemble: models of different recipes, each with a window of its own, whose quantiles are averaged.

Each counts as often as the selection drew it (see `selection`). Averages are taken in units of the series' scale,
before calibration; the ensemble is calibrated once, as a whole, on the validation part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from unspool.forecast.coding import Coding
from unspool.forecast.evaluation import conformal, metrics
from unspool.forecast.fitted import FittedModel
from unspool.forecast.fitting import fit_model, refit_model
from unspool.forecast.members import BATCH, average
from unspool.forecast.places import spread_evenly
from unspool.forecast.recipe import Recipe
from unspool.forecast.result import TrainingLog
from unspool.forecast.selection import mixed
from unspool.forecast.tables.panel import Panel
from unspool.forecast.validation import VALIDATED, validation_places
from unspool.forecast.windows import Scales, Window, observed
from unspool.train import Callback


@final
@dataclass(frozen=True)
class EnsembleRecipe:
    """What to fit: recipes that differ, and how often each counts."""

    recipes: tuple[Recipe, ...]
    counts: tuple[int, ...]


@final
@dataclass(frozen=True)
class Ensemble:
    """Fitted models of different recipes, of the same series.

    Attributes:
        models: its members; their own shifts are not used.
        counts: how often each counts in the average.
        shifts: [H][Q] conformal shifts of the averaged quantiles, in units of the averaged unit.
        valid_error: mean pinball loss on the validation part, in units of the series' scale.
    """

    models: tuple[FittedModel, ...]
    counts: tuple[int, ...]
    shifts: list[list[float]]
    valid_error: float

    @property
    def lead(self) -> FittedModel:
        """The member that counts most, of several the first."""
        return self.models[self.counts.index(max(self.counts))]

    @property
    def recipe(self) -> Recipe:
        """The lead's: horizon, gap, levels and seed are those of every member, the window is not."""
        return self.lead.recipe

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the series it was fitted on."""
        return self.lead.ids

    @property
    def scales(self) -> Scales:
        """Of those series."""
        return self.lead.scales

    @property
    def coding(self) -> Coding:
        """Of the covariates."""
        return self.lead.coding

    @property
    def log(self) -> TrainingLog:
        """How the lead was fitted; it says "interrupted" if any member was."""
        stops = [model.log.stopped for model in self.models]
        return replace(self.lead.log, stopped="interrupted") if "interrupted" in stops else self.lead.log

    def quantiles(self, panel: Panel, ahead: np.ndarray | None = None) -> np.ndarray:
        """[N, H, Q], as `FittedModel.quantiles`."""
        lead, found = self.models.index(self.lead), []
        for parts in zip(*(model.ends(panel, ahead) for model in self.models), strict=True):
            found.append(self._calibrated([window for window, _ in parts], parts[lead][1]))
        return np.concatenate(found)

    def rolling(self, panel: Panel, first: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As `FittedModel.rolling`; the cutoffs are those at which the lead's window has a value."""
        scales, series = self.lead.scales_of(panel)
        windows = [model.windows(panel, scales) for model in self.models]
        of_lead = windows[self.models.index(self.lead)]
        places = of_lead.places(first, of_lead.lengths, whole=True)
        quantiles, actual = [], []
        for part in places.split(BATCH):
            of = part[:, 0].numpy()
            known = torch.from_numpy(series[of])
            cut = [replace(one.cut(part), series=known) for one in windows]
            quantiles.append(self._calibrated(cut, scales.at(of)))
            actual.append(scales.at(of).undo(observed(cut[0])))
        return np.concatenate(quantiles), np.concatenate(actual), places[:, :2].numpy()

    def _calibrated(self, windows: Sequence[Window], scales: Scales) -> np.ndarray:
        quantiles, unit = _mean(self.models, self.counts, windows)
        return scales.undo(conformal.apply(quantiles, unit, self.shifts, self.recipe.model.levels))


AnyRecipe = Recipe | EnsembleRecipe
AnyModel = FittedModel | Ensemble


def recipes_of(recipe: AnyRecipe) -> tuple[Recipe, ...]:
    """The recipes of an ensemble; the recipe itself, where it is one."""
    return recipe.recipes if isinstance(recipe, EnsembleRecipe) else (recipe,)


def lead_recipe(recipe: AnyRecipe) -> Recipe:
    """The one that counts most."""
    return recipe.recipes[recipe.counts.index(max(recipe.counts))] if isinstance(recipe, EnsembleRecipe) else recipe


def models_of(model: AnyModel) -> tuple[FittedModel, ...]:
    """The members of an ensemble; the model itself, where it is one."""
    return model.models if isinstance(model, Ensemble) else (model,)


def lead_of(model: AnyModel) -> FittedModel:
    """The member that counts most."""
    return model.lead if isinstance(model, Ensemble) else model


def shortest_window(of: AnyRecipe | AnyModel) -> int:
    """The fewest steps that a member reads: each of them must find a value there."""
    if isinstance(of, Recipe | EnsembleRecipe):
        return min(recipe.model.lookback for recipe in recipes_of(of))
    return min(model.recipe.model.lookback for model in models_of(of))


def fit_recipe(
    panel: Panel, recipe: AnyRecipe, callbacks: Sequence[Callback] = (), title: str = "training"
) -> AnyModel:
    """`fit_model`, for an ensemble too: every model is fitted, all are calibrated together, and each is refitted.

    Raises:
        DataError: as `fit_model`.
        KeyboardInterrupt: Ctrl-C came before anything was learned; later, what was learned so far is returned.
    """
    if isinstance(recipe, Recipe):
        return fit_model(panel, recipe, callbacks, title)
    count, early = len(recipe.recipes), list[FittedModel]()
    for number, one in enumerate(recipe.recipes):
        try:
            first = one.alone if one.refit else one
            early.append(fit_model(panel, first, callbacks, f"{title}, {number + 1} of {count}"))
        except KeyboardInterrupt:
            if not early:
                raise
            early[-1] = _interrupted(early[-1])
        if early[-1].log.stopped == "interrupted":
            break
    ensemble = calibrated(panel, early, recipe.counts[: len(early)])
    models = list(ensemble.models)
    for number, one in enumerate(recipe.recipes):
        if ensemble.log.stopped == "interrupted" or not one.refit:
            break
        try:
            models[number] = refit_model(panel, models[number], one, callbacks, f"{title}, {number + 1} of {count}")
        except KeyboardInterrupt:
            models[number] = _interrupted(models[number])
        ensemble = replace(ensemble, models=tuple(models))
    return ensemble


def _interrupted(model: FittedModel) -> FittedModel:
    return replace(model, log=replace(model.log, stopped="interrupted"))


def calibrated(panel: Panel, models: Sequence[FittedModel], counts: Sequence[int]) -> Ensemble:
    """An ensemble of models that were not fitted on the validation part of the panel, which calibrates it."""
    windows = [model.windows(panel, model.scales) for model in models]
    valid, trusted = validation_places(windows[0], models[0].recipe)
    levels = models[0].recipe.model.levels

    def forecast(places: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        cut = [one.cut(places) for one in windows]
        return observed(cut[0]), *_mean(models, counts, cut)

    shifts = conformal.calibrate(*forecast(trusted), levels)
    actual, quantiles, _ = forecast(spread_evenly(valid, VALIDATED))
    return Ensemble(tuple(models), tuple(counts), shifts, metrics.quantile_loss(actual, quantiles, levels))


def _mean(
    models: Sequence[FittedModel], counts: Sequence[int], windows: Sequence[Window]
) -> tuple[np.ndarray, np.ndarray]:
    """The quantiles [B, H, Q] and the unit [B], each averaged; a window for each model, of the same cutoffs."""
    found = [average(model.members, window) for model, window in zip(models, windows, strict=True)]
    return mixed([quantiles for quantiles, _ in found], counts), mixed([unit for _, unit in found], counts)
