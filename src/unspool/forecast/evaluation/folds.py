"""Where a rolling-origin backtest cuts each series: what may be learnt from, and what is held back.

    growing   train [0 ········ cutoff) gap [test_start ·· test_end)
    sliding         train [cutoff − window, cutoff) gap [test_start ·· test_end)

The newest fold's test part ends with the data, and each older fold lies `step` steps earlier (Tashman 2000,
"Out-of-sample tests of forecasting accuracy", IJF 16(4)).

Series with calendar times (dates, datetimes, decimal years) share their cutoffs: every cutoff is one moment, counted
back from the latest time in the panel, so that a model of all series sees nothing of any series later than that
moment. Series numbered by integers or other decimals have no common clock: each is counted back from its own end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unspool.errors import DataError, SettingError
from unspool.forecast.tables.panel import Panel


@dataclass(frozen=True, eq=False)
class FoldPlan:
    """One cutoff, as positions in each series' values; all are 0 for a series that is not in this fold.

    Attributes:
        number: 1 for the oldest cutoff.
        cutoff: text of the last time before the cutoff, or the steps it lies before the end where series differ.
        train_start: [N] first position to learn from.
        train_end: [N] the cutoff: the position after the last one to learn from. Fits `Panel.before`.
        test_start: [N] cutoff + gap.
        test_end: [N] test_start + horizon; may lie past the end of a series that stops early (see `held_back`).
    """

    number: int
    cutoff: str
    train_start: np.ndarray
    train_end: np.ndarray
    test_start: np.ndarray
    test_end: np.ndarray

    @property
    def series(self) -> np.ndarray:
        """[K] positions, in the panel, of the series that are in this fold."""
        return np.flatnonzero(self.train_end)


def cutoffs(
    data: Panel | Sequence[int],
    horizon: int,
    folds: int,
    step: int | None = None,
    gap: int = 0,
    window: int | None = None,
    minimum: int = 2,
) -> list[FoldPlan]:
    """Plan the folds of a backtest, oldest first.

    A series is in a fold if it has `minimum` points before the cutoff, an observed value among those to learn from, and
    one in the test part (of bare lengths, all values count as observed). Every fold has at least one series.

    Args:
        data: a panel, or the lengths of series, each counted back from its own end.
        horizon: steps in each test part.
        folds: how many cutoffs.
        step: distance between cutoffs; the horizon by default, so that test parts do not overlap.
        gap: steps between the cutoff and the first one tested, neither learnt from nor tested.
        window: how many points before the cutoff to learn from; None for all of them.
        minimum: points that a series needs before the cutoff.

    Raises:
        SettingError: an option has no meaning.
        DataError: there are too few points for so many folds.
    """
    step = horizon if step is None else step
    _check(horizon, folds, step, gap, window, minimum)
    if isinstance(data, Panel):
        panel, clock, values = data, _clock(data), [series.values for series in data.series]
    else:
        panel, clock, values = None, None, [np.zeros(length) for length in data]
    points = max((len(series) for series in values), default=0) if clock is None else len(clock)
    if points < minimum + gap + horizon + (folds - 1) * step:
        raise _too_few(points, clock is not None, horizon, folds, step, gap, minimum)

    lengths = np.array([len(series) for series in values])
    offsets = np.concatenate([[0], lengths.cumsum()])
    seen = np.concatenate([[0], (~np.isnan(np.concatenate(values))).cumsum()])

    def any_seen(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """[N] whether a value was observed in these positions."""
        low, high = (offsets[:-1] + np.clip(part, 0, lengths) for part in (start, end))
        return seen[high] > seen[low]

    plans = []
    for number in range(1, folds + 1):
        back = gap + horizon + (folds - number) * step
        ends = _ends(panel, values, clock, back)
        start = np.zeros_like(ends) if window is None else np.maximum(0, ends - window)
        test = ends + gap
        inside = (ends >= minimum) & any_seen(start, ends) & any_seen(test, test + horizon)
        places = np.where(inside, np.stack([start, ends, test, test + horizon]), 0)
        if not places.any():
            raise DataError(
                f"fold {number} of {folds}, {back} steps before the end: no series has {minimum} points before the "
                f"cutoff and an observed value in the {horizon} steps tested",
                hint="lower the number of folds, the step, the gap or the horizon, or leave out series that end early",
            )
        plans.append(FoldPlan(number, _label(panel, clock is not None, places[1], back), *places))
    return plans


def held_back(panel: Panel, plan: FoldPlan) -> np.ndarray:
    """What came in the test part of each series in the fold: [K, H], NaN where missing or past the series' end."""
    series = plan.series
    actual = np.full((len(series), int((plan.test_end - plan.test_start)[series[0]])), np.nan)
    for row, i in enumerate(series):
        came = panel.series[i].values[plan.test_start[i] : plan.test_end[i]]
        actual[row, : len(came)] = came
    return actual


