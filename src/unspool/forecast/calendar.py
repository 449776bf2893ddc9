"""Which calendar features a model may use: those whose cycle the data have seen often enough to learn from."""

import numpy as np

from unspool.forecast.holiday import PREFIX, is_holiday
from unspool.forecast.tables.frequency import Frequency
from unspool.forecast.tables.panel import Panel
from unspool.forecast.tables.zones import to_local

CYCLES = 2
"""Full turns that the longest series must have seen. A feature half-seen would be extrapolated, not learned."""


def usable_features(panel: Panel) -> tuple[str, ...]:
    """Names of the usable features, sines and cosines in pairs.

    A year of hourly data has seen every hour of the day and every weekday, but each day of the year once only.
    """
    times = max((s.times for s in panel.series), key=len)
    names = panel.frequency.feature_names
    if panel.frequency.uneven and names:
        times = panel.frequency.grid(times[0], times[-1])  # turns are counted in even steps: no gap hides one
    waves = panel.frequency.features(times).astype(np.float64)
    found: list[str] = []
    for pair in range(0, len(names), 2):
        angle = np.unwrap(np.arctan2(waves[:, pair], waves[:, pair + 1]))
        if abs(angle[-1] - angle[0]) >= CYCLES * 2 * np.pi:
            found += names[pair : pair + 2]
    return tuple(found)


def features(frequency: Frequency, names: tuple[str, ...], times: np.ndarray) -> np.ndarray:
    """[n, F] float32: the features called `names` at `times`, holidays (`holiday.PREFIX`) the last of them."""
    columns = [frequency.feature_names.index(name) for name in names if not name.startswith(PREFIX)]
    waves = frequency.features(times)[:, columns]
    holidays = [name for name in names if name.startswith(PREFIX)]
    if not holidays:
        return waves
    dates = to_local(times, frequency.zone).astype("datetime64[D]")
    return np.column_stack([waves, *(is_holiday(name, dates) for name in holidays)]).astype(np.float32)
