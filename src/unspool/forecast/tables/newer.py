"""Newer data for a fitted model: a table with the columns and the frequency that it was made for."""

from collections.abc import Sequence
from typing import Any, Literal

from unspool.errors import ModelError
from unspool.forecast.tables.conventions import long_table
from unspool.forecast.tables.covariates import Asked
from unspool.forecast.tables.frames import open_frame
from unspool.forecast.tables.frequency import Frequency
from unspool.forecast.tables.ingest import panel_from_frame
from unspool.forecast.tables.origin import Origin
from unspool.forecast.tables.panel import Columns, Panel


def newer_panel(
    frame: Any,
    columns: Columns,
    frequency: Frequency,
    covariates: Sequence[Asked],
    on_bad_series: Literal["error", "skip"],
    origin: Origin | None = None,
) -> Panel:
    """The panel of newer data; any series with a value is forecast.

    Args:
        frame: a table in long form.
        columns: those fitted on.
        frequency: likewise.
        covariates: likewise.
        on_bad_series: as for `Forecaster`.
        origin: where the rows came from, for errors.

    Raises:
        ModelError: a column is not there.
        DataError: as `panel_from_frame`.
    """
    frame, _, where = long_table(frame, frequency, origin or Origin())
    needed = {name: getattr(columns, name) for name in ("series", "time", "target")}
    names = [str(name) for name in open_frame(frame, where).columns]
    roles = [(role, name) for role, name in needed.items() if name is not None]
    roles += [(one.role, one.name) for one in covariates]
    absent = next((name for _, name in roles if name not in names), None)
    if absent is not None:
        listed = ", ".join(f"{role} {name!r}" for role, name in roles)
        raise ModelError(
            f"{where.table()} has no column {absent!r}: the model was made for other columns ({listed})",
            hint=f"its columns are: {', '.join(names[:30])}; name them as in the table that was fitted",
        )
    return panel_from_frame(
        frame,
        **needed,
        frequency=frequency,
        on_bad_series=on_bad_series,
        fitted=True,
        covariates=covariates,
        origin=where,
    )
