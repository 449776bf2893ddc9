"""What a backtest and a forecast hand on: plain arrays with names, nothing that computes.

Axes: N series, H steps ahead, Q quantile levels. Times are kept in the panel's own time type
(see `panel.Panel.labels` for their text).
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from unspool.train.log import Epoch

MODEL = "unspool"
"""The key of the recurrent model beside the baselines' names, in `Fold.point` and metrics.json."""


@dataclass(frozen=True)
class TrainingLog:
    """How one fit went: its epochs, which one was kept, and why it stopped."""

    epochs: tuple[Epoch, ...]
    best: int
    stopped: str
    network: str
    cell: str
    seconds: float


@dataclass(frozen=True)
class Fold:
    """One cutoff of a rolling-origin backtest: what was forecast there and what came.

    Attributes:
        number: 1 for the oldest cutoff.
        ids: [N] series names.
        last_seen: [N] time of the last step before the cutoff, in the panel's time type.
        times: [N, H] times forecast.
        actual: [N, H] float64, NaN where nothing was observed.
        point: name → [N, H] float64 point forecasts; `MODEL` and the baselines.
        quantiles: [N, H, Q] float64, the model's, never crossing.
        mase_scale: [N] mean |y_t - y_{t-m}| before the cutoff (m the season); the unit of MASE.
        rmsse_scale: [N] mean (y_t - y_{t-m})² before the cutoff; the unit of RMSSE².
        history: [N] arrays, the last values before the cutoff (NaN where missing), for drawing.
        training: how the model of this fold was fitted; None where the first fold's model was reused.
        rivals: name → [N, H, Q] float64, the quantiles of those baselines that have some.
    """

    number: int
    ids: tuple[str, ...]
    last_seen: np.ndarray
    times: np.ndarray
    actual: np.ndarray
    point: dict[str, np.ndarray]
    quantiles: np.ndarray
    mase_scale: np.ndarray
    rmsse_scale: np.ndarray
    history: tuple[np.ndarray, ...]
    training: TrainingLog | None
    rivals: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Backtest:
    """A rolling-origin backtest: its folds and the metrics computed from them.

    `metrics` is what metrics.json holds: overall.<name>.<metric>, by_step.<name>.<metric> (a list of H),
    folds (a list of {number, cutoff, <name>: {metric: value}}), coverage (a list of
    {nominal, actual, width}), skill.<baseline>.<metric> (1 - model/baseline; negative is worse).
    `notes` say what a reader should know of the baselines.
    """

    folds: tuple[Fold, ...]
    levels: tuple[float, ...]
    metrics: dict
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Forecast:
    """The forecast past the end of the data.

    Attributes:
        ids: [N] series names.
        times: [N, H] in the panel's time type.
        point: [N, H] float64.
        quantiles: [N, H, Q] float64, ascending in Q.
        levels: [Q] quantile levels, ascending.
        paths: [N, paths, H] float64 drawn, each through the whole horizon; None where none were asked for.
    """

    ids: tuple[str, ...]
    times: np.ndarray
    point: np.ndarray
    quantiles: np.ndarray
    levels: tuple[float, ...]
    paths: np.ndarray | None = None


@dataclass(frozen=True)
class Trial:
    """A candidate that was fitted: its name, its options as a command takes them, and its loss."""

    name: str
    options: dict[str, Any]
    loss: float


@dataclass(frozen=True)
class Member:
    """What a recipe adds to an ensemble.

    Attributes:
        name: of its trial.
        weight: its share of the average.
        alone: its own loss.
        without: the loss of the ensemble without it; None where it is the only one.
    """

    name: str
    weight: float
    alone: float
    without: float | None


SPENT = "the budget was spent"
"""Why a search ended that might have gone on."""


@dataclass(frozen=True)
class Search:
    """How a search within a budget went.

    Attributes:
        budget: as it was given.
        ended: why it ended.
        trials: in their order.
        refused: the candidates that could not be fitted to the data, and why.
        members: of the ensemble that was kept, the best first.
        loss: of the ensemble.
        rest: seconds that the fits after the search will take, roughly.
    """

    budget: str
    ended: str
    trials: tuple[Trial, ...]
    refused: dict[str, str]
    members: tuple[Member, ...]
    loss: float
    rest: float

    @property
    def again(self) -> str:
        """How to make the same choice again, where a clock ended the search; empty otherwise."""
        if self.ended != SPENT or "trial" in self.budget:
            return ""
        done = len(self.trials) + len(self.refused)
        return f"the clock ended the search; a budget of '{done} trial{'s' * (done > 1)}' makes the same choice again"

    def to_json(self) -> dict[str, Any]:
        """All but the seconds: the same trials give the same record."""
        return {name: value for name, value in asdict(self).items() if name != "rest"}


@dataclass(frozen=True)
class Choice:
    """What `auto` tried on the validation part and what it took; `interrupted` if Ctrl-C came before all was tried.

    `search` says more, where there was a budget.
    """

    chosen: str
    tried: dict[str, float] = field(default_factory=dict)
    metric: str = "validation loss"
    interrupted: bool = False
    search: Search | None = None

    def to_json(self) -> dict[str, Any]:
        """`chosen` and `tried`, or all of the search, with the trials by name."""
        if self.search is None:
            return {"chosen": self.chosen, "tried": self.tried}
        return {"chosen": self.chosen, "metric": self.metric, "interrupted": self.interrupted, **self.search.to_json()}
