"""Windows cut from series by index: nothing is copied until a batch is asked for.

All series lie end to end in one flat array, each with room before its first and after its last value, so that a window
may reach beyond either end (masked there). A place is (series, cutoff, limit): the window reads the steps before the
cutoff, its targets begin `gap` steps after it, and targets at or beyond the limit are masked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, final

import numpy as np
import polars as pl
import torch
from torch import Tensor

from unspool.forecast.calendar import features
from unspool.forecast.coding import Beside, Coding
from unspool.forecast.moments import moments_of, typical_spread
from unspool.forecast.places import CHUNK, Places
from unspool.forecast.tables.findings import ENOUGH
from unspool.forecast.tables.panel import Panel, Role


@dataclass(frozen=True)
class Window:
    """A batch of windows, in units of their series' scale.

    Attributes:
        past: [B, L] float32, 0 where not observed.
        past_mask: [B, L] float32, 1 where observed.
        calendar: [B, L + gap + H, F] float32 features of the times read, stepped over and forecast.
        series: [B] int64, position of the series.
        future: [B, H] float32 targets, 0 where not observed.
        future_mask: [B, H] float32.
        dt: [B, L + H] float32 time since the step before, in steps of the frequency, where time is uneven; 1 where
            there is nothing before. With a gap the first step of the horizon spans it.
        known: [B, L + gap + H, ·] covariates known in the future; None where there are none.
        past_only: [B, L, ·] those known in the past only.
        static: [B, ·] those of the series itself.
        unit: [B] float32 what 1 of these numbers is in the data's unit; None where nobody asks.
        position: [B] int64, steps from the frequency's origin to the window's first: tells the phase of a season.
    """

    past: Tensor
    past_mask: Tensor
    calendar: Tensor
    series: Tensor
    future: Tensor
    future_mask: Tensor
    dt: Tensor | None = None
    known: Beside | None = None
    past_only: Beside | None = None
    static: Beside | None = None
    unit: Tensor | None = None
    position: Tensor | None = None

    def parts(self, size: int) -> Iterator["Window"]:
        """The batch in parts of `size`."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        for start in range(0, len(self.past), size):
            rows = torch.arange(start, min(start + size, len(self.past)))
            yield Window(**{name: _at(value, rows) for name, value in given.items()})


@dataclass(frozen=True)
class Scales:
    """Per series the number taken off and the number divided by, [N] float64 each: mean and deviation.

    With `log` they are of the logarithms of the values, which must be positive, and the deviation is the mean step over
    a season, as in MASE: of two series that swing alike, the one that repeats itself is to be forecast more closely.
    """

    centre: np.ndarray
    spread: np.ndarray
    log: bool = False

    @classmethod
    def of(cls, histories: Sequence[np.ndarray], others: "Scales | None" = None, few: int = 0) -> "Scales":
        """Mean and standard deviation of what was observed; `typical_spread` where that is too little, or flat.

        Args:
            histories: the values.
            others: of series that tell what is typical; by default those of the histories that tell enough.
            few: up to so many values tell only a part: the typical variance then counts as so many more of them.
        """
        centre, spread, count = moments_of(histories)
        # A constant's deviation may come out as a rounding error of its size rather than as zero.
        mute = (spread <= 1e-12 * np.maximum(1.0, np.abs(centre))) | (count < ENOUGH)
        brief = ~mute & (count <= few)
        telling = ~mute & ~brief
        if others is None:
            others = cls(centre[telling], spread[telling])
        typical = typical_spread(centre, others.centre, others.spread)
        if len(others.spread):
            blend = np.sqrt((count * spread**2 + few * typical**2) / np.maximum(count + few, 1))
            spread = np.where(brief, blend, spread)
        return cls(centre, np.where(mute, typical, spread))

    @classmethod
    def by_mean(cls, histories: Sequence[np.ndarray]) -> "Scales":
        """Zero and the mean of what was observed, 1 where that is none: for values whose zero means none."""
        means = np.array([np.nanmean(values) if not np.isnan(values).all() else 0.0 for values in histories])
        return cls(np.zeros_like(means), np.where(means > 0, means, 1.0))

    @classmethod
    def of_logarithms(
        cls, histories: Sequence[np.ndarray], season: int, others: "Scales | None" = None, few: int = 0
    ) -> "Scales":
        """Mean, and mean step over a season, of the logarithms; where no more than `few` were seen, as `of` does."""
        logarithms = [np.log(values) for values in histories]
        scales = cls.of(logarithms, others=others, few=few)
        steps, count = np.array([_seasonal_step(values, season) for values in logarithms]).T
        return cls(scales.centre, np.where((steps > 1e-12) & (count > few), steps, scales.spread), log=True)

    def at(self, series: np.ndarray) -> "Scales":
        """The scales of some of the series, by position."""
        return Scales(self.centre[series], self.spread[series], self.log)

    def undo(self, values: np.ndarray) -> np.ndarray:
        """[N, …] in the units of the data."""
        axes = (slice(None), *(None,) * (values.ndim - 1))
        found = values * self.spread[axes] + self.centre[axes]
        return np.exp(found) if self.log else found


