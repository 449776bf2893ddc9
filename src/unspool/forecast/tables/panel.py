"""Many series on one regular grid, or at their own times: what every model, fold and report is given."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl

from unspool.forecast.record import from_record, to_record
from unspool.forecast.tables.frequency import Frequency
from unspool.forecast.tables.times import TimeStyle

Role = Literal["known", "past", "static"]
ROLES: tuple[Role, ...] = ("known", "past", "static")


@dataclass(frozen=True)
class Series:
    """One series on its regular grid, from its first row to its last; in an uneven panel, its rows.

    Attributes:
        id: the series' name.
        times: [n] datetime64[us] (UTC where the table had zones), int64, or float64, ascending.
        values: [n] float64, NaN where the table has no row or no value.
        known: [n + m, K] float64, the panel's covariates known in the future, m steps beyond the last row where they
            are given; numbers, or codes of categories, NaN where there is no value.
        past: [n, P] those known in the past only.
        static: [S] those of the series itself.
    """

    id: str
    times: np.ndarray
    values: np.ndarray
    known: np.ndarray | None = None
    past: np.ndarray | None = None
    static: np.ndarray | None = None

    def between(self, start: int, stop: int) -> "Series":
        """The points `start` … `stop` − 1, with all that is known of the future after them."""
        return replace(
            self,
            times=self.times[start:stop],
            values=self.values[start:stop],
            known=None if self.known is None else self.known[start:],
            past=None if self.past is None else self.past[start:stop],
        )


@dataclass(frozen=True)
class Covariate:
    """A column beside the target.

    Attributes:
        name: the column.
        role: "known" in the future, "past" (known in the past only) or "static" (one value for each series).
        categories: names of the categories, which the values are codes of; None for numbers.
    """

    name: str
    role: Role
    categories: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Finding:
    """Something a person should know about the data.

    Attributes:
        kind: "gap" (rows that are not there), "missing" (rows without a value), "skipped" (a series left out), "cold"
            (short or constant series), "uneven" (rows at uneven times), "covariates" (what is read beside the target),
            "unseen" (a new category).
        series: the series' name; "" where it is all of them.
        message: one line that names the series, how much, and where.
    """

    kind: str
    series: str
    message: str


@dataclass(frozen=True)
class Columns:
    """The names of the columns that were read; `series` is None where the table is one series."""

    series: str | None
    time: str
    target: str

    def to_json(self) -> dict[str, Any]:
        """The fields, ready for `json.dumps`."""
        return to_record(self)

    @classmethod
    def from_json(cls, data: Any) -> "Columns":
        """The columns that `to_json` wrote; `ModelError` where it was damaged."""
        return from_record(cls, data, "columns")


@dataclass(frozen=True)
class Panel:
    """Series of one frequency, in the natural order of their names ("H2" before "H10"), and their covariates."""

    series: tuple[Series, ...]
    frequency: Frequency
    columns: Columns
    findings: tuple[Finding, ...]
    time_style: TimeStyle
    covariates: tuple[Covariate, ...] = ()

    def of_role(self, role: Role) -> tuple[Covariate, ...]:
        """The covariates of a role, in the order of the columns of `Series`."""
        return tuple(one for one in self.covariates if one.role == role)

    def labels(self, times: np.ndarray | Sequence[Any]) -> list[str]:
        """The text of times, written as the table writes them."""
        return self.time_style.labels(times)

    def time_column(self, times: np.ndarray | Sequence[Any]) -> pl.Series:
        """The times as a column with the table's name for it and, where it can be, of the table's type."""
        return self.time_style.time_column(times).alias(self.columns.time)

    def before(self, cutoffs: Sequence[int]) -> "Panel":
        """Each series cut to its first `cutoffs[i]` points; series with a cutoff below 1 are dropped.

        What is known of the future stays known.
        """
        cut = [series.between(0, cutoff) for series, cutoff in zip(self.series, cutoffs, strict=True) if cutoff >= 1]
        return replace(self, series=tuple(cut))
