"""Fit a model to a panel: split in time, train, calibrate, and fit again on everything."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor, nn

from unspool.errors import DataError
from unspool.forecast.batches import batches
from unspool.forecast.coding import Coding
from unspool.forecast.cold import forget_untrained
from unspool.forecast.fitted import FittedModel
from unspool.forecast.members import BATCH
from unspool.forecast.model import ForecastModel
from unspool.forecast.places import Places, spread_evenly
from unspool.forecast.recipe import Recipe, build, drawn_from, least_past
from unspool.forecast.result import TrainingLog
from unspool.forecast.scaling import scales_for
from unspool.forecast.tables.panel import Panel
from unspool.forecast.validation import VALIDATED, calibrate, quantile_error, validation_places
from unspool.forecast.windows import Window, Windows
from unspool.train import Callback, Fitted, fit


def fit_model(panel: Panel, recipe: Recipe, callbacks: Sequence[Callback] = (), title: str = "training") -> FittedModel:
    """Fit `recipe` to `panel`.

    The last `validation` steps of every series come after the part trained on; early stopping and the conformal
    shifts use them. With `refit` one model is fitted so, and the members that are kept are then trained on all of it;
    without, the members themselves are, and their average is calibrated.

    Raises:
        DataError: the series are too short for a window and a validation part, or the loss is not finite.
        KeyboardInterrupt: Ctrl-C came before anything was learned; later, what was learned so far is returned.
    """
    if recipe.model.series:
        recipe = replace(recipe, model=replace(recipe.model, series=len(panel.series)))
    coding = Coding.of(panel)
    recipe = replace(recipe, model=replace(recipe.model, **coding.sizes()))
    settings = recipe.model
    scales = scales_for(panel, settings, few=recipe.few)
    length = np.array([len(s.values) for s in panel.series])
    shortest = least_past(settings.lookback)
    if length.max() <= shortest:
        raise _too_few(recipe, length)
    windows = Windows(
        panel, scales, settings.lookback, settings.horizon, settings.gap, settings.features, coding=coding
    )
    train = windows.enumerate(np.zeros_like(length), np.maximum(length - recipe.validation, 0), shortest=shortest)
    valid, trusted = validation_places(windows, recipe)
    if len(train) == 0 or len(valid) == 0:
        raise _too_few(recipe, length)
    checked = spread_evenly(valid, VALIDATED)
    members, fitted = _stopped_early(windows, train, checked, recipe, callbacks, title)
    error = quantile_error(members, windows.cut(checked), settings.levels)
    shifts = [[0.0] * len(settings.levels)] * settings.horizon
    if not (settings.counts or settings.is_fed):
        shifts = calibrate(members, windows.cut(trusted), settings.levels)
    log = TrainingLog(fitted.epochs, fitted.best, fitted.stopped, settings.network, recipe.cell.name, fitted.seconds)
    ids = tuple(s.id for s in panel.series)
    early = FittedModel(tuple(members), recipe, ids, scales, shifts, log, error, coding)
    return _refit(windows, early, callbacks, title) if recipe.refit and fitted.stopped != "interrupted" else early


def refit_model(
    panel: Panel, early: FittedModel, recipe: Recipe, callbacks: Sequence[Callback] = (), title: str = "training"
) -> FittedModel:
    """What `fit_model` does last: the members of `recipe` on all of the panel that `early` was fitted to.

    After Ctrl-C it holds the members that were done, or those of `early`, and its log says so.
    """
    recipe = replace(early.recipe, members=recipe.members, refit=True)
    return _refit(early.windows(panel, early.scales), replace(early, recipe=recipe), callbacks, title)


def window_loss(model: nn.Module, window: Window) -> Tensor:
    """The model's own loss, in units of each window."""
    return model(window, True)


def _stopped_early(
    windows: Windows,
    train: Places,
    checked: Tensor,
    recipe: Recipe,
    callbacks: Sequence[Callback],
    title: str,
) -> tuple[list[ForecastModel], Fitted]:
    """Members trained on the places `train`, each until it is best on those `checked`, and how the first fit went.

    With the refit there is one, for it only tells how long to train. A later one that Ctrl-C or a loss that is not
    finite cut off is left out, and `stopped` of what is returned says so.
    """
    count = 1 if recipe.refit else recipe.members
    members, first = list[ForecastModel](), None
    for number in range(count):
        member = build(recipe, number)
        order = recipe.seed * 1000 + number if number else recipe.seed  # the first in the order of a model alone
        with drawn_from(recipe, number):
            fitted = fit(
                member,
                batches(windows, train, recipe.batch_size, order, cold=recipe.cold),
                window_loss,
                lambda m: _mean_loss(m, windows, checked),
                recipe.train,
                title=f"{title}, member {number + 1}/{count}" if count > 1 else title,
                callbacks=callbacks,
            )
        interrupted = fitted.stopped == "interrupted"
        if first is not None and (interrupted or fitted.best == 0):
            return members, replace(first, stopped=fitted.stopped)
        if fitted.best == 0:
            if interrupted:
                raise KeyboardInterrupt
            raise DataError(f"{title}: the loss is not finite", hint="look for extreme values in the data")
        forget_untrained(member, train)
        members.append(member)
        first = first or fitted
        if interrupted:
            break
    assert first is not None
    return members, first


def _refit(windows: Windows, early: FittedModel, callbacks: Sequence[Callback], title: str) -> FittedModel:
    """The recipe's members, trained on all places for the best number of steps."""
    recipe, length = early.recipe, windows.lengths
    places = windows.enumerate(np.zeros_like(length), length, shortest=least_past(recipe.model.lookback))
    every = max(1, recipe.train.steps // recipe.train.validations)
    steps = min(recipe.train.steps, early.log.best * every)
    train = replace(recipe.train, steps=steps, validations=1)
    members, stopped = [], early.log.stopped
    for number in range(recipe.members):
        member = build(recipe, number)
        stream = batches(windows, places, recipe.batch_size, recipe.seed * 1000 + number, cold=recipe.cold)
        label = f"{title}, on all data" + (f" {number + 1}/{recipe.members}" if recipe.members > 1 else "")
        with drawn_from(recipe, number):
            again = fit(member, stream, window_loss, lambda _: 0.0, train, title=label, callbacks=callbacks)
        if again.stopped != "finished":
            stopped = again.stopped
            break
        forget_untrained(member, places)
        members.append(member)
    return replace(early, members=tuple(members) or early.members, log=replace(early.log, stopped=stopped))


def _mean_loss(model: nn.Module, windows: Windows, places: Tensor) -> float:
    """Mean loss over places, weighted by how much was observed."""
    total, count = 0.0, 0.0
    for part in places.split(BATCH):
        window = windows.cut(part)
        seen = float(window.future_mask.sum())
        total += float(window_loss(model, window)) * seen
        count += seen
    return total / max(count, 1.0)


def _too_few(recipe: Recipe, length: np.ndarray) -> DataError:
    settings = recipe.model
    return DataError(
        f"too few points: the longest series has {int(length.max())}; a window of {settings.lookback} steps, "
        f"{settings.gap + settings.horizon} steps ahead and {recipe.validation} steps for validation do not fit",
        hint="shorten the horizon, the window or the validation part",
    )
