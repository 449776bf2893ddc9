"""What an exported model reads: arrays by name, and how a panel is laid in them.

Values are as the table has them. What a window reaches of before its series begins is missing: NaN, 0 in the calendar,
and 1 as the time since the step before.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from unspool.forecast.coding import Coding
from unspool.forecast.ends import check_ahead, check_ends, panel_tail
from unspool.forecast.fitted import FittedModel
from unspool.forecast.model import ModelSettings
from unspool.forecast.tables.panel import Panel, Role

BATCH = "batch"
"""The axis whose size is free."""


@dataclass(frozen=True)
class Given:
    """One array.

    Attributes:
        name: of the input.
        shape: without the batch.
        dtype: as numpy calls it.
        meaning: a line for whoever fills it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    meaning: str

    def to_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`; the batch is the first axis."""
        return {"name": self.name, "shape": [BATCH, *self.shape], "dtype": self.dtype, "meaning": self.meaning}


def inputs(settings: ModelSettings) -> tuple[Given, ...]:
    """The inputs, in order; those of which the model reads nothing are not there."""
    s = settings
    whole = s.lookback + s.gap + s.horizon
    values = "the last values of the series, as they are; NaN where missing"
    found = [
        Given("values", (s.lookback,), "float64", values),
        Given("centre", (), "float64", "`centre` of the series, or the mean of all its values where it is new"),
        Given("spread", (), "float64", "`spread` of the series, or their deviation"),
    ]
    if s.series:
        found.append(Given("series", (), "int64", "the place of the series in `series`; -1 where it is new"))
    if s.features:
        found.append(Given("calendar", (whole, len(s.features)), "float32", "`calendar` of the window and beyond"))
    if s.uneven:
        found.append(Given("dt", (s.lookback + s.horizon,), "float32", "time since the step before, in steps"))
    for role, steps in (("known", (whole,)), ("past", (s.lookback,)), ("static", ())):
        if count := len(getattr(s, role)):
            meaning = f"`covariates.{role}`, as they are; a category by its place; NaN where missing"
            found.append(Given(role, (*steps, count), "float64", meaning))
    return tuple(found)


def arrays_of(model: FittedModel, panel: Panel) -> dict[str, np.ndarray]:
    """The arrays [N, …] of the windows at the end of each series: what `Forecaster.forecast` reads.

    Raises:
        DataError: a series has no value in its window, or covariates known in the future are missing.
    """
    s = model.recipe.model
    check_ends(panel, s.lookback)
    check_ahead(panel, s.gap + s.horizon)
    scales, series = model.scales_of(panel)
    windows = model.windows(panel_tail(panel, s.lookback + 1), scales)
    window = windows.cut(windows.ends())
    lengths = [len(one.values) for one in panel.series]
    found: dict[str, np.ndarray] = {
        "values": np.stack([_last(one.values, len(one.values), s.lookback) for one in panel.series]),
        "centre": scales.centre,
        "spread": scales.spread,
        "series": series.astype(np.int64),
        "calendar": window.calendar.numpy(),
    }
    if window.dt is not None:
        found["dt"] = window.dt.numpy()
    beyond: tuple[tuple[Role, int], ...] = (("known", s.gap + s.horizon), ("past", 0))
    for role, ahead in beyond:
        if getattr(s, role):
            coded = [places(model.coding, panel, role, getattr(one, role)) for one in panel.series]
            found[role] = np.stack(
                [_last(one, n + ahead, s.lookback + ahead) for one, n in zip(coded, lengths, strict=True)]
            )
    if s.static:
        found["static"] = places(model.coding, panel, "static", np.array([one.static for one in panel.series]))
    return {given.name: found[given.name] for given in inputs(s)}


def places(coding: Coding, panel: Panel, role: Role, values: np.ndarray) -> np.ndarray:
    """Values [.., K] of the panel's covariates of a role, categories by the model's places for them."""
    found = values.copy()
    columns = zip(coding.of_role(role), panel.of_role(role), strict=True)
    for k, (column, covariate) in enumerate(columns):
        if column.categorical:
            lookup = np.array([*column.places(covariate.categories or ()), np.nan])
            found[..., k] = lookup[np.where(np.isnan(values[..., k]), -1, values[..., k]).astype(np.int64)]
    return found


def _last(values: np.ndarray, stop: int, count: int) -> np.ndarray:
    """The `count` rows before row `stop`, NaN where there are none."""
    start = max(0, stop - count)
    before = [(count - (stop - start), 0)] + [(0, 0)] * (values.ndim - 1)
    return np.pad(values[start:stop], before, constant_values=np.nan)
