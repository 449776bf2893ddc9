"""The forecast of a fitted model, after what may be asked of it was checked."""

from typing import Any

import numpy as np

from unspool.errors import DataError, SettingError
from unspool.forecast.counts import check_counts
from unspool.forecast.ends import check_ahead, check_ends
from unspool.forecast.ensemble import AnyModel, shortest_window
from unspool.forecast.fed import check_paths
from unspool.forecast.fitted import FittedModel
from unspool.forecast.result import Forecast
from unspool.forecast.tables.panel import Panel


def make_forecast(model: AnyModel, panel: Panel, times: Any = None, paths: int = 0) -> Forecast:
    """The forecast of a fitted model after the end of each series, or at `times` [N, H] after them.

    Raises:
        DataError: a series has no value in the window that is read, or a value is too extreme, or below zero where
            the head knows no such.
        SettingError: times are given for a series of even steps, or do not follow its end; or paths are asked of a
            network that has none.
    """
    settings = model.recipe.model
    check_paths(paths, settings.network)
    if settings.counts:
        check_counts(panel, settings.head)
    check_ends(panel, shortest_window(model))
    check_ahead(panel, settings.gap + settings.horizon)
    last = np.array([s.times[-1] for s in panel.series])
    ahead = panel.frequency.after(last, settings.gap + settings.horizon)
    if times is not None:
        ahead[:, : settings.gap] = last[:, None]  # the gap has no rows: what counts is when it ends
        ahead[:, settings.gap :] = _following(panel, last, times, settings.horizon)
    quantiles = model.quantiles(panel, ahead)
    drawn = model.paths(panel, paths, ahead) if paths and isinstance(model, FittedModel) else None
    if not np.isfinite(quantiles).all() or (drawn is not None and not np.isfinite(drawn).all()):
        raise DataError("the forecast is not finite", hint="look for extreme values in the data")
    ids = tuple(s.id for s in panel.series)
    point = quantiles[..., settings.levels.index(0.5)]
    return Forecast(ids, ahead[:, settings.gap :], point, quantiles, settings.levels, drawn)


def _following(panel: Panel, last: np.ndarray, times: Any, horizon: int) -> np.ndarray:
    """The times [N, H], of the panel's type."""
    if not panel.frequency.uneven:
        raise SettingError("times are given, but the series has even steps", hint="leave the times out")
    given = np.asarray(times, last.dtype)
    if given.shape != (len(last), horizon):
        raise SettingError(
            f"the times are {list(given.shape)}; {[len(last), horizon]} are needed, for each series its horizon"
        )
    steps = np.diff(given, axis=1, prepend=last[:, None])
    if not (steps > np.zeros(1, steps.dtype)).all():
        raise SettingError("the times to forecast do not ascend from the last row of their series")
    return given
