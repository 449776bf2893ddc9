"""Text of dates and datetimes, in the spellings real tables have, to times.

The spelling is taken from the look of a few values, then the whole column is parsed at once. Where day and month
could be either way round, both readings come back and the caller decides by the whole column.
"""

import re
from dataclasses import dataclass

import numpy as np
import polars as pl

from unspool.forecast.tables.every import DAY
from unspool.forecast.tables.times import ISO_DATE, TimeStyle


@dataclass(frozen=True)
class Reading:
    """One way to read a column of times.

    Attributes:
        times: [n] datetime64[us] (UTC where zoned), NaT where a value cannot be read this way.
        style: how the column spells its times.
        order: "day first" or "month first" where that was a question, else "".
    """

    times: np.ndarray
    style: TimeStyle
    order: str = ""

    @property
    def unread(self) -> int:
        """How many values cannot be read this way."""
        return int(np.isnat(self.times).sum())


# what the date looks like → its pattern; "{}" is the separator found
_DATES = [
    (r"\d{4}([-/.])\d{1,2}\1\d{1,2}", ["%Y{}%m{}%d"]),
    (r"\d{4}([-/M])\d{1,2}", ["%Y{}%m"]),
    (r"\d{8}()", ["%Y%m%d"]),
    (r"\d{6}()", ["%Y%m"]),
    (r"\d{4}(-?)Q[1-4]", ["%Y{}Q%q"]),
    (r"\d{1,2}(\.)\d{1,2}\1\d{4}", ["%d{}%m{}%Y"]),
    (r"\d{1,2}(\.)\d{1,2}\1\d{2}", ["%d{}%m{}%y"]),
    (r"\d{1,2}([-/])\d{1,2}\1\d{4}", ["%d{}%m{}%Y", "%m{}%d{}%Y"]),
    (r"\d{1,2}([-/])\d{1,2}\1\d{2}", ["%d{}%m{}%y", "%m{}%d{}%y"]),
    (r"\d{1,2}([- ])[A-Za-z]{3,9}\1\d{4}", ["%d{}%b{}%Y", "%d{}%B{}%Y"]),
    (r"[A-Za-z]{3,9}( )\d{1,2}, \d{4}", ["%b{}%d,{}%Y", "%B{}%d,{}%Y"]),
    (r"[A-Za-z]{3,9}([- ])\d{4}", ["%b{}%Y", "%B{}%Y"]),
    (r"\d{4}([- ])[A-Za-z]{3,9}", ["%Y{}%b", "%Y{}%B"]),
]
_CLOCK = re.compile(r"([T ]+)\d{1,2}:\d{2}(:\d{2})?(\.\d+)?( ?[AaPp][Mm])?")
_ZONE = re.compile(r" ?(Z|UTC|GMT|[+-]\d{2}(?P<colon>:?)\d{2}|[+-]\d{2})")


