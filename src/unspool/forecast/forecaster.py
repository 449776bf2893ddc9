"""`Forecaster`: fit, predict, backtest, save and load, in the manner of scikit-learn."""

import inspect
from collections.abc import Sequence
from os import PathLike
from typing import Any, Literal, final

from unspool.cells import find_cell
from unspool.errors import ModelError, SettingError
from unspool.forecast.backtest import run_backtest
from unspool.forecast.budget import Budget
from unspool.forecast.choice import decide
from unspool.forecast.ends import check_ends, least_window
from unspool.forecast.ensemble import AnyModel, fit_recipe, lead_recipe, shortest_window
from unspool.forecast.evaluation.folds import FoldPlan, cutoffs
from unspool.forecast.evaluation.statistical import SECONDS, check_baselines
from unspool.forecast.explanation import Explanation, explain
from unspool.forecast.export import Exported, export_model
from unspool.forecast.forecasting import make_forecast
from unspool.forecast.options import AUTO, Options, check_even, check_options, first_cell, settled
from unspool.forecast.output import forecast_table, like
from unspool.forecast.parameters import saved_parameters
from unspool.forecast.quantiles import DEFAULT_LEVELS
from unspool.forecast.result import Backtest, Forecast
from unspool.forecast.saving import load_model, save_model
from unspool.forecast.tables.covariates import ask
from unspool.forecast.tables.future import with_future
from unspool.forecast.tables.ingest import panel_from_frame
from unspool.forecast.tables.newer import newer_panel
from unspool.forecast.tables.origin import Origin
from unspool.forecast.tables.panel import Panel
from unspool.forecast.tables.table import open_table
from unspool.forecast.timed import reads_time
from unspool.lang import Cell
from unspool.train import Callback


