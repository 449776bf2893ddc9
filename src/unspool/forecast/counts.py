"""Values that are never negative, for the heads that know no others."""

import numpy as np

from unspool.errors import DataError
from unspool.forecast.tables.panel import Panel


def check_counts(panel: Panel, head: str) -> None:
    """Raises `DataError` where a value is negative, or for "negative_binomial" not a whole number."""
    for series in panel.series:
        odd, what = series.values < 0, "negative"
        if head == "negative_binomial" and not odd.any():
            odd, what = (series.values != np.round(series.values)) & ~np.isnan(series.values), "not a whole number"
        if odd.any():
            at = int(odd.argmax())
            where = f" of series {series.id!r}" if panel.columns.series is not None else ""
            when = panel.labels(series.times[at : at + 1])[0]
            raise DataError(
                f"head '{head}' is for {'counts' if head == 'negative_binomial' else 'values of 0 and above'}, but "
                f"{panel.columns.target!r}{where} is {series.values[at]:g} at {when}, "
                f"which is {what}",
                hint="take head student, normal or quantile" + (", or tweedie" if what.startswith("not") else ""),
            )
