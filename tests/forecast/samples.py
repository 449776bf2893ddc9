"""Series made up for the tests of fitting and forecasting, and settings that fit them in a moment."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
from torch import nn

from unspool.forecast import Forecaster, Panel, panel_from_frame
from unspool.forecast.options import candidates
from unspool.forecast.recipe import Recipe
from unspool.train import Epoch, Fitted

HORIZON = 5

SMALL: dict[str, Any] = {
    "network": "segment",
    "normalisation": "last",
    "highway": False,
    "window": 14,
    "segment": 7,
    "hidden_size": 8,
    "steps": 12,
    "batch_size": 16,
    "learning_rate": 0.01,
    "validation": 10,
    "refit": False,
    "members": 1,
}


def wave(length: int = 80, seed: int = 0, level: float = 10.0) -> np.ndarray:
    """A weekly wave with noise."""
    noise = np.random.default_rng(seed)
    return level + np.sin(2 * np.pi * np.arange(length) / 7) + 0.2 * noise.normal(size=length)


def frame_of(*series: Iterable[float | None], start: dt.date = dt.date(2020, 1, 1)) -> pl.DataFrame:
    """Daily series: one as a table of two columns, several in long form as s0, s1 …"""
    parts = []
    for k, values in enumerate(series):
        y = [None if v is None else float(v) for v in values]
        days = [start + dt.timedelta(i) for i in range(len(y))]
        parts.append(pl.DataFrame({"unique_id": [f"s{k}"] * len(y), "ds": days, "y": pl.Series(y, dtype=pl.Float64)}))
    table = pl.concat(parts)
    return table if len(series) > 1 else table.drop("unique_id")


def panel_of(*series: Iterable[float | None]) -> Panel:
    return panel_from_frame(frame_of(*series))


def small(**changes: Any) -> Forecaster:
    """A forecaster that fits in a fraction of a second."""
    return Forecaster(**{"horizon": HORIZON, **SMALL, **changes})


def recipe_of(panel: Panel, **changes: Any) -> Recipe:
    """Its only recipe for the panel."""
    (recipe,) = candidates(small(**changes).options, panel).values()
    return recipe


class Watch:
    """A callback that writes down what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []

    def on_start(self, title: str, steps: int) -> None:
        self.said.append(("start", (title, steps)))

    def on_step(self, step: int, loss: float) -> None:
        self.said.append(("step", (step, loss)))

    def on_epoch(self, module: nn.Module, epoch: Epoch) -> None:
        assert not module.training
        self.said.append(("epoch", epoch))

    def on_end(self, fitted: Fitted) -> None:
        self.said.append(("end", fitted))

    def titles(self) -> list[str]:
        return [what[0] for kind, what in self.said if kind == "start"]


class CtrlC(Watch):
    """Presses Ctrl-C in the fit with this title, at this step; step 0 is before the first one."""

    def __init__(self, title: str, step: int) -> None:
        super().__init__()
        self.title, self.step, self.now = title, step, ""

    def on_start(self, title: str, steps: int) -> None:
        super().on_start(title, steps)
        self.now = title
        if self.title == title and self.step == 0:
            raise KeyboardInterrupt

    def on_step(self, step: int, loss: float) -> None:
        super().on_step(step, loss)
        if self.now == self.title and step == self.step:
            raise KeyboardInterrupt