@final
class Forecaster:
    """A recurrent network that forecasts one series or thousands.

    Args:
        horizon: steps to forecast.
        cell: any cell: a built-in one's name, FILE.py:NAME, or a `Cell`; "auto": `gru`, or searched within a budget.
        network: "direct", "segment", "onward", "dilated", "seq2seq", "autoregressive" or "auto" (see `Options` for
            this and all that follows).
        target, time, series: names of the columns; the default series column may be absent.
        frequency: step of the data ("1h", "1mo" …); inferred by default.
        season_length: steps in a season; the frequency's usual one by default.
        on_bad_series: "error" refuses a table with a series that has no value, and forecasts those that are constant
            or have fewer than three values by what the others teach; "skip" leaves all of these out.
        uneven: whether every row stands at its own time, which a cell with a time step `dt` then reads, and
            `frequency` is the length of a step, by default the typical gap. None: where the times are irregular and
            lie on no grid, or leave most of it empty, and the cell can read them.
        known: columns known in the future as well, which a forecast is then given (`future=`).
        past: columns known in the past only.
        static: columns with one value for each series.
        categorical: those of them whose numbers are categories; columns of text are.
        holidays: countries ("DE"), or parts of them ("DE-BY"), whose public holidays are read beside the calendar.
        cold_start: whether it learns to forecast series that have hardly begun, known ones or new ones; None: where
            the table that is fitted has a series shorter than half a window.
        budget: what `fit` may take to search for an ensemble: "60s", "5m", "1h", seconds, or "30 trials".

    The constructor only stores; what is learned ends in an underscore: `panel_`, `recipe_` (of an ensemble that of
    the member that counts most), `model_`, `choice_`.

    Example:
        >>> from unspool.datasets import load_co2
        >>> forecaster = Forecaster(horizon=4, target="co2", time="date", steps=20, network="segment",
        ...                         normalisation="last", refit=False)
        >>> forecaster.fit(load_co2().tail(400)).predict().columns[:3]
        ['date', 'forecast', 'q0.05']
    """

    def __init__(
        self,
        horizon: int,
        cell: Cell | str = AUTO,
        network: str = "auto",
        *,
        normalisation: str = "auto",
        gap: int = 0,
        window: int | None = None,
        segment: int | None = None,
        hidden_size: int | None = None,
        num_layers: int = 1,
        dilations: Sequence[int] | None = None,
        log: bool | None = None,
        dropout: float | None = None,
        quantiles: Sequence[float] = DEFAULT_LEVELS,
        validation: int | None = None,
        steps: int | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        highway: bool | None = None,
        refit: bool | None = None,
        members: int | None = None,
        seed: int = 0,
        target: str = "y",
        time: str = "ds",
        series: str | None = "unique_id",
        frequency: str | None = None,
        season_length: int | None = None,
        on_bad_series: Literal["error", "skip"] = "error",
        uneven: bool | None = None,
        known: Sequence[str] = (),
        past: Sequence[str] = (),
        static: Sequence[str] = (),
        categorical: Sequence[str] = (),
        holidays: Sequence[str] = (),
        cold_start: bool | None = None,
        budget: str | float | Budget | None = None,
        head: str = "auto",
        lags: Sequence[int] | None = None,
    ) -> None:
        self.horizon = horizon
        self.cell = cell
        self.network = network
        self.normalisation = normalisation
        self.gap = gap
        self.window = window
        self.segment = segment
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dilations = dilations
        self.log = log
        self.dropout = dropout
        self.quantiles = quantiles
        self.validation = validation
        self.steps = steps
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.highway = highway
        self.refit = refit
        self.members = members
        self.seed = seed
        self.target = target
        self.time = time
        self.series = series
        self.frequency = frequency
        self.season_length = season_length
        self.on_bad_series: Literal["error", "skip"] = on_bad_series
        self.uneven = uneven
        self.known = known
        self.past = past
        self.static = static
        self.categorical = categorical
        self.holidays = holidays
        self.cold_start = cold_start
        self.budget = budget
        self.head = head
        self.lags = lags

    def read(self, path: str | PathLike[str], future: str | PathLike[str] | None = None) -> Panel:
        """The panel of a CSV or Parquet file; settings are checked first. Once fitted: newer data for the model.

        Args:
            path: the file.
            future: a file with the covariates known in the future, for the steps of the horizon.

        Raises:
            DataError: with the file, the line, the series and the value.
            ModelError: the model was fitted on other columns.
        """
        _ = self.options
        covariates = {*self.known, *self.past, *self.static}
        table = open_table(path, covariates | {self.target, self.time} | ({self.series} if self.series else set()))
        as_panel = self._fitted_panel if hasattr(self, "model_") else self._panel
        panel = as_panel(table.frame, origin=table.origin)
        check_even(panel)
        if future is None:
            return panel
        ahead = open_table(future)
        return with_future(panel, ahead.frame, self.horizon, self.gap, ahead.origin)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments by name."""
        del deep
        return {name: getattr(self, name) for name in _DEFAULTS}

    def set_params(self, **params: Any) -> "Forecaster":
        """Change constructor arguments.

        Raises:
            SettingError: there is no such argument.
        """
        for name, value in params.items():
            if name not in _DEFAULTS:
                raise SettingError(f"Forecaster has no parameter '{name}'", hint=f"it has: {', '.join(_DEFAULTS)}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        shown = [f"{n}={v!r}" for n, v in self.get_params().items() if v != _DEFAULTS[n]]
        return f"Forecaster({', '.join(shown)})"

    def fit(self, frame: Any, y: None = None, *, callbacks: Sequence[Callback] = ()) -> "Forecaster":
        """Fit to a table in long form (pandas, polars, pyarrow) or a `Panel`.

        Raises:
            DataError, SettingError, CellError: with what failed and how to mend it.
        """
        del y
        panel = self._panel(frame)
        recipe, tried, choice = decide(self.options, panel, callbacks, least=least_window(panel))
        check_ends(panel, shortest_window(recipe))
        self.model_: AnyModel = tried if tried and choice.interrupted else fit_recipe(panel, recipe, callbacks)
        self.recipe_, self.choice_ = lead_recipe(recipe), choice
        self.panel_, self.columns_, self.frequency_ = panel, panel.columns, panel.frequency
        self._frame = frame
        return self

    def predict(self, frame: Any = None, future: Any = None) -> Any:
        """The forecast after the end of each series, as a table of the kind that was given.

        Args:
            frame: newer data for the same columns; the data fitted on by default. Nothing is fitted.
            future: a table of the covariates known in the future, with a row for each series and step of the horizon.

        Returns:
            A table: series (where there is a column for it), time, `forecast` (the median), a column per quantile.
        """
        panel = self._fitted_panel(frame, future)
        return like(forecast_table(self.forecast(panel), panel), self._frame if frame is None else frame)

    def forecast(self, frame: Any = None, times: Any = None, future: Any = None, paths: int = 0) -> Forecast:
        """The same as arrays.

        Args:
            frame: as for `predict`.
            times: [N, horizon] times to forecast, ascending and after the end of each series (in UTC where there are
                zones), where time is uneven; steps of the frequency by default.
            future: as for `predict`.
            paths: of each series, drawn over the whole horizon; for the network "autoregressive".
        """
        panel = self._fitted_panel(frame, future)
        return make_forecast(self.model_, panel, times, paths)

    def explain(
        self,
        frame: Any = None,
        future: Any = None,
        *,
        series: Sequence[str] | None = None,
        ahead: Sequence[int] | None = None,
    ) -> Explanation:
        """Which past steps and covariates the forecast rests on: integrated gradients, gradients and occlusion.

        Args:
            frame: as for `predict`.
            future: as for `predict`.
            series: names of the series to explain; all by default.
            ahead: steps of the horizon to explain, from 1; by default the first, the last and two between.

        Raises:
            DataError, SettingError, ModelError: as `unspool.forecast.explain`.
        """
        panel = self._fitted_panel(frame, future)
        return explain(self.model_, panel, series=series, ahead=ahead)

    def backtest(
        self,
        frame: Any,
        folds: int = 3,
        *,
        step: int | None = None,
        window: int | None = None,
        refit: bool = True,
        baselines: Literal["usual", "statistical"] = "usual",
        baseline_seconds: float = SECONDS,
        callbacks: Sequence[Callback] = (),
    ) -> Backtest:
        """Rolling-origin backtest against the baselines; the forecaster itself is left as it was.

        Args:
            frame: a table or a `Panel`.
            folds: cutoffs.
            step: distance between cutoffs; the horizon by default.
            window: steps before each cutoff to learn from; all by default.
            refit: fit before every cutoff, or only before the first.
            baselines: "statistical" for AutoETS, AutoARIMA and AutoTheta too (the extra `unspool[baselines]`).
            baseline_seconds: what each of those may take over all folds; one that takes longer is left out.
            callbacks: watch each fit.

        Raises:
            DataError, SettingError, CellError: with what failed and how to mend it.
            KeyboardInterrupt: Ctrl-C came before the first fold was done; later, the folds that were done count.
        """
        check_baselines(baselines, baseline_seconds)
        panel = self._panel(frame)
        check_baselines(baselines, baseline_seconds, panel.frequency)
        plans = self.plan_folds(panel, folds, step=step, window=window)
        early = panel.before(plans[0].train_end.tolist())
        rounds = len(plans) if refit else 1
        recipe, _, choice = decide(settled(self.options, panel), early, callbacks, rounds=rounds)
        if choice.interrupted:
            raise KeyboardInterrupt
        done = run_backtest(
            panel,
            plans,
            recipe,
            refit=refit,
            baselines=baselines,
            baseline_seconds=baseline_seconds,
            callbacks=callbacks,
        )
        if done is None:
            raise KeyboardInterrupt
        return done

    def plan_folds(
        self, panel: Panel, folds: int, *, step: int | None = None, window: int | None = None
    ) -> list[FoldPlan]:
        """The folds of a backtest, each with enough before its cutoff for a fit."""
        ahead = self.gap + self.horizon
        validation = self.validation or ahead
        return cutoffs(panel, self.horizon, folds, step, self.gap, window, minimum=validation + ahead + 2)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted model to a new folder: JSON and safetensors.

        Raises:
            OutputError: the folder exists or cannot be written.
        """
        self._fitted_panel(None)
        save_model(path, self.model_, self.panel_)

    def export(self, path: str | PathLike[str], *, overwrite: bool = False) -> Exported:
        """Write the fitted model as an ONNX file, which runs without unspool (needs `unspool[export]`).

        It is run in onnxruntime beside our own forecast, on made-up series (see `unspool.forecast.export`).

        Raises:
            OutputError: the file exists, is not called .onnx, or cannot be written.
            SettingError: what writes ONNX is not installed.
            ModelError: the forecasts differ; nothing is written.
        """
        if not hasattr(self, "model_"):
            raise _not_fitted()
        return export_model(self.model_, self.columns_, self.frequency_, path, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "Forecaster":
        """A forecaster that predicts newer data with a saved model.

        Raises:
            ModelError: the folder is damaged, incomplete, or of a newer version.
        """
        saved = load_model(path)
        self = cls(**saved_parameters(saved))
        self.columns_, self.frequency_ = saved.columns, saved.frequency
        self.recipe_, self.model_ = saved.model.recipe, saved.model
        return self

    @property
    def options(self) -> Options:
        """The settings of the fit, checked.

        Raises:
            SettingError, CellError: one has no meaning.
        """
        values = {name: getattr(self, name) for name in Options.__dataclass_fields__}
        ask(self.known, self.past, self.static, self.categorical)
        holidays = self.holidays if isinstance(self.holidays, str) else tuple(self.holidays)
        values |= {"quantiles": tuple(self.quantiles), "holidays": holidays}
        for name in ("dilations", "lags"):
            values[name] = None if values[name] is None else tuple(values[name])
        return check_options(Options(**values))

    def _panel(self, frame: Any, origin: Origin | None = None) -> Panel:
        options = self.options  # settings are refused before the data are read
        if isinstance(frame, Panel):
            return frame
        return panel_from_frame(
            frame,
            target=self.target,
            time=self.time,
            series=self.series,
            frequency=self.frequency,
            season_length=self.season_length,
            on_bad_series=self.on_bad_series,
            uneven=self.uneven if reads_time(find_cell(first_cell(options, options.uneven is True))) else False,
            covariates=ask(self.known, self.past, self.static, self.categorical),
            origin=origin,
        )

    def _fitted_panel(self, frame: Any, future: Any = None, origin: Origin | None = None) -> Panel:
        """Of what the fitted model is given: newer data, or those that it was fitted to."""
        if not hasattr(self, "model_"):
            raise _not_fitted()
        if frame is None:
            if not hasattr(self, "panel_"):
                raise ModelError("a loaded forecaster has no data of its own", hint="give it the data: predict(frame)")
            frame = self.panel_
        if not isinstance(frame, Panel):
            asked = self.model_.coding.asked
            frame = newer_panel(frame, self.columns_, self.frequency_, asked, self.on_bad_series, origin)
        return frame if future is None else with_future(frame, future, self.horizon, self.gap)


def _not_fitted() -> ModelError:
    return ModelError("this forecaster is not fitted", hint="call fit(frame) first, or Forecaster.load(folder)")


_DEFAULTS = {name: one.default for name, one in inspect.signature(Forecaster).parameters.items()}
