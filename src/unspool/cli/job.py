"""The options that `forecast` and `backtest` share, written once; a command takes its signature from here."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from unspool.cli import arguments as a


@dataclass(frozen=True, kw_only=True)
class Job:
    """A forecasting job as the command line states it."""

    file: a.File
    horizon: a.Horizon
    target: a.Target = "y"
    time: a.Time = "ds"
    series: a.SeriesColumn = None
    frequency: a.FrequencyName = None
    uneven: a.Uneven = None
    season_length: a.Season = None
    skip_bad_series: a.Skip = False
    known: a.Known = None
    past: a.PastOnly = None
    static: a.Static = None
    categorical: a.Categorical = None
    holidays: a.Holidays = None
    future: a.Future = None
    cold_start: a.ColdStart = None
    cell: a.ForecastCell = "auto"
    network: a.Network = "auto"
    head: a.Head = "auto"
    lags: a.Lags = None
    normalisation: a.Normalisation = "auto"
    log: a.Log = None
    highway: a.Highway = None
    gap: a.Gap = 0
    window: a.Window = None
    segment: a.Segment = None
    hidden_size: a.Hidden = None
    num_layers: a.Layers = 1
    dilations: a.Dilations = None
    dropout: a.Dropout = None
    quantiles: a.Quantiles = "0.05,0.1,0.25,0.5,0.75,0.9,0.95"
    steps: a.Steps = None
    learning_rate: a.Rate = None
    batch_size: a.Batch = None
    validation: a.Validation = None
    members: a.Members = None
    seed: a.Seed = 0
    budget: a.TimeOrTrials = None
    folds: a.Folds = None
    step: a.Step = None
    sliding: a.Sliding = None
    refit: a.Refit = True
    baselines: a.Baselines = "usual"
    baseline_seconds: a.BaselineSeconds = 120.0
    paths: a.Paths = 0
    out: a.Out = Path("out/forecast")
    overwrite: a.Overwrite = False
    json: a.Json = False

    def changed(self) -> dict[str, Any]:
        """The options that differ from their defaults, without the file."""
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if getattr(self, f.name) != f.default and f.name != "file"
        }


def takes_job(command: Callable[[Job], None]) -> Callable[..., None]:
    """A command whose options are the fields of `Job`."""

    def call(**options: Any) -> None:
        command(Job(**options))

    hints = get_type_hints(Job, include_extras=True)
    call.__signature__ = inspect.Signature(  # pyright: ignore[reportFunctionMemberAccess]
        [
            inspect.Parameter(
                f.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if f.default is MISSING else f.default,
                annotation=hints[f.name],
            )
            for f in fields(Job)
        ]
    )
    call.__annotations__ = hints
    call.__name__, call.__doc__ = command.__name__, command.__doc__
    return call