def read_time_text(text: pl.Series) -> list[Reading]:
    """All ways to read the column, those with fewest unread values first; [] where no value looks like a time.

    Args:
        text: strings without nulls or outer spaces.
    """
    # month written "1949-01" at midnight of R ≥ 4.3 and the like: the longest value shows the most parts
    samples = [text[0], text[len(text) // 2], text[-1], text[int(text.str.len_chars().arg_max() or 0)]]
    patterns = dict.fromkeys(pattern for sample in samples for pattern in _patterns(sample))
    readings = [_read(text, pattern) for pattern in patterns]
    fewest = min((reading.unread for reading in readings), default=0)
    if fewest == len(text):
        return []
    # two spellings that read the same times (%b and %B in May) are one reading
    best = [reading for reading in readings if reading.unread == fewest]
    return [one for k, one in enumerate(best) if not any(_same(one, other) for other in best[:k])]


def _same(one: Reading, other: Reading) -> bool:
    return np.array_equal(one.times, other.times, equal_nan=True)


def _patterns(sample: str) -> list[str]:
    for look, patterns in _DATES:
        match = re.match(look, sample)
        if match is None:
            continue
        rest = _rest(sample[match.end() :])
        if rest is not None:
            return [pattern.replace("{}", match[1]) + rest for pattern in patterns]
    return []


def _rest(text: str) -> str | None:
    """The pattern of what follows the date; None where it is not a time of day."""
    if not text:
        return ""
    clock = _CLOCK.match(text)
    if clock is None:
        return None
    gap, seconds, fraction, noon = clock.groups()
    pattern = gap + ("%I" if noon else "%H") + ":%M" + (":%S" if seconds else "")
    if fraction:
        pattern += {4: "%.3f", 7: "%.6f"}.get(len(fraction), "%.f")
    if noon:
        pattern += noon[:-2] + "%p"
    tail = text[clock.end() :]
    if not tail:
        return pattern
    zone = _ZONE.fullmatch(tail)
    if zone is None:
        return None
    if zone[1] in ("Z", "UTC", "GMT"):
        return pattern + tail
    return pattern + tail[: -len(zone[1])] + ("%z" if zone["colon"] == "" and len(zone[1]) > 3 else "%:z")


def _read(text: pl.Series, pattern: str) -> Reading:
    order = {"d": "day first", "m": "month first"}.get(pattern[1], "") if re.match(r"%[dm][-/]%[dm]", pattern) else ""
    if not pattern.endswith("z"):
        zone = "UTC" if pattern.endswith(("Z", "UTC", "GMT")) else None
        return Reading(_parse(text, pattern, zoned=False), _style(text, pattern, zone), order)
    times = _parse(text, pattern, zoned=True)
    offsets = _offsets(text)
    seen = np.unique(offsets[~np.isnat(offsets)])
    if len(seen) > 1 and _one_clock(times + offsets):
        # local midnights on both sides of a change of clocks: days are meant, not steps of 23 and 25 hours
        return Reading(times + offsets, _style(text, re.sub(r"[T ]+%[HI].*$", "", pattern), None), order)
    zone = _spelled(seen[0]) if len(seen) == 1 else "UTC"
    return Reading(times, _style(text, pattern, zone), order)


def _parse(text: pl.Series, pattern: str, zoned: bool) -> np.ndarray:
    if "%q" in pattern:
        quarter = text.str.extract(r"([1-4])$").cast(pl.Int64)
        first = text.str.slice(0, 4) + "-" + ((quarter - 1) * 3 + 1).cast(pl.String).str.zfill(2)
        looks = text.str.contains(r"^\d{4}-?Q[1-4]$")
        return _parse(first.to_frame("t").select(pl.when(looks).then("t"))["t"], "%Y-%m", zoned)
    if "%d" not in pattern:
        text, pattern = text + " 01", pattern + " %d"
    kind = pl.Datetime("us", "UTC") if zoned else pl.Datetime("us")
    moments = text.str.strptime(kind, pattern.replace("%:z", "%#z"), strict=False)
    if moments.null_count() and "%M" in pattern:
        # R from 4.3 on writes midnights without their time
        midnights = text.str.strptime(pl.Datetime("us"), re.split(r"[T ]+%[HI]", pattern)[0], strict=False)
        moments = moments.fill_null(midnights.dt.replace_time_zone("UTC") if zoned else midnights)
    return (moments.dt.replace_time_zone(None) if zoned else moments).to_numpy().astype("datetime64[us]")


def _offsets(text: pl.Series) -> np.ndarray:
    parts = text.str.extract_groups(r"([+-])(\d{2}):?(\d{2})?$").struct.unnest()
    hours, minutes = parts["2"].cast(pl.Int64), parts["3"].cast(pl.Int64).fill_null(0)
    size = (hours * 60 + minutes).cast(pl.Float64).to_numpy() * 60e6
    signed = np.where((parts["1"] == "-").fill_null(False).to_numpy(), -size, size)
    return np.where(np.isnan(signed), np.timedelta64("NaT"), np.nan_to_num(signed).astype("timedelta64[us]"))


def _spelled(offset: np.timedelta64) -> str:
    minutes = int(abs(offset) // np.timedelta64(1, "m"))
    if minutes == 0:
        return "UTC"
    return f"{'-' if offset < np.timedelta64(0) else '+'}{minutes // 60:02}:{minutes % 60:02}"


def _one_clock(local: np.ndarray) -> bool:
    clocks = local[~np.isnat(local)].astype(np.int64) % DAY
    return len(clocks) > 0 and bool(np.all(clocks == clocks[0]))


def _unpadded(text: pl.Series, pattern: str) -> str:
    """The pattern to write with: without leading zeros where the column has none ("1/2/2020")."""
    date = text.str.slice(0, 10)
    if date.str.contains(r"(^|[-/.])\d([-/., ]|$)|[a-z] \d,").any():
        for letter in "dm":
            pattern = pattern.replace(f"%{letter}", f"%-{letter}")
    if "%H" in pattern and text.str.contains(r"[T ]\d:").any():
        pattern = pattern.replace("%H", "%-H")
    if "%I" in pattern and text.str.contains(r"[T ]\d:").any():
        pattern = pattern.replace("%I", "%-I")
    return pattern


def _style(text: pl.Series, pattern: str, zone: str | None) -> TimeStyle:
    pattern = _unpadded(text, pattern)
    return TimeStyle("datetime", _column(pattern, zone), pattern, zone)


def _column(pattern: str, zone: str | None) -> str:
    if pattern == ISO_DATE:
        return "date"
    iso = re.fullmatch(r"%Y-%m-%d[T ]%H:%M(:%S(%\.[36]?f)?)?(Z|%:z)?", pattern)
    return "datetime" if iso and zone in (None, "UTC") else "text"
