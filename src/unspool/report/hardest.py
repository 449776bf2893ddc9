"""The tables of the series that the backtest found hardest."""

from collections.abc import Mapping, Sequence
from typing import Any

from unspool.report.data import ReportData
from unspool.report.names import spoken
from unspool.report.numbers import number
from unspool.report.scoring import usable
from unspool.report.selection import Selection
from unspool.report.tables import Cell, Table

MOST_ROWS = 10
_RIVAL = "seasonal_naive"


def hardest_tables(report: ReportData, selection: Selection) -> list[Table]:
    """Those with the worst MASE, and those where it is furthest above the seasonal naive's; none for one series."""
    if report.backtest is None or len(report.history) < 2:
        return []
    metrics = report.backtest.metrics
    captions = {
        "worst": "The largest errors (MASE, mean over the folds)",
        "lost": f"Where {spoken(_RIVAL)} is the better by most (MASE)",
    }
    return [_table(caption, metrics[key], selection) for key, caption in captions.items() if _is_list(metrics.get(key))]


def _table(caption: str, entries: Sequence[Mapping[str, Any]], selection: Selection) -> Table:
    rival = any(_RIVAL in entry for entry in entries)
    drawn = {name: str(place) for place, name in enumerate(selection.ids)}
    rows = []
    for entry in entries[:MOST_ROWS]:
        cells = [Cell(entry["series"], pick=drawn.get(entry["series"], "")), Cell(number(entry["mase"]))]
        if rival:
            other = entry.get(_RIVAL)
            cells.append(Cell(number(other), usable(other) and other < entry["mase"]))
        rows.append(tuple(cells))
    return Table(caption, ("Series", spoken("unspool"), *([spoken(_RIVAL)] if rival else [])), tuple(rows))


def _is_list(entries: Any) -> bool:
    """Whether the metrics hold entries that name a series and its MASE."""
    return isinstance(entries, list) and bool(entries) and all(isinstance(e, dict) and "mase" in e for e in entries)
