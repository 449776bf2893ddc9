"""How a table writes its times, and how to write others alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from unspool.forecast.record import from_record, to_record
from unspool.forecast.tables.zones import fixed_offset, to_local

ISO_DATE = "%Y-%m-%d"
ISO_DATETIME = "%Y-%m-%dT%H:%M:%S"


@dataclass(frozen=True)
class TimeStyle:
    """The kind and spelling of a time column.

    Attributes:
        kind: "datetime" (datetime64[us], UTC where zoned), "integer" (int64) or "decimal" (float64).
        column: the type a table of ours gets: "date", "datetime", "integer", "decimal" or "text" (as it was read).
        pattern: strftime pattern of datetimes; "" for numbers.
        zone: IANA name or offset of zoned datetimes.
        decimals: digits after the point of decimals.
    """

    kind: str
    column: str
    pattern: str = ""
    zone: str | None = None
    decimals: int = 0

    def labels(self, times: np.ndarray | Sequence[Any]) -> list[str]:
        """The text of each time, as the table writes them."""
        if self.kind == "integer":
            return [str(number) for number in np.asarray(times, np.int64).tolist()]
        if self.kind == "decimal":
            return [_short(number, self.decimals) for number in np.asarray(times, np.float64).tolist()]
        moments = np.asarray(times, "datetime64[us]")
        if "%:z" not in self.pattern and "%z" not in self.pattern:
            return _naive(to_local(moments, self.zone)).dt.strftime(self.pattern).to_list()
        zone = self.zone or "UTC"
        if fixed_offset(zone) is not None:
            offset = "+00:00" if zone in ("UTC", "Z") else zone
            pattern = self.pattern.replace("%:z", offset).replace("%z", offset.replace(":", ""))
            return _naive(to_local(moments, zone)).dt.strftime(pattern).to_list()
        zoned = _naive(moments).dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        return zoned.dt.strftime(self.pattern).to_list()

    def time_column(self, times: np.ndarray | Sequence[Any]) -> pl.Series:
        """The times as a column named "time", of the type the table had: dates, datetimes, numbers; else as text."""
        if self.column == "integer" and self.kind == "datetime":
            return pl.Series("time", [int(label) for label in self.labels(times)], pl.Int64)
        if self.column == "integer":
            return pl.Series("time", np.asarray(times, np.int64))
        if self.column == "decimal":
            return pl.Series("time", np.round(np.asarray(times, np.float64), self.decimals))
        if self.column == "text":
            return pl.Series("time", self.labels(times), pl.String)
        moments = _naive(np.asarray(times, "datetime64[us]")).alias("time")
        if self.zone is not None:
            return moments.dt.replace_time_zone("UTC").dt.convert_time_zone(self.zone)
        return moments.cast(pl.Date) if self.column == "date" else moments

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for `json.dumps`."""
        return to_record(self)

    @classmethod
    def from_json(cls, data: Any) -> "TimeStyle":
        """The style that `to_json` wrote; `ModelError` where it was damaged."""
        return from_record(cls, data, "time style")


def _naive(moments: np.ndarray) -> pl.Series:
    return pl.Series(np.ascontiguousarray(moments, "datetime64[us]"))


def _short(number: float, decimals: int) -> str:
    text = f"{number:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
