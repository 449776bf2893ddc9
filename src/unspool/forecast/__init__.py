"""Series in, forecasts out."""

from unspool.forecast.forecaster import Forecaster, make_forecast
from unspool.forecast.ingest import panel_from_file, panel_from_frame
from unspool.forecast.job import Run, run_job
from unspool.forecast.panel import Panel
from unspool.forecast.result import Backtest, Choice, Fold, Forecast

__all__ = [
    "Backtest",
    "Choice",
    "Fold",
    "Forecast",
    "Forecaster",
    "Panel",
    "Run",
    "make_forecast",
    "panel_from_file",
    "panel_from_frame",
    "run_job",
]
