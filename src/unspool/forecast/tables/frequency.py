"""A regular grid in time: every 15 minutes, each Saturday, month ends, business days, whole numbers, decimal years.

Every time on the grid has an index, an integer count of units; stepping is adding to the index. So stepping twice
is stepping once by the sum, exactly: month ends stay month ends, and decimal years collect no rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unspool.forecast.record import from_record, to_record
from unspool.forecast.tables.every import DAY, HOUR, MINUTE, SECOND, describe, noun, spell, usual_season
from unspool.forecast.tables.zones import to_local, to_utc

MONTH_END = 31
"""`Frequency.day` of a grid of month ends: every month's day 31, or its last."""

_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass(frozen=True)
class Frequency:
    """The step from one time to the next, and what is usual for data with that step.

    Build one with `fixed`, `days`, `business_days`, `months`, `integers`, `decimals` or `uneven`.

    Attributes:
        every: the step as text: "15m", "1d", "1bd", "1w", "1mo", "1q", "1y"; "1" for integers, "0.0833" for decimals.
        name: the step in English.
        season_length: steps in a season.
        unit: what is counted: "microsecond", "day", "business day", "month", "integer" or "decimal".
        step: how many units.
        day: months only: the day of the month; a month without it has its last day instead.
        zone: the zone whose wall clock days and months follow; None where times have no zone.
        clock: zoned days and months only: microseconds from local midnight.
        phase: decimals only: the time with index 0.
        per_year: decimals only: steps per year; 0 where the decimals are not years.
        uneven: the times of the data lie on no grid; the step is the unit in which the time between them is counted.
    """

    every: str
    name: str
    season_length: int
    unit: str
    step: int | float
    day: int = 1
    zone: str | None = None
    clock: int = 0
    phase: float = 0.0
    per_year: int = 0
    uneven: bool = False

    @property
    def noun(self) -> str:
        """One step in the singular: "week", "month", "step"."""
        if self.uneven:
            return "step"
        return {12: "month", 4: "quarter", 1: "year"}.get(self.per_year) or noun(self.unit, self.step)

    def after(self, last: Any, steps: int) -> np.ndarray:
        """The `steps` times after `last`: [steps]; for an array `last` [N]: [N, steps]."""
        last = self._typed(last)
        if self.uneven and self.unit == "decimal":
            return last[..., None] + np.arange(1, steps + 1) * self.step
        ahead = np.arange(1, steps + 1) * self.stride
        return self._at(self.index(last)[..., None] + ahead, self._clock(last)[..., None])

    def grid(self, first: Any, last: Any) -> np.ndarray:
        """All times from `first` to `last`, both included where `last` is on the grid."""
        first = self._typed(first)
        index = np.arange(int(self.index(first)), int(self.index(self._typed(last))) + 1, self.stride)
        return self._at(index, self._clock(first))

    def index(self, times: np.ndarray) -> np.ndarray:
        """The times as int64 counts of units since the epoch; neighbours on the grid differ by `stride`."""
        if self.unit == "integer":
            return np.asarray(times, np.int64)
        if self.unit == "decimal":
            return np.rint((times - self.phase) / self.step).astype(np.int64)
        if self.unit == "microsecond":
            return times.astype(np.int64)
        dates = to_local(times, self.zone).astype("datetime64[D]")
        if self.unit == "day":
            return dates.astype(np.int64)
        if self.unit == "month":
            return dates.astype("datetime64[M]").astype(np.int64)
        return np.asarray(np.busday_count(_EPOCH, dates), np.int64)

    @property
    def stride(self) -> int:
        """By how much the index grows in one step."""
        return 1 if self.unit == "decimal" else int(self.step)

    def at(self, index: np.ndarray, like: np.ndarray) -> np.ndarray:
        """The times with these indices, at the time of day of `like` (of the same shape, or one)."""
        return self._at(index, self._clock(self._typed(like)))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of what `features` computes."""
        return tuple(f"{name}_{wave}" for name in self._cycles() for wave in ("sin", "cos"))

    def features(self, times: np.ndarray) -> np.ndarray:
        """Sine and cosine of every calendar cycle that varies at this frequency: [n] times → [n, F] float32.

        Zoned times are taken by their wall clock. F is 0 for integers, yearly data and decimals that are not years.
        """
        times = self._typed(times)
        if not self._cycles():
            return np.zeros((*times.shape, 0), np.float32)
        local = times if self.unit == "decimal" else to_local(times, self.zone)
        angles = [2 * np.pi * _FRACTIONS[name](local) for name in self._cycles()]
        return np.stack([wave(angle) for angle in angles for wave in (np.sin, np.cos)], axis=-1).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for `json.dumps`; `uneven` only where it is so."""
        return {name: value for name, value in to_record(self).items() if name != "uneven" or value}

    def steps_between(self, times: np.ndarray) -> np.ndarray:
        """[n] times → [n − 1] float64, the time between neighbours in steps, for steps of a fixed length."""
        return np.diff(times).astype(np.float64) / self.step

    @classmethod
    def from_json(cls, data: Any) -> "Frequency":
        """The frequency that `to_json` wrote; `ModelError` where it was damaged."""
        return from_record(cls, data, "frequency")

    def _typed(self, times: Any) -> np.ndarray:
        kinds = {"integer": "int64", "decimal": "float64"}
        return np.asarray(times, kinds.get(self.unit, "datetime64[us]"))

    def _clock(self, times: np.ndarray) -> np.ndarray:
        if self.unit in ("integer", "decimal", "microsecond"):
            return np.zeros(times.shape, "timedelta64[us]")
        if self.zone is not None:
            # not from `times`: clocks that were put forward at midnight would stay at one o'clock for ever
            return np.full(times.shape, np.timedelta64(self.clock, "us"))
        return times - times.astype("datetime64[D]")

    def _at(self, index: np.ndarray, clock: np.ndarray) -> np.ndarray:
        if self.unit == "integer":
            return index
        if self.unit == "decimal":
            return self.phase + _multiple(index, float(self.step))
        if self.unit == "microsecond":
            return index.astype("datetime64[us]")
        if self.unit == "day":
            dates = index.astype("datetime64[D]")
        elif self.unit == "month":
            dates = month_dates(index.astype("datetime64[M]"), self.day)
        else:
            dates = np.asarray(np.busday_offset(_EPOCH, index, roll="forward"))
        return to_utc(dates.astype("datetime64[us]") + clock, self.zone)

    def _cycles(self) -> tuple[str, ...]:
        if self.unit == "microsecond":
            return ("hour_of_day", "day_of_week", "day_of_year") if self.step < DAY else ("day_of_week", "day_of_year")
        if self.unit in ("day", "business day"):
            return ("day_of_year",) if self.unit == "day" and self.step % 7 == 0 else ("day_of_week", "day_of_year")
        if self.unit == "month":
            return ("month_of_year",) if self.step % 12 else ()
        return ("part_of_year",) if self.per_year > 1 else ()


