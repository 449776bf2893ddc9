"""Series made up to try an exported model on: of every kind that it may meet, with values missing."""

import numpy as np

from unspool.forecast.coding import Coded
from unspool.forecast.fitted import FittedModel
from unspool.forecast.tables.frequency import Frequency
from unspool.forecast.tables.panel import ROLES, Columns, Covariate, Panel, Series
from unspool.forecast.tables.times import TimeStyle

KNOWN = 4
"""Series with the names and scales of those fitted on, at most; one more is new and shorter than the window."""


def sample_panel(model: FittedModel, columns: Columns, frequency: Frequency) -> Panel:
    """A few series with covariates, drawn from a fixed seed."""
    s = model.recipe.model
    draw = np.random.default_rng(0)
    series = []
    names = [*model.ids[:KNOWN], "\0new"]
    for k, name in enumerate(names):
        fitted = k < len(names) - 1
        centre, spread = (model.scales.centre[k], model.scales.spread[k]) if fitted else (100.0, 10.0)
        count = s.lookback + 3 if fitted else max(2, s.lookback // 2)
        values = centre + spread * draw.normal(size=count).cumsum() / 2
        values[draw.random(count) < 0.1] = np.nan
        values[-2:] = centre + spread * np.array([0.5, -0.5])
        beyond = {"known": count + s.gap + s.horizon, "past": count, "static": 1}
        beside = {role: _drawn(model.coding.of_role(role), beyond[role], draw) for role in ROLES}
        times = frequency.after(frequency.after(0, 1 + k)[-1], count)
        series.append(Series(name, times, values, beside["known"], beside["past"], beside["static"][0]))
    covariates = tuple(
        Covariate(one.name, one.role, (*one.words, "\0new") if one.categorical else None)
        for role in ROLES
        for one in model.coding.of_role(role)
    )
    return Panel(tuple(series), frequency, columns, (), TimeStyle("datetime", "datetime"), covariates)


def _drawn(columns: tuple[Coded, ...], count: int, draw: np.random.Generator) -> np.ndarray:
    """[count, K] values, some missing; a category that was not fitted on is among them."""
    found = np.empty((count, len(columns)))
    for k, one in enumerate(columns):
        codes = draw.integers(0, len(one.words) + 1, count)
        found[:, k] = codes if one.categorical else one.centre + one.spread * draw.normal(size=count)
    found[draw.random(found.shape) < 0.1] = np.nan
    return found
