"""Series in, forecasts out."""

from unspool.forecast.explanation import Explanation, explain
from unspool.forecast.forecaster import Forecaster
from unspool.forecast.forecasting import make_forecast
from unspool.forecast.job import Run, run_job
from unspool.forecast.result import Backtest, Choice, Fold, Forecast
from unspool.forecast.tables.ingest import panel_from_file, panel_from_frame
from unspool.forecast.tables.panel import Panel

__all__ = [
    "Backtest",
    "Choice",
    "Explanation",
    "Fold",
    "Forecast",
    "Forecaster",
    "Panel",
    "Run",
    "explain",
    "make_forecast",
    "panel_from_file",
    "panel_from_frame",
    "run_job",
]
