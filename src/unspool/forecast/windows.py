"""Windows cut from series by index: nothing is copied until a batch is asked for.

All series lie end to end in one flat array, each with room before its first and after its last value, so that a window
may reach beyond either end (masked there). A place is (series, cutoff, limit): the window reads the steps before the
cutoff, its targets begin `gap` steps after it, and targets at or beyond the limit are masked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from unspool.forecast.calendar import features
from unspool.forecast.coding import Beside, Coding
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


@dataclass(frozen=True)
class Scales:
    """Per series the number taken off and the number divided by, [N] float64 each: mean and deviation."""

    centre: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, histories: Sequence[np.ndarray]) -> "Scales":
        """Mean and standard deviation of what was observed; spread 1 where nothing varies."""
        seen = [values[~np.isnan(values)] for values in histories]
        centre = np.array([s.mean() if len(s) else 0.0 for s in seen])
        spread = np.array([s.std() if len(s) else 0.0 for s in seen])
        # A constant's deviation may come out as a rounding error of its size rather than as zero.
        flat = spread <= 1e-12 * np.maximum(1.0, np.abs(centre))
        return cls(centre, np.where(flat, 1.0, spread))

    @classmethod
    def by_mean(cls, histories: Sequence[np.ndarray]) -> "Scales":
        """Zero and the mean of what was observed, 1 where that is none: for values whose zero means none."""
        means = np.array([np.nanmean(values) if not np.isnan(values).all() else 0.0 for values in histories])
        return cls(np.zeros_like(means), np.where(means > 0, means, 1.0))


@final
class Windows:
    """Cuts windows of `lookback` + `horizon` steps from the series of a panel.

    Memory: (2 + F) float32 per step of data, a float64 where time is uneven, two float32 for each covariate that is a
    number and an int64 for each that is a category, whatever the number of windows.

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
        values, mask, waves, elapsed, starts, at = [], [], [], [], [], 0
        for i, series in enumerate(panel.series):
            scaled = (series.values - scales.centre[i]) / scales.spread[i]
            seen = ~np.isnan(scaled)
            values.append(np.pad(np.where(seen, scaled, 0.0), (lookback, beyond)))
            mask.append(np.pad(seen, (lookback, beyond)))
            following = panel.frequency.after(series.times[-1], beyond) if ahead is None else ahead[i]
            times = np.concatenate([series.times, following])
            waves.append(np.pad(features(panel.frequency, calendar, times), ((lookback, 0), (0, 0))))
            if panel.frequency.uneven:
                elapsed.append(np.concatenate([np.ones(lookback + 1), panel.frequency.steps_between(times)]).cumsum())
            starts.append(at + lookback)
            at += lookback + len(scaled) + beyond
        self._values = torch.from_numpy(np.concatenate(values).astype(np.float32))
        self._mask = torch.from_numpy(np.concatenate(mask).astype(np.float32))
        self._calendar = torch.from_numpy(np.concatenate(waves).astype(np.float32))
        self._elapsed = torch.from_numpy(np.concatenate(elapsed)) if elapsed else None
        self._starts = torch.tensor(starts)
        self._unit = torch.from_numpy(scales.spread.astype(np.float32))
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
        found = []
        for i in range(len(self.lengths)):
            low = max(int(first[i]) - self.gap, shortest)
            high = int(last[i]) - self.gap - (self.horizon if whole else 1)
            if high < low:
                continue
            cutoffs = torch.arange(low, high + 1)
            found.append(torch.stack([torch.full_like(cutoffs, i), cutoffs, torch.full_like(cutoffs, int(last[i]))], 1))
        if not found:
            return torch.zeros((0, 3), dtype=torch.int64)
        places = torch.cat(found)
        return places[self._observed(places)]

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
            calendar=self._calendar[whole],
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
        )

    def ends(self) -> Tensor:
        """[N, 3] places whose cutoff is each series' end: where the forecast is made."""
        lengths = torch.from_numpy(self.lengths)
        return torch.stack([torch.arange(len(lengths)), lengths, lengths], 1)

    def _beside(self, role: Role, panel: Panel, coding: Coding) -> Beside | None:
        """Covariates laid as the values are, missing before and after each series; None where there are none."""
        if not coding.of_role(role):
            return None
        parts = []
        for series in panel.series:
            values = series.known if role == "known" else series.past
            assert values is not None
            size = len(series.values) + self.gap + self.horizon
            values = values[:size]
            room = ((self.lookback, size - len(values)), (0, 0))
            parts.append(np.pad(values, room, constant_values=np.nan))
        return coding.encode(role, panel, np.concatenate(parts))

    def _observed(self, places: Tensor) -> Tensor:
        """[M] bool: some past and some target were observed. Counted from running sums, without cutting windows."""
        total = torch.cat([torch.zeros(1, dtype=torch.float64), self._mask.double().cumsum(0)])
        series, cutoff, limit = places.unbind(1)
        start = self._starts[series]
        at = start + cutoff
        past = total[at] - total[at - self.lookback]
        first = at + self.gap
        last = torch.minimum(first + self.horizon, start + limit)
        return (past > 0) & (total[torch.maximum(last, first)] - total[first] > 0)
