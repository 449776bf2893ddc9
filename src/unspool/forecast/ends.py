"""The end of every series, after which it is forecast: what is read there, and what must be there."""

from dataclasses import replace

import numpy as np

from unspool.errors import DataError
from unspool.forecast.tables.panel import Panel


def panel_tail(panel: Panel, steps: int) -> Panel:
    """The last `steps` points of every series."""
    series = tuple(s.between(max(0, len(s.values) - steps), len(s.values)) for s in panel.series)
    return replace(panel, series=series)


def check_ends(panel: Panel, lookback: int) -> None:
    """Raises `DataError` where a series has no value in its last `lookback` steps: nothing to forecast from."""
    empty = [s.id for s in panel.series if np.isnan(s.values[-lookback:]).all()]
    if empty:
        raise DataError(
            f"series {empty[0]!r} has no value in its last {lookback} steps, which the model reads"
            f"{f' (nor have {len(empty) - 1} others)' if len(empty) > 1 else ''}",
            hint="leave out the rows without a value at its end, or widen the window",
        )


def check_ahead(panel: Panel, steps: int) -> None:
    """Raises `DataError` where a series has covariates known in the future, but not for the `steps` after its end."""
    names = ", ".join(repr(one.name) for one in panel.of_role("known"))
    if not names or all(s.known is not None and len(s.known) >= len(s.values) + steps for s in panel.series):
        return
    raise DataError(
        f"the covariates known in the future ({names}) are not given for the horizon",
        hint="give a table with them: --future FILE (in Python: future=)",
    )


def least_window(panel: Panel) -> int:
    """Steps that a window must have to hold a value at the end of every series; the longest series if one has none."""
    ends = [np.flatnonzero(~np.isnan(s.values[::-1])) for s in panel.series]
    longest = max(len(s.values) for s in panel.series)
    return max(int(end[0]) + 1 if len(end) else longest for end in ends)
