"""What an explanation is: plain arrays with names, in the units of the data.

Axes: K steps ahead that are explained, n steps of the window, T steps of a covariate.
"""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import polars as pl

from unspool.forecast.tables.panel import Columns
from unspool.forecast.tables.times import TimeStyle


@dataclass(frozen=True)
class Stretch:
    """Past values from the lag `first` to the lag `last`, 1 being the last step of the window.

    Attributes:
        attribution: [K] what they add together, from rest on.
        occlusion: [K] forecast minus the forecast with them flat at the window's level.
        share: its part of all that stretches and drivers add and take off, by absolute values, summed over K.
    """

    first: int
    last: int
    attribution: np.ndarray
    occlusion: np.ndarray
    share: float


@dataclass(frozen=True)
class Driver:
    """Something beside the past values: a covariate, a country's holidays, or the calendar.

    Attributes:
        name: the covariate's column, "holiday DE", "calendar".
        role: "known", "past", "static", "holiday" or "calendar".
        steps: [T] its steps, 0 being the last of the window and 1 the first after it; empty where it is static.
        attribution: [K, T] what each of its steps adds ([K, 1] where it is static).
        gradient: [K, T] ∂ forecast / ∂ covariate at each step; None for categories and the calendar.
        occlusion: [K] forecast minus the forecast with all of it at rest.
        share: as in `Stretch`.
    """

    name: str
    role: str
    steps: np.ndarray
    attribution: np.ndarray
    gradient: np.ndarray | None
    occlusion: np.ndarray
    share: float


@final
@dataclass(frozen=True)
class Explained:
    """The forecast of one series.

    Attributes:
        id: the series' name.
        times, values: [n] the window (NaN where missing), its newest step last.
        ahead: [K] steps of the horizon that are explained, from 1.
        times_ahead: [K] their times.
        gap: steps between the window and the horizon.
        forecast: [K] the point forecasts.
        rest: [K] the forecasts at rest: values flat at `level`, the mean of the calendar, no holiday, numbers at their
            medians, categories unknown.
        level: the mean of what was observed in the window.
        attribution: [K, n] what each past value adds.
        gradient: [K, n] ∂ forecast / ∂ past value.
        stretches: of past values, the newest first.
        drivers: all else.
    """

    id: str
    times: np.ndarray
    values: np.ndarray
    ahead: tuple[int, ...]
    times_ahead: np.ndarray
    gap: int
    forecast: np.ndarray
    rest: np.ndarray
    level: float
    attribution: np.ndarray
    gradient: np.ndarray
    stretches: tuple[Stretch, ...]
    drivers: tuple[Driver, ...]

    @property
    def unexplained(self) -> np.ndarray:
        """[K] what the sum of all attributions misses of `forecast` − `rest`: the error of the integral."""
        beside = sum((one.attribution.sum(1) for one in self.drivers), np.zeros(len(self.ahead)))
        return self.forecast - self.rest - self.attribution.sum(1) - beside


@final
@dataclass(frozen=True)
class Explanation:
    """Forecasts explained.

    Attributes:
        series: one for each series.
        columns: names of the table's columns.
        noun: what a step is called ("hour").
        season: steps of a season.
        time_style: how the table writes its times.
    """

    series: tuple[Explained, ...]
    columns: Columns
    noun: str
    season: int
    time_style: TimeStyle

    def table(self) -> pl.DataFrame:
        """A row for each series, step ahead, source and step of it.

        Columns: the series (where the data had one), `ahead`, `source` (the target or a driver), `step` (0: the last of
        the window; null where static), `attribution`, `gradient` (null for categories and the calendar).
        """
        parts = []
        for one in self.series:
            steps = np.arange(1 - len(one.values), 1)
            parts.append(self._rows(one, self.columns.target, steps, one.attribution, one.gradient))
            for driver in one.drivers:
                parts.append(self._rows(one, driver.name, driver.steps, driver.attribution, driver.gradient))
        return pl.concat(parts)

    def _rows(
        self, one: Explained, source: str, steps: np.ndarray, attribution: np.ndarray, gradient: np.ndarray | None
    ) -> pl.DataFrame:
        count, size = attribution.shape
        places = np.tile(steps, count) if len(steps) else [None] * count
        slopes = [None] * (count * size) if gradient is None else gradient.ravel()
        table = pl.DataFrame(
            {
                "ahead": np.repeat(np.array(one.ahead, np.int64), size),
                "source": [source] * (count * size),
                "step": pl.Series(places, dtype=pl.Int64),
                "attribution": attribution.ravel(),
                "gradient": pl.Series(slopes, dtype=pl.Float64),
            }
        )
        name = self.columns.series
        return table if name is None else table.select(pl.lit(one.id).alias(name), pl.all())

    def summary(self) -> list[dict[str, Any]]:
        """For each series what its forecast rests on, by stretches and drivers, ready for `json.dumps`."""
        return [self._summary(one) for one in self.series]

    def to_json(self) -> list[dict[str, Any]]:
        """The summary, and every array, ready for `json.dumps`."""
        return [self._summary(one) | self._arrays(one) for one in self.series]

    def _summary(self, one: Explained) -> dict[str, Any]:
        return {
            "series": one.id,
            "ahead": list(one.ahead),
            "times": self.time_style.labels(one.times_ahead),
            "forecast": one.forecast.tolist(),
            "at_rest": one.rest.tolist(),
            "unexplained": one.unexplained.tolist(),
            "past": [{"lags": [part.first, part.last]} | _told(part) for part in one.stretches],
            "drivers": [{"name": driver.name, "role": driver.role} | _told(driver) for driver in one.drivers],
        }

    def _arrays(self, one: Explained) -> dict[str, Any]:
        values = [None if np.isnan(value) else float(value) for value in one.values]
        window = {"times": self.time_style.labels(one.times), "values": values}
        drivers = {
            driver.name: {"steps": driver.steps.tolist()} | _lists(driver.attribution, driver.gradient)
            for driver in one.drivers
        }
        return {"window": window | _lists(one.attribution, one.gradient), "by_step": drivers}


def _told(part: Stretch | Driver) -> dict[str, Any]:
    added = part.attribution.sum(1) if isinstance(part, Driver) else part.attribution
    return {"share": part.share, "attribution": added.tolist(), "occlusion": part.occlusion.tolist()}


def _lists(attribution: np.ndarray, gradient: np.ndarray | None) -> dict[str, Any]:
    return {"attribution": attribution.tolist(), "gradient": None if gradient is None else gradient.tolist()}