def fixed(step: int, zone: str | None = None) -> Frequency:
    """A step of so many microseconds, counted in UTC."""
    return _build("microsecond", step, zone=zone)


def days(step: int, zone: str | None = None, clock: int = 0, weekday: int | None = None) -> Frequency:
    """A step of whole days; `weekday` (0 = Monday) names the day that weekly data fall on."""
    frequency = _build("day", step, zone=zone, clock=clock)
    if weekday is None or step % 7:
        return frequency
    return _renamed(frequency, f"{frequency.name} ({_WEEKDAYS[weekday]})")


def business_days(step: int = 1, zone: str | None = None, clock: int = 0) -> Frequency:
    """A step of days from Monday to Friday; public holidays count as days."""
    return _build("business day", step, zone=zone, clock=clock)


def months(step: int, day: int = 1, zone: str | None = None, clock: int = 0) -> Frequency:
    """A step of calendar months, on one day of the month or its last (`MONTH_END`)."""
    frequency = _build("month", step, day=day, zone=zone, clock=clock)
    if day == 1:
        return frequency
    return _renamed(frequency, f"{frequency.name} ({'month ends' if day == MONTH_END else f'day {day}'})")


def integers(step: int = 1) -> Frequency:
    """A step of whole numbers."""
    return _build("integer", step)


