"""`UnspoolForecaster`: `unspool.forecast.Forecaster` as sktime's `BaseForecaster`."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from sktime.datatypes import update_data  # pyright: ignore[reportMissingImports]
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon  # pyright: ignore[reportMissingImports]

from unspool.errors import DataError
from unspool.forecast import Forecaster
from unspool.forecast.budget import Budget
from unspool.forecast.quantiles import DEFAULT_LEVELS
from unspool.lang import Cell
from unspool.sktime.frames import (
    SERIES,
    TARGET,
    TIME,
    Clock,
    column_name,
    future_table,
    instances,
    long_table,
    series_name,
)


class UnspoolForecaster(BaseForecaster):
    """A recurrent network that forecasts one series, or the series of a panel or a hierarchy together, in one model.

    Columns of X are known in the future, unless they are named in `past` or `static`: then predict needs no X for
    them. Of a horizon with gaps all steps are forecast and those asked for are given. Missing values in y and X are
    read as such. `update` with `update_params=False` forecasts from the newer end with the model as it is.

    Quantiles at levels other than `quantiles` are read off between these, straight lines where a normal distribution
    would be one, and beyond the outermost along the last of them. Name those that count, and they are fitted.

    Args:
        cell: any cell: a built-in one's name, FILE.py:NAME, or a `Cell`; "auto": `gru`, or searched within a budget.
        network: "direct", "segment", "onward", "dilated", "seq2seq", "autoregressive" or "auto".
        normalisation, window, segment, hidden_size, num_layers, dilations, log, dropout, highway, head, lags: of the
            model.
        quantiles: levels that are fitted.
        validation, steps, learning_rate, batch_size, refit, members, seed: of its training.
        season_length: steps in a season; the frequency's usual one by default.
        past, static, categorical: columns of X that are known in the past only, that are one value for each series,
            and whose numbers are categories.
        holidays: countries whose public holidays are read.
        cold_start: whether it learns to forecast series that have hardly begun.
        budget: what `fit` may take to search for an ensemble: "60s", "5m", seconds, or "30 trials".

    All are those of `unspool.forecast.Forecaster`, which is the fitted attribute `forecaster_`.

    Example:
        >>> from sktime.datasets import load_airline
        >>> from unspool.sktime import UnspoolForecaster
        >>> forecaster = UnspoolForecaster(steps=20, network="segment", refit=False)
        >>> forecaster.fit(load_airline(), fh=[1, 2, 3]).predict().index[0]
        Period('1961-01', 'M')
    """

    _tags = {  # noqa: RUF012 — sktime's own way
        "authors": "the Unspool authors",
        "maintainers": "the Unspool authors",
        "python_dependencies": None,
        "y_inner_mtype": ["pd.Series", "pd-multiindex", "pd_multiindex_hier"],
        "X_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "capability:multivariate": False,
        "capability:exogenous": True,
        "capability:categorical_in_X": True,
        "capability:missing_values": True,
        "capability:insample": False,
        "capability:pred_int": True,
        "capability:pred_int:insample": False,
        "capability:update": True,
        "requires-fh-in-fit": True,
        "X-y-must-have-same-index": True,
    }

    def __init__(
        self,
        cell: Cell | str = "auto",
        network: str = "auto",
        *,
        normalisation: str = "auto",
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
        season_length: int | None = None,
        past: Sequence[Any] = (),
        static: Sequence[Any] = (),
        categorical: Sequence[Any] = (),
        holidays: Sequence[str] = (),
        cold_start: bool | None = None,
        budget: str | float | Budget | None = None,
        head: str = "auto",
        lags: Sequence[int] | None = None,
    ) -> None:
        self.cell = cell
        self.network = network
        self.normalisation = normalisation
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
        self.season_length = season_length
        self.past = past
        self.static = static
        self.categorical = categorical
        self.holidays = holidays
        self.cold_start = cold_start
        self.budget = budget
        self.head = head
        self.lags = lags
        with warnings.catch_warnings():
            # sktime 1.2 warns that it will no longer keep the data for `update`, which are kept here.
            warnings.simplefilter("ignore", FutureWarning)
            super().__init__()

    def _fit(self, y: Any, X: pd.DataFrame | None, fh: ForecastingHorizon) -> "UnspoolForecaster":
        self._history = y, X
        self._clock = Clock.of(y.index)
        roles = {role: [column_name(name) for name in getattr(self, role)] for role in ("past", "static")}
        columns = [] if X is None else [column_name(name) for name in X.columns]
        self._known = [name for name in columns if name not in (*roles["past"], *roles["static"])]
        own = ("past", "static", "categorical")
        self.forecaster_ = Forecaster(
            int(self._steps(y, fh).max()),
            **{name: value for name, value in self.get_params(deep=False).items() if name not in own},
            target=TARGET,
            time=TIME,
            series=SERIES if isinstance(y.index, pd.MultiIndex) else None,
            frequency=self._clock.frequency,
            uneven=False,
            known=self._known,
            past=roles["past"],
            static=roles["static"],
            categorical=[column_name(name) for name in self.categorical],
        )
        self.forecaster_.fit(long_table(y, X, self._clock))
        return self

    def _update(self, y: Any, X: pd.DataFrame | None = None, update_params: bool = True) -> "UnspoolForecaster":
        before, beside = self._history
        self._history = update_data(before, y), None if X is None else update_data(beside, X)
        if update_params:
            self._fit(*self._history, fh=self.fh)
        return self

    def _predict(self, fh: ForecastingHorizon, X: pd.DataFrame | None) -> Any:
        quantiles = self._forecast(fh, X)
        values = quantiles[..., self._levels.index(0.5)].ravel()
        y = self._history[0]
        if isinstance(y, pd.DataFrame):
            return pd.DataFrame({y.columns[0]: values}, index=self._index(fh))
        return pd.Series(values, index=self._index(fh), name=y.name)

    def _predict_quantiles(self, fh: ForecastingHorizon, X: pd.DataFrame | None, alpha: list[float]) -> pd.DataFrame:
        found = between(self._forecast(fh, X), self._levels, alpha)
        return pd.DataFrame(
            found.reshape(-1, len(alpha)),
            index=self._index(fh),
            columns=pd.MultiIndex.from_product([self._get_varnames(), alpha]),
        )

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Settings that sktime's checks fit in a moment."""
        del parameter_set
        tiny = {"window": 6, "hidden_size": 4, "steps": 2, "members": 1, "refit": False, "validation": 5}
        return [
            {**tiny, "network": "segment", "segment": 3, "normalisation": "last", "highway": True},
            {**tiny, "network": "direct", "cell": "lstm", "quantiles": (0.05, 0.5, 0.95), "highway": False},
        ]

    @property
    def _levels(self) -> tuple[float, ...]:
        return self.forecaster_.model_.recipe.model.levels

    def _steps(self, y: Any, fh: ForecastingHorizon) -> np.ndarray:
        """[N, len(fh)] steps after the end of each series, from 1."""
        steps = fh.to_relative(self.cutoff).to_numpy().astype(np.int64)
        ends = [one.index[-1] for _, one in instances(y)]
        # Of a relative horizon each series has its own, after its own end.
        since = [0 if fh.is_relative else self._clock.steps(end, self.cutoff[0]) for end in ends]
        found = steps + np.array(since)[:, None]
        if found.min() < 1:
            raise NotImplementedError("UnspoolForecaster gives no in-sample forecasts: fh must lie after the cutoff")
        return found

    def _index(self, fh: ForecastingHorizon) -> pd.Index:
        y = self._history[0]
        if not isinstance(y.index, pd.MultiIndex):
            return fh.to_absolute_index(self.cutoff)
        rows = [
            (*(key if isinstance(key, tuple) else (key,)), time)
            for (key, one), steps in zip(instances(y), self._steps(y, fh), strict=True)
            for time in self._clock.ahead(one.index[-1], steps)
        ]
        return pd.MultiIndex.from_tuples(rows, names=y.index.names)

    def _forecast(self, fh: ForecastingHorizon, X: pd.DataFrame | None) -> np.ndarray:
        """[N, len(fh), Q] quantiles, in the order of sktime's index."""
        (y, beside), horizon, future = self._history, self.forecaster_.horizon, None
        steps = self._steps(y, fh)
        if steps.max() > horizon:
            raise DataError(
                f"a series ends {steps.max()} steps before the end of the horizon, and the model forecasts {horizon}",
                hint="fit again, or give a relative fh: each series is then forecast from its own end",
            )
        if self._known:
            if X is None:
                raise DataError("X was given in fit, but not in predict", hint="give the X of the steps to forecast")
            future = future_table(y, X, steps, horizon, self._clock)
        forecast = self.forecaster_.forecast(long_table(y, beside, self._clock), future=future)
        place = {name: k for k, name in enumerate(forecast.ids)}
        rows = [0 if key is None else place[series_name(key)] for key, _ in instances(y)]
        return np.take_along_axis(forecast.quantiles[rows], steps[..., None] - 1, axis=1)


def between(quantiles: np.ndarray, levels: Sequence[float], wanted: Sequence[float]) -> np.ndarray:
    """Quantiles [.., Q] at `levels` → [.., len(wanted)] at any others.

    Straight lines over the quantiles of a normal distribution, so that one of those is met exactly; the outermost two
    lines go on.

    Args:
        quantiles: ascending.
        levels: ascending, in (0, 1).
        wanted: in (0, 1); 0 and 1 give the ends of the number line.
    """
    x, at = norm.ppf(levels), norm.ppf(wanted)
    if len(levels) == 1:
        return np.repeat(quantiles, len(at), -1)
    right = np.searchsorted(x, at).clip(1, len(x) - 1)
    low, high = quantiles[..., right - 1], quantiles[..., right]
    slope = (high - low) / (x[right] - x[right - 1])
    with np.errstate(invalid="ignore"):
        found = low + slope * (at - x[right - 1])
    return np.where((slope == 0) & np.isinf(at), low, found)