def _seasonal_step(values: np.ndarray, season: int) -> tuple[float, int]:
    """Mean distance of values a season apart, and how many such there are; 0 where there are none."""
    steps = np.abs(values[season:] - values[:-season])
    steps = steps[~np.isnan(steps)]
    return float(steps.mean()) if len(steps) else 0.0, len(steps)


@final
class Windows:
    """Cuts windows of `lookback` + `horizon` steps from the series of a panel.

    Memory: 12 bytes per step of data, F float32 per moment of the calendar, a float64 per step where time is uneven,
    two float32 for each covariate that is a number and an int64 for each that is a category, whatever the number of
    windows.

    Args:
        panel: the series.
        scales: of the series.
        lookback, horizon, gap: steps read; steps forecast; steps between the two.
        calendar: names of calendar features.
        ahead: [N, gap + H] the times after each series' end; by default steps of the frequency.
        coding: of the panel's covariates.
    """

    def __init__(
        self,
        panel: Panel,
        scales: Scales,
        lookback: int,
        horizon: int,
        gap: int = 0,
        calendar: tuple[str, ...] = (),
        ahead: np.ndarray | None = None,
        coding: Coding | None = None,
    ) -> None:
        self.lookback, self.horizon, self.gap = lookback, horizon, gap
        beyond = gap + horizon
        self.lengths = np.array([len(s.values) for s in panel.series], dtype=np.int64)
        starts = (self.lengths + lookback + beyond).cumsum() - self.lengths - beyond
        self._size = int(starts[-1] + self.lengths[-1] + beyond)
        at = spans(starts, self.lengths)
        scaled = np.concatenate([s.values for s in panel.series])
        scaled = np.log(scaled) if scales.log else scaled
        scaled -= np.repeat(scales.centre[: len(starts)], self.lengths)
        scaled /= np.repeat(scales.spread[: len(starts)], self.lengths)
        seen = ~np.isnan(scaled)
        self._values = torch.zeros(self._size)
        self._values.numpy()[at] = np.where(seen, scaled, 0.0)
        self._mask = torch.zeros(self._size)
        self._mask.numpy()[at] = seen
        self._whole = bool(seen.all())
        times = np.concatenate([s.times for s in panel.series])
        if ahead is None:
            ahead = panel.frequency.after(np.array([s.times[-1] for s in panel.series]), beyond)
        ahead = ahead.astype(times.dtype, copy=False)
        moments = np.unique(np.concatenate([pl.Series(part).unique().to_numpy() for part in (times, ahead.ravel())]))
        self._waves = torch.from_numpy(np.pad(features(panel.frequency, calendar, moments), ((0, 1), (0, 0))))
        self._moment = torch.full((self._size,), len(moments), dtype=torch.int32)  # the room has the row of zeros
        self._moment.numpy()[at] = np.searchsorted(moments, times)
        after = (starts + self.lengths)[:, None] + np.arange(beyond)
        self._moment.numpy()[after] = np.searchsorted(moments, ahead)
        self._elapsed = _elapsed(panel, lookback, ahead) if panel.frequency.uneven else None
        self._starts = torch.from_numpy(starts)
        self._unit = torch.from_numpy(scales.spread.astype(np.float32))
        begin = panel.frequency.index(np.array([s.times[0] for s in panel.series]))
        self._origins = torch.from_numpy(begin // panel.frequency.stride)
        coding = coding or Coding()
        if coding.columns:
            coding.check(panel)
        self._known = self._beside("known", panel, coding)
        self._past_only = self._beside("past", panel, coding)
        static = np.array([s.static for s in panel.series]) if coding.of_role("static") else None
        self._static = None if static is None else coding.encode("static", panel, static)

    def places(self, first: np.ndarray, last: np.ndarray, *, whole: bool = False, shortest: int = 1) -> Tensor:
        """[M, 3] places of the windows with targets in `first[i]` … `last[i]` − 1.

        Args:
            first: [N] position in each series before which no target is used.
            last: [N] position from which on none is used.
            whole: only windows whose last target lies before `last` (otherwise at least the first one does).
            shortest: steps that must lie before a cutoff.

        Windows without any observed past or target are left out.
        """
        return self.enumerate(first, last, whole=whole, shortest=shortest).all()

    def enumerate(self, first: np.ndarray, last: np.ndarray, *, whole: bool = False, shortest: int = 1) -> Places:
        """The same without a table of them."""
        high = last - self.gap - (self.horizon if whole else 1)
        places = Places(np.maximum(first - self.gap, shortest), high, last)
        if not self._whole:
            total = torch.cat([torch.zeros(1, dtype=torch.float64), self._mask.double().cumsum(0)])
            numbers = torch.arange(len(places)).split(CHUNK)
            places.leave_out(torch.cat([part[~self._observed(places[part], total)] for part in numbers]))
        return places

    def cut(self, places: Tensor) -> Window:
        """The windows at `places` [B, 3]."""
        series, cutoff, limit = places.unbind(1)
        at = (self._starts[series] + cutoff)[:, None]
        past = at + torch.arange(-self.lookback, 0)
        ahead = self.gap + torch.arange(self.horizon)
        future = at + ahead
        open_ = (cutoff[:, None] + ahead < limit[:, None]).float()
        future_mask = self._mask[future] * open_
        whole = at + torch.arange(-self.lookback, self.gap + self.horizon)
        return Window(
            past=self._values[past],
            past_mask=self._mask[past],
            calendar=self._waves[self._moment[whole]],
            series=series,
            future=self._values[future] * future_mask,
            future_mask=future_mask,
            dt=None
            if self._elapsed is None
            else self._elapsed[torch.cat([at - self.lookback - 1, past, future], 1)].diff(dim=1).float(),
            known=self._known and self._known.at(whole),
            past_only=self._past_only and self._past_only.at(past),
            static=self._static and self._static.at(series),
            unit=self._unit[series],
            position=self._origins[series] + cutoff - self.lookback,
        )

    def ends(self) -> Tensor:
        """[N, 3] places whose cutoff is each series' end: where the forecast is made."""
        lengths = torch.from_numpy(self.lengths)
        return torch.stack([torch.arange(len(lengths)), lengths, lengths], 1)

    def _beside(self, role: Role, panel: Panel, coding: Coding) -> Beside | None:
        """Covariates laid as the values are, missing before and after each series; None where there are none."""
        if not coding.of_role(role):
            return None
        columns = len(panel.of_role(role))
        laid = np.full((self._size, columns), np.nan)
        for series, start in zip(panel.series, self._starts.tolist(), strict=True):
            values = series.known if role == "known" else series.past
            assert values is not None
            values = values[: len(series.values) + self.gap + self.horizon]
            laid[start : start + len(values)] = values
        return coding.encode(role, panel, laid)

    def _observed(self, places: Tensor, total: Tensor) -> Tensor:
        """[M] bool: some past and some target were observed. Counted from running sums, without cutting windows."""
        series, cutoff, limit = places.unbind(1)
        start = self._starts[series]
        at = start + cutoff
        past = total[at] - total[at - self.lookback]
        first = at + self.gap
        last = torch.minimum(first + self.horizon, start + limit)
        return (past > 0) & (total[torch.maximum(last, first)] - total[first] > 0)


def _at(value: Any, rows: Tensor) -> Any:
    """The rows of a field of `Window`."""
    return value.at(rows) if isinstance(value, Beside) else None if value is None else value[rows]


def spans(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """`starts[i]` … `starts[i] + lengths[i]` − 1, one after the other."""
    return np.repeat(starts - lengths.cumsum() + lengths, lengths) + np.arange(lengths.sum())


def _elapsed(panel: Panel, lookback: int, ahead: np.ndarray) -> Tensor:
    """The time since each series' room began, in steps; float64."""
    found = []
    for series, following in zip(panel.series, ahead, strict=True):
        steps = panel.frequency.steps_between(np.concatenate([series.times, following]))
        found.append(np.concatenate([np.ones(lookback + 1), steps]).cumsum())
    return torch.from_numpy(np.concatenate(found))


def observed(window: Window) -> np.ndarray:
    """[B, H] float64 targets, NaN where not observed."""
    return np.where(window.future_mask.numpy() > 0, window.future.double().numpy(), np.nan)