def decimals(step: float, phase: float = 0.0, per_year: int = 0) -> Frequency:
    """A step of real numbers; of 1/per_year years where that is given."""
    if not per_year:
        return _build("decimal", float(step), phase=float(phase))
    names = {1: "yearly", 2: "half-yearly", 4: "quarterly", 12: "monthly"}
    name = names.get(per_year, f"{per_year} a year") + " (decimal years)"
    step = 1 / per_year
    return Frequency(spell("decimal", step), name, per_year, "decimal", step, phase=float(phase), per_year=per_year)


def uneven(unit: str, step: int | float, zone: str | None = None, *, given: bool = False) -> Frequency:
    """Times on no grid, whose distances are counted in steps of `step` microseconds, integers or decimals.

    Args:
        unit: what is counted.
        step: how many of it are a step.
        zone: the zone whose wall clock the calendar follows.
        given: a person chose the step; otherwise it is the typical gap between two rows.
    """
    length = _length(unit, step)
    name = f"uneven (in steps of {length})" if given else f"uneven (typical gap {length})"
    return Frequency(spell(unit, step), name, 1, unit, step, zone=zone, uneven=True)


def month_dates(month: np.ndarray, day: int) -> np.ndarray:
    """That day of each month (datetime64[M] → datetime64[D]), or the last day of a month that is shorter."""
    ends = (month + 1).astype("datetime64[D]") - 1
    return np.minimum(month.astype("datetime64[D]") + (day - 1), ends)


_EPOCH = np.datetime64("1970-01-01", "D")


def _build(unit: str, step: int | float, **rest: Any) -> Frequency:
    return Frequency(spell(unit, step), describe(unit, step), usual_season(unit, step), unit, step, **rest)


def _length(unit: str, step: int | float) -> str:
    """How long a step is: "36.9 minutes", "1 day", "2.5" for numbers."""
    if unit != "microsecond":
        return f"{step:.6g}"
    sizes = {"day": DAY, "hour": HOUR, "minute": MINUTE, "second": SECOND, "millisecond": 1000}
    word, size = next(((w, s) for w, s in sizes.items() if step >= s), ("microsecond", 1))
    count = f"{step / size:.4g}"
    return f"{count} {word}{'' if count == '1' else 's'}"


def _renamed(frequency: Frequency, name: str) -> Frequency:
    return Frequency(**{**to_record(frequency), "name": name})


def _multiple(index: np.ndarray, step: float) -> np.ndarray:
    # 1/12 has no exact float, 12 has: dividing rounds once and lands on the year
    inverse = round(1 / step)
    return index / inverse if inverse and abs(inverse * step - 1) < 1e-12 else index * step


def _part(times: np.ndarray, unit: str) -> np.ndarray:
    start = times.astype(f"datetime64[{unit}]")
    length = (start + 1).astype("datetime64[us]") - start.astype("datetime64[us]")
    return (times - start.astype("datetime64[us]")) / length


_FRACTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hour_of_day": lambda times: _part(times, "D"),
    # weeks of numpy begin on Thursdays, as the epoch did; only the turn of the circle depends on it
    "day_of_week": lambda times: _part(times, "W"),
    "day_of_year": lambda times: _part(times, "Y"),
    "month_of_year": lambda times: (times.astype("datetime64[M]").astype(np.int64) % 12) / 12,
    "part_of_year": lambda times: times % 1,
}