def _check(horizon: int, folds: int, step: int, gap: int, window: int | None, minimum: int) -> None:
    for name, value, least in (("horizon", horizon, 1), ("folds", folds, 1), ("step", step, 1), ("gap", gap, 0)):
        if value < least:
            raise SettingError(f"{name} is {value}", hint=f"give a {name} of at least {least}")
    if minimum < 1 or (window is not None and window < minimum):
        raise SettingError(
            f"a training window of {window} points is shorter than the {minimum} needed",
            hint=f"give a window of at least {max(minimum, 1)} points",
        )


def _too_few(points: int, shared: bool, horizon: int, folds: int, step: int, gap: int, minimum: int) -> DataError:
    need = minimum + gap + horizon + (folds - 1) * step
    possible = (points - minimum - gap - horizon) // step + 1
    if possible > 0:
        hint = f"lower the number of folds to {possible} or fewer, or the horizon, the step or the gap"
    else:
        hint = f"lower the horizon to {points - minimum - gap} or less" if points > minimum + gap else "give more data"
    what = "the panel, from its first time to its last, has" if shared else "the longest series has"
    return DataError(
        f"{folds} fold{'s' * (folds > 1)} of {horizon} steps (step {step}, gap {gap}) need {need} points, with "
        f"{minimum} before the first cutoff; {what} {points}",
        hint=hint,
    )


def _clock(panel: Panel) -> np.ndarray | None:
    """Every time from the panel's first to its last; None where series are numbered and so share no clock.

    Uneven series of one panel share moments that lie as far apart as their rows do on average.
    """
    if panel.frequency.unit == "integer" or (panel.frequency.unit == "decimal" and not panel.frequency.per_year):
        return None
    if panel.frequency.uneven:
        return _moments(panel)
    first, last = min(series.times[0] for series in panel.series), max(series.times[-1] for series in panel.series)
    return panel.frequency.grid(first, last)


def _moments(panel: Panel) -> np.ndarray:
    if len(panel.series) == 1:
        return panel.series[0].times
    first, last = min(series.times[0] for series in panel.series), max(series.times[-1] for series in panel.series)
    spans = sum((series.times[-1] - series.times[0]).astype(np.int64) for series in panel.series)
    gap = max(1, round(spans / max(1, sum(len(series.times) - 1 for series in panel.series))))
    return np.arange(last.astype(np.int64), first.astype(np.int64) - 1, -gap)[::-1].astype(last.dtype)


def _ends(panel: Panel | None, values: list[np.ndarray], clock: np.ndarray | None, back: int) -> np.ndarray:
    """[N] how many points each series has up to the cutoff that lies `back` steps before the end."""
    if panel is None or clock is None:
        return np.array([len(series) - back for series in values])
    cutoff = clock[-back - 1]
    if clock.dtype.kind == "f":
        cutoff += (clock[-back] - cutoff) / 2  # 1987.5 may have been read as 1987.4999: half a step decides
    return np.array([np.searchsorted(series.times, cutoff, side="right") for series in panel.series])


def _label(panel: Panel | None, shared: bool, ends: np.ndarray, back: int) -> str:
    if panel is not None:
        last = np.unique(np.array([panel.series[i].times[ends[i] - 1] for i in np.flatnonzero(ends)]))
        if len(last) == 1 or shared:
            return panel.labels(last[-1:])[0]
    return f"{back} steps before the end"
