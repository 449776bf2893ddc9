"""The frequency that times have, from all series together.

The most common distance between neighbours is the step, if every time lies on its grid; a smaller distance is
taken instead where it is common too and everything lies on its grid. Otherwise the most common one stays, and
`off_grid` says where it breaks.
"""

import numpy as np

from unspool.forecast.tables.every import DAY
from unspool.forecast.tables.frequency import (
    MONTH_END,
    Frequency,
    business_days,
    days,
    decimals,
    fixed,
    integers,
    month_dates,
    months,
)
from unspool.forecast.tables.zones import to_local

_COMMON = 0.25
"""A distance this often as common as the most common one may be the step; rarer ones are slips."""

_CALENDAR_NOISE = 0.2
"""How far, in steps, decimal years may lie from their grid: 1959.08 for 1959 + 1/12, mid-months by the day."""

_PER_YEAR = (1, 2, 4, 6, 12, 24)
"""Steps per year that decimal years are taken to have."""

_DECIMAL_NOISE = 0.02
"""How far, in steps, other decimals may lie from their grid."""


def infer(times: np.ndarray, starts: np.ndarray, zone: str | None) -> Frequency | None:
    """The frequency of ascending times; None where no series has two.

    Args:
        times: [n] times of all series, one series after the other.
        starts: [N] index of each series' first time.
        zone: the zone whose wall clock days and months follow.
    """
    inside = within(len(times), starts)
    if not inside.any():
        return None
    if times.dtype.kind == "i":
        return integers(_step(np.diff(times)[inside]))
    if times.dtype.kind == "f":
        return _infer_decimals(times, starts, inside)
    local = to_local(times, zone)
    apart = np.diff(local).astype(np.int64)[inside]
    if (apart % DAY == 0).mean() < 0.5:
        return fixed(_step(np.diff(times).astype(np.int64)[inside]), zone)
    return _infer_dates(local, inside, zone)


def within(count: int, starts: np.ndarray) -> np.ndarray:
    """[count - 1] whether two neighbouring rows belong to one series."""
    same = np.ones(max(count - 1, 0), bool)
    same[starts[starts > 0] - 1] = False
    return same


