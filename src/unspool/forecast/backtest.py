"""Rolling-origin backtest: fit before each cutoff, forecast past it, set what came beside it."""

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np

from unspool.forecast.calendar import features
from unspool.forecast.ensemble import AnyModel, AnyRecipe, fit_recipe, lead_recipe
from unspool.forecast.evaluation import metrics
from unspool.forecast.evaluation.baselines import BASELINES
from unspool.forecast.evaluation.folds import FoldPlan, held_back
from unspool.forecast.evaluation.scores import score
from unspool.forecast.evaluation.statistical import SECONDS, Statistical, check_baselines
from unspool.forecast.evaluation.uneven import uneven_baselines
from unspool.forecast.holiday import PREFIX
from unspool.forecast.recipe import Recipe
from unspool.forecast.result import MODEL, Backtest, Fold
from unspool.forecast.tables.panel import Panel
from unspool.forecast.tables.uneven import typical
from unspool.train import Callback

SHOWN = 3
"""Lookback windows of history that a fold keeps for drawing."""


def run_backtest(
    panel: Panel,
    plans: Sequence[FoldPlan],
    recipe: AnyRecipe,
    *,
    refit: bool = True,
    baselines: str = "usual",
    baseline_seconds: float = SECONDS,
    callbacks: Sequence[Callback] = (),
    on_fold: Callable[[Fold], None] | None = None,
    tell: Callable[[str], None] | None = None,
) -> Backtest | None:
    """Backtest `recipe` over the planned folds.

    Args:
        panel: all of the data.
        plans: from `folds.cutoffs`, with the recipe's horizon and gap.
        recipe: chosen on data before the oldest cutoff; of an ensemble the weights too.
        refit: fit anew before every cutoff; otherwise the oldest fold's model forecasts from all of them.
        baselines: "usual", or "statistical" for those of `evaluation.statistical` beside them.
        baseline_seconds: what each of the statistical ones may take in all.
        callbacks: watch each fit.
        on_fold: called with each fold as it is done.
        tell: told of each statistical baseline that is done with a fold.

    Returns:
        The folds that were done and their metrics; fewer than planned after Ctrl-C, None if there was none.

    Raises:
        SettingError: the baselines cannot be had.
    """
    check_baselines(baselines, baseline_seconds, panel.frequency)
    folds: list[Fold] = []
    model: AnyModel | None = None
    lead = lead_recipe(recipe)
    if panel.frequency.uneven and panel.frequency == typical(panel):
        # Nothing after the oldest cutoff counts, not even how far the rows there lie apart.
        panel = replace(panel, frequency=typical(panel.before(plans[0].train_end.tolist())))
    statistical: Statistical | None = None
    with ExitStack() as stack:
        if baselines == "statistical":
            forecasts = sum(len(plan.series) for plan in plans)
            statistical = stack.enter_context(Statistical(forecasts, baseline_seconds, tell))
        try:
            for plan in plans:
                seen = _before(panel, plan)
                fresh = refit or model is None
                if fresh:
                    model = fit_recipe(seen, recipe, callbacks, title=f"fold {plan.number}/{len(plans)}")
                    if model.log.stopped == "interrupted":
                        break
                assert model is not None
                folds.append(_with(statistical, seen, _fold(panel, seen, plan, model, fresh), lead))
                if on_fold is not None:
                    on_fold(folds[-1])
        except KeyboardInterrupt:
            pass  # the folds that were done count
    if not folds:
        return None
    if statistical is not None:
        folds = [_without(fold, statistical.left_out) for fold in folds]
    levels = lead.model.levels
    labels = [plan.cutoff for plan in plans[: len(folds)]]
    notes = statistical.notes if statistical is not None else ()
    return Backtest(tuple(folds), levels, score(folds, levels, labels), notes)


def _with(statistical: Statistical | None, seen: Panel, fold: Fold, recipe: Recipe) -> Fold:
    """The fold with what the statistical baselines forecast from what was before it."""
    if statistical is None:
        return fold
    settings, histories = recipe.model, [s.values for s in seen.series]
    season = seen.frequency.season_length
    made = statistical.forecast(fold.ids, histories, settings.horizon, season, settings.levels, settings.gap)
    point = fold.point | {name: rival.point for name, rival in made.items()}
    return replace(fold, point=point, rivals={name: rival.quantiles for name, rival in made.items()})


def _without(fold: Fold, names: Collection[str]) -> Fold:
    """The fold without some of its baselines."""
    point = {name: values for name, values in fold.point.items() if name not in names}
    return replace(fold, point=point, rivals={n: values for n, values in fold.rivals.items() if n not in names})


def _before(panel: Panel, plan: FoldPlan) -> Panel:
    """What the fold may learn from, and what was known then of the future."""
    series = []
    for i in plan.series:
        series.append(panel.series[i].between(int(plan.train_start[i]), int(plan.train_end[i])))
    return replace(panel, series=tuple(series))


def _came(panel: Panel, plan: FoldPlan, ahead: np.ndarray) -> np.ndarray:
    """[K, gap + H] the times of the rows after the cutoff; past a series' last row, regular steps after that."""
    found = ahead.copy()
    for row, i in enumerate(plan.series):
        came = panel.series[i].times[plan.train_end[i] : plan.test_end[i]]
        found[row, : len(came)] = came
        found[row, len(came) :] = panel.frequency.after(panel.series[i].times[-1], len(ahead[row]) - len(came))
    return found


def _fold(panel: Panel, seen: Panel, plan: FoldPlan, model: AnyModel, fresh: bool) -> Fold:
    settings, season = model.recipe.model, panel.frequency.season_length
    histories = [s.values for s in seen.series]
    last_seen = np.array([s.times[-1] for s in seen.series])
    ahead = panel.frequency.after(last_seen, settings.gap + settings.horizon)
    usual: dict[str, Any] = {"window": settings.lookback, "gap": settings.gap, "seed": model.recipe.seed}
    if panel.frequency.uneven:
        ahead = _came(panel, plan, ahead)
        times = [s.times for s in seen.series]
        baselines = uneven_baselines(histories, times, ahead, settings.horizon, **usual)
    else:
        names = tuple(name for name in settings.features if name.startswith(PREFIX))
        if names or seen.of_role("known"):
            usual["known"] = [
                np.hstack([known, features(panel.frequency, names, np.concatenate([one.times, times]))])
                for one, times, known in zip(seen.series, ahead, model.coding.plain(seen, ahead.shape[1]), strict=True)
            ]
        baselines = {name: method(histories, settings.horizon, season, **usual) for name, method in BASELINES.items()}
    quantiles = model.quantiles(seen, ahead)
    point = {MODEL: quantiles[..., settings.levels.index(0.5)], **baselines}
    return Fold(
        number=plan.number,
        ids=tuple(s.id for s in seen.series),
        last_seen=last_seen,
        times=ahead[:, settings.gap :],
        actual=held_back(panel, plan),
        point=point,
        quantiles=quantiles,
        mase_scale=metrics.mase_scales(histories, season),
        rmsse_scale=metrics.rmsse_scales(histories, season),
        history=tuple(h[-SHOWN * settings.lookback :] for h in histories),
        training=model.log if fresh else None,
    )
