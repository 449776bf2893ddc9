"""The scales of a model: of its series' values, or of their logarithms."""

import numpy as np

from unspool.errors import DataError
from unspool.forecast.model import ModelSettings
from unspool.forecast.tables.panel import Panel
from unspool.forecast.windows import Scales


def scales_for(panel: Panel, settings: ModelSettings, others: Scales | None = None, few: int = 0) -> Scales:
    """What is taken off the series' values, or their logarithms where the model reads those, and divided by.

    Nothing is taken off where the head knows no negative values. `others` and `few` are those of `Scales.of`.
    """
    values = [s.values for s in panel.series]
    if settings.counts:
        return Scales.by_mean(values)
    if not settings.log:
        return Scales.of(values, others=others, few=few)
    check_positive(panel)
    return Scales.of_logarithms(values, settings.season, others, few)


def check_positive(panel: Panel) -> None:
    """Raises `DataError` where a value has no logarithm."""
    for series in panel.series:
        low = np.flatnonzero(series.values <= 0)
        if len(low):
            (when,) = panel.labels(series.times[low[:1]])
            raise DataError(
                f"series {series.id!r} has the value {series.values[low[0]]:g} at {when}, which has no logarithm",
                hint="logarithms are for positive values: leave out --log (in Python: log=False)",
            )