def fit(unit: str, step: int | float, times: np.ndarray, zone: str | None) -> Frequency | None:
    """The frequency with a given step, its day, weekday or phase taken from the times; None where they do not fit."""
    kind = {"i": "integer", "f": "decimal"}.get(times.dtype.kind, "datetime")
    if kind == "integer":
        return integers(int(step)) if unit == "integer" else None
    if kind == "decimal":
        if unit == "month" and 12 % int(step) == 0:
            return _phased(times, int(step) / 12, 12 // int(step))
        if unit not in ("decimal", "integer"):
            return None
        # "0.0833" is how a twelfth is spelled
        per_year = next((p for p in _PER_YEAR if _are_years(times) and abs(step * p - 1) < 0.01), 0)
        return _phased(times, 1 / per_year if per_year else float(step), per_year)
    if unit == "microsecond":
        return fixed(int(step), zone)
    return _dated(unit, int(step), to_local(times, zone), zone) if unit not in ("integer", "decimal") else None


def month_steps(local: np.ndarray) -> np.ndarray:
    """[n - 1] months between neighbours on the same day of the month (or its end) and time of day; 0 elsewhere."""
    dates = local.astype("datetime64[D]")
    month = dates.astype("datetime64[M]")
    day = (dates - month.astype("datetime64[D]")).astype(np.int64)
    end = dates == month_dates(month, MONTH_END)
    clock = local - dates
    alike = (day[1:] == day[:-1]) | (end[1:] & (day[1:] < day[:-1])) | (end[:-1] & (day[:-1] < day[1:]))
    alike |= end[1:] & end[:-1]
    apart = np.diff(month).astype(np.int64)
    return np.where(alike & (clock[1:] == clock[:-1]), apart, 0)


def _step(apart: np.ndarray) -> int:
    """The most common distance on whose grid everything lies, or else the most common one."""
    values, counts = np.unique(apart[apart > 0], return_counts=True)
    order = np.lexsort((values, -counts))
    for k in order:
        if counts[k] < _COMMON * counts[order[0]]:
            break
        if not (apart % values[k]).any():
            return int(values[k])
    return int(values[order[0]])


def _infer_dates(local: np.ndarray, inside: np.ndarray, zone: str | None) -> Frequency:
    monthly = month_steps(local)[inside]
    daily = np.diff(local.astype("datetime64[D]")).astype(np.int64)[inside]
    if _most(monthly[monthly > 0]) >= _most(daily[daily > 0]):
        return _dated("month", _step(monthly[monthly > 0]), local, zone)
    step = _step(daily)
    weekday = (local.astype("datetime64[D]").astype(np.int64) + 3) % 7
    weekends_skipped = int(((daily == 3) & (weekday[:-1][inside] == 4)).sum())
    if step == 1 and weekends_skipped >= 2 and not (weekday >= 5).any():
        return _dated("business day", 1, local, zone)
    return _dated("day", step, local, zone)


def _most(values: np.ndarray) -> int:
    return int(np.unique(values, return_counts=True)[1].max(initial=0))


def _dated(unit: str, step: int, local: np.ndarray, zone: str | None) -> Frequency:
    dates = local.astype("datetime64[D]")
    clocks, counts = np.unique((local - dates).astype(np.int64), return_counts=True)
    clock = int(clocks[counts.argmax()]) if zone is not None else 0
    if unit == "business day":
        return business_days(step, zone, clock)
    if unit == "day":
        weekdays = np.unique((dates.astype(np.int64) + 3) % 7)
        return days(step, zone, clock, int(weekdays[0]) if len(weekdays) == 1 else None)
    month = dates.astype("datetime64[M]")
    day = (dates - month.astype("datetime64[D]")).astype(np.int64) + 1
    ends = int((dates == month_dates(month, MONTH_END)).sum())
    best, agree = MONTH_END, ends
    for candidate in np.unique(day):
        hits = int((dates == month_dates(month, int(candidate))).sum())
        if hits > agree:
            best, agree = int(candidate), hits
    return months(step, best, zone, clock)


def _infer_decimals(times: np.ndarray, starts: np.ndarray, inside: np.ndarray) -> Frequency:
    apart = np.diff(times)[inside]
    ends = np.append(starts[1:], len(times))
    longest = int((ends - starts).argmax())
    plain = _phased(times, _decimal_step(times[starts[longest] : ends[longest]], float(np.median(apart))), 0)
    if not _are_years(times):
        return plain
    shares = {p: float((np.abs(apart * p - 1) < _CALENDAR_NOISE).mean()) for p in _PER_YEAR}
    per_year = max(shares, key=lambda p: shares[p])
    calendar = _phased(times, 1 / per_year, per_year)
    common = shares[per_year] >= _COMMON
    return calendar if common and (_fits(calendar, times) or not _fits(plain, times)) else plain


def _fits(frequency: Frequency, times: np.ndarray) -> bool:
    exact = frequency.at(frequency.index(times), times)
    return bool((np.abs(exact - times) <= noise(frequency) * frequency.step).all())


def _are_years(times: np.ndarray) -> bool:
    return bool(times.min() >= 1500 and times.max() <= 2500)


def _decimal_step(times: np.ndarray, step: float) -> float:
    """The step refined over ever longer stretches, so that the rounding of one distance does not add up."""
    count = 4
    while True:
        part = times[:count] - times[0]
        index = np.rint(part / step)
        if index.any():
            step = float((index @ part) / (index @ index))
        if count >= len(times):
            break
        count *= 2
    inverse = round(1 / step)
    if inverse and abs(inverse * step - 1) < 1e-6:
        return 1 / inverse
    return float(f"{step:.12g}")


def _phased(times: np.ndarray, step: float, per_year: int) -> Frequency:
    """Decimals whose phase is the middle of what the times show, or a round part of a step close to it."""
    turns = np.exp(2j * np.pi * (times / step % 1))
    phase = float(np.angle(turns.mean()) / (2 * np.pi)) % 1
    near = [round_ for round_ in (0.0, 0.5, 1.0) if abs(phase - round_) < 0.05]
    phase = near[0] % 1 if per_year and near else 0.0 if min(phase, 1 - phase) < 1e-6 else phase
    return decimals(step, phase * step, per_year)


def noise(frequency: Frequency) -> float:
    """How far from the grid, in steps, a time may lie."""
    if frequency.unit != "decimal":
        return 0.0
    return _CALENDAR_NOISE if frequency.per_year else _DECIMAL_NOISE
