"""Baselines for rows at uneven times.

`last_value` and `mean` are as for even times; `drift` is the line through the first and the last value in time; `ridge`
counts rows, as it always does, blind to the time between them. There is no `seasonal_naive`: no row lies a season of so
many steps before another.
"""

from collections.abc import Sequence

import numpy as np

from unspool.forecast.evaluation.baselines import BASELINES, History, last_value


def uneven_baselines(
    histories: Sequence[History],
    times: Sequence[np.ndarray],
    ahead: np.ndarray,
    horizon: int,
    window: int,
    gap: int = 0,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """The baselines by name, [N, H] each: forecasts for the last H of the times `ahead` [N, gap + H].

    Args:
        histories: N arrays [n] of values.
        times: N arrays [n], of each value.
        ahead: the times after each history.
        horizon: H.
        window: rows that the ridge reads.
        gap: rows between the last one seen and the first one forecast.
        seed: of what is drawn.
    """
    found = {}
    for name, forecast in BASELINES.items():
        if name == "drift":
            lines = [drift_in_time(*each) for each in zip(histories, times, ahead[:, gap:], strict=True)]
            found[name] = np.stack(lines)
        elif name != "seasonal_naive":
            found[name] = forecast(histories, horizon, 1, window=window, gap=gap, seed=seed)
    return found


def drift_in_time(values: History, times: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """The straight line in time through the first and the last observed value, at the times `ahead` [H]."""
    seen = np.flatnonzero(~np.isnan(values))
    if seen.size < 2:
        return last_value(values, len(ahead))
    first, last = seen[0], seen[-1]
    share = (ahead - times[last]) / (times[last] - times[first])
    return values[last] + share * (values[last] - values[first])
