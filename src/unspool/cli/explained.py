"""What the forecast of a job rests on: of the series that its report draws."""

from dataclasses import replace

from unspool.errors import ModelError
from unspool.forecast import Explanation, Run, explain
from unspool.report import ReportData
from unspool.report.selection import select_series


def explained(run: Run, report: ReportData) -> Explanation | None:
    """The explanation; None where there is no forecast, or its network lets no gradient through."""
    if run.model is None or run.forecast is None:
        return None
    names = select_series(report).ids
    shown = replace(run.panel, series=tuple(one for one in run.panel.series if one.id in names))
    try:
        return explain(run.model, shown, series=names)
    except ModelError:
        return None
