"""The whole forecasting job in one call: choose, fit, forecast, backtest. Ctrl-C ends it early with what there is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unspool.errors import DataError
from unspool.forecast.backtest import run_backtest
from unspool.forecast.choice import decide
from unspool.forecast.ends import check_ahead, check_ends, least_window
from unspool.forecast.ensemble import AnyModel, AnyRecipe, fit_recipe
from unspool.forecast.evaluation.folds import FoldPlan
from unspool.forecast.evaluation.statistical import SECONDS, check_baselines
from unspool.forecast.forecaster import Forecaster
from unspool.forecast.forecasting import make_forecast
from unspool.forecast.options import candidates, settled
from unspool.forecast.result import Backtest, Choice, Fold, Forecast
from unspool.forecast.tables.panel import Panel
from unspool.train import Callback

USUAL_FOLDS = 3

UNEVEN = (
    "the rows are at uneven times: the forecast is for steps of {step} after the last row; the backtest is at the "
    "times of the rows that came, step k being the k-th of them; its drift is in time, its ridge counts rows, and no "
    "season is compared"
)


@dataclass(frozen=True)
class Run:
    """What a forecasting job gives.

    Attributes:
        panel: the data.
        model: fitted to all of it.
        choice: what was tried and taken, on data before the oldest cutoff.
        forecast: past the end of the data; None for a backtest alone.
        backtest: None where no fold was asked for or possible, or none was done before Ctrl-C.
        notes: what a reader should know about how the run went.
    """

    panel: Panel
    model: AnyModel | None
    choice: Choice
    forecast: Forecast | None
    backtest: Backtest | None
    notes: tuple[str, ...]


def run_job(
    panel: Panel,
    forecaster: Forecaster,
    *,
    folds: int | None = None,
    step: int | None = None,
    window: int | None = None,
    refit: bool = True,
    final: bool = True,
    baselines: str = "usual",
    baseline_seconds: float = SECONDS,
    paths: int = 0,
    callbacks: Sequence[Callback] = (),
    on_choice: Callable[[Choice], None] | None = None,
    on_fold: Callable[[Fold], None] | None = None,
    tell: Callable[[str], None] | None = None,
) -> Run:
    """Choose by a validation part before the oldest cutoff, fit to everything and forecast, then backtest.

    Args:
        panel: the data.
        forecaster: gives the settings; it is not changed.
        folds: cutoffs; None for `USUAL_FOLDS`, or as many as the data allow; 0 for no backtest.
        step: distance between cutoffs.
        window: steps before each cutoff to learn from.
        refit: whether to fit before every cutoff.
        final: whether to fit to all of the data and forecast past its end.
        baselines: as in `run_backtest`.
        baseline_seconds: as there.
        paths: of each series in the forecast.
        callbacks: watch every fit.
        on_choice: told what was chosen.
        on_fold: told of every fold that is done.
        tell: told of each statistical baseline that is done with a fold.

    Raises:
        DataError: the data are too few.
        SettingError: the baselines cannot be had.
        KeyboardInterrupt: Ctrl-C came before anything was learned, or (not `final`) before the first fold was done.
    """
    check_baselines(baselines, baseline_seconds, panel.frequency)
    notes: list[str] = [UNEVEN.format(step=panel.frequency.every)] if panel.frequency.uneven else []
    plans = _plans(panel, forecaster, folds, step, window, notes)
    early = panel.before(plans[0].train_end.tolist()) if plans else panel
    options = settled(forecaster.options, panel)
    recipes = candidates(options, early)
    if final:
        check_ahead(panel, forecaster.gap + forecaster.horizon)
        check_ends(panel, min(recipe.model.lookback for recipe in recipes.values()))
    rounds = final + (len(plans) if refit else bool(plans))
    recipe, tried, choice = decide(options, early, callbacks, rounds=max(1, rounds), least=least_window(panel))
    if on_choice is not None:
        on_choice(choice)
    if choice.search is not None and choice.search.again:
        notes.append(choice.search.again)
    if tried is not None and choice.interrupted:
        notes.append("interrupted while choosing: the best model so far forecasts; there is no backtest")
        return Run(panel, tried, choice, make_forecast(tried, panel, paths=paths), None, tuple(notes))
    model = forecast = None
    if final:
        model, whole = _fit(panel, recipe, tried, callbacks)
        forecast = make_forecast(model, panel, paths=paths)
        if not whole:
            notes.append("interrupted while fitting: the best model so far is kept; there is no backtest")
            return Run(panel, model, choice, forecast, None, tuple(notes))
    backtest = None
    if plans:
        backtest = run_backtest(
            panel,
            plans,
            recipe,
            refit=refit,
            baselines=baselines,
            baseline_seconds=baseline_seconds,
            callbacks=callbacks,
            on_fold=on_fold,
            tell=tell,
        )
        notes.extend(backtest.notes if backtest else ())
        done = len(backtest.folds) if backtest else 0
        if done < len(plans):
            notes.append(f"interrupted: {done} of {len(plans)} folds of the backtest were done")
    if not final and backtest is None:
        raise KeyboardInterrupt
    return Run(panel, model, choice, forecast, backtest, tuple(notes))


def _fit(
    panel: Panel, recipe: AnyRecipe, tried: AnyModel | None, callbacks: Sequence[Callback]
) -> tuple[AnyModel, bool]:
    """The model of all data and whether its fit was let finish; the one tried before where nothing was learned."""
    try:
        model = fit_recipe(panel, recipe, callbacks, title="fitting")
    except KeyboardInterrupt:
        if tried is None:
            raise
        return tried, False
    return model, model.log.stopped != "interrupted"


def _plans(
    panel: Panel,
    forecaster: Forecaster,
    folds: int | None,
    step: int | None,
    window: int | None,
    notes: list[str],
) -> list[FoldPlan]:
    if folds is not None:
        return forecaster.plan_folds(panel, folds, step=step, window=window) if folds else []
    for count in range(USUAL_FOLDS, 0, -1):
        try:
            return forecaster.plan_folds(panel, count, step=step, window=window)
        except DataError:
            continue
    notes.append("no backtest: the series are too short to hold back a horizon")
    return []
