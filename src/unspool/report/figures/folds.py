"""The chart of what each fold forecast and what came."""

from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go

from unspool.forecast.result import MODEL, Backtest, Fold
from unspool.report.axis import axis_times, drawn_times, hover_time_format
from unspool.report.bands import Band, bands, interval
from unspool.report.chart import Chart, Option, Selector, View, figure
from unspool.report.data import ReportData
from unspool.report.figures.fan import fan_traces, here, hover_trace, observed_traces, outside
from unspool.report.figures.series import series_selector
from unspool.report.names import spoken
from unspool.report.numbers import count, for_drawing, number, percent
from unspool.report.palette import INK, looks
from unspool.report.scoring import best_baseline
from unspool.report.selection import Selection

MOST_FOLDS = 12
CROWDED = 60
"""More values than this are drawn as small dots below the forecast, so that they do not cover it."""
MOST_NUMBERS = 400_000
"""How many numbers the views of this chart may hold together (about 3 MB of page)."""


def fold_chart(report: ReportData, backtest: Backtest, selection: Selection) -> Chart | None:
    """One view for each selected series and fold, one with all folds if they do not overlap; None without folds."""
    folds = backtest.folds[-MOST_FOLDS:]
    if not folds:
        return None
    size = sum(fold.times.shape[1] * (len(backtest.levels) + 4) for fold in folds)
    present = [name for name in selection.ids if any(name in fold.ids for fold in folds)]
    drawn = set(present[: max(1, MOST_NUMBERS // max(1, size))])
    grids = {name: axis_times(times) for name, times, _ in report.history if name in drawn}
    apart = len(folds) > 1 and all(_apart(folds, name) for name in drawn)
    views = {}
    for place, name in enumerate(selection.ids):
        mine = [fold for fold in folds if name in fold.ids] if name in drawn else []
        for fold in folds:
            known = name in drawn and name in fold.ids
            views[f"{place}/{fold.number}"] = _view(report, backtest, [fold], name, grids) if known else _absent(name)
        if apart:
            views[f"{place}/all"] = _view(report, backtest, mine, name, grids) if mine else _absent(name)
    labels = [Option(str(fold.number), _label(report, fold)) for fold in folds]
    everything = [Option("all", f"all {len(folds)} together")] if apart else []
    chosen = "all" if apart else labels[-1].key
    fold_selector = Selector("fold", "Fold", (*everything, *labels), chosen)
    return Chart("folds", "Each fold's forecast against what came", views, (series_selector(selection), fold_selector))


def _view(report: ReportData, backtest: Backtest, folds: list[Fold], name: str, grids: dict[str, np.ndarray]) -> View:
    nested, rival, grid = bands(backtest.levels), best_baseline(backtest.metrics), grids[name]
    rows = [fold.ids.index(name) for fold in folds]
    crowded = sum(fold.times.shape[1] for fold in folds) > CROWDED
    traces, hovered, shapes = observed_traces(*_observed(folds, name, grid)), [], []
    for place, (fold, row) in enumerate(zip(folds, rows, strict=True)):
        traces += _fold_traces(fold, row, rival, nested, _opening(fold, row, grid), crowded, legend=place == 0)
        seen = np.where(np.isfinite(fold.actual[row]), fold.actual[row], fold.point[MODEL][row])
        hovered.append((axis_times(fold.times[row]), seen, _remarks(fold, row, rival, nested)))
        shapes.append(here(axis_times(fold.last_seen[row : row + 1])))
    traces.append(hover_trace(hovered))
    hover = hover_time_format(grid, report.time_labels) or None
    made = figure(traces, hovermode="x", shapes=shapes, xaxis={"hoverformat": hover})
    words = f"{name}, {_which(report, folds, rows)}. {_misses(folds, rows, nested)}"
    words += _errors(folds[0], rows[0], rival) if len(folds) == 1 else ""
    return View(made, f"Line chart of forecasts against what came: {words}", words)


def _fold_traces(
    fold: Fold,
    row: int,
    rival: str | None,
    nested: list[Band],
    start: tuple[np.ndarray, float] | None,
    crowded: bool,
    legend: bool,
) -> list[Any]:
    times = axis_times(fold.times[row])
    *rings, line = fan_traces(times, fold.point[MODEL][row], fold.quantiles[row], nested, start, legend)
    lines = [line] if rival not in fold.point else [_rival_trace(fold, row, rival, times, legend), line]
    came = _came(times, fold.actual[row], outside(fold.actual[row], fold.quantiles[row], nested), crowded, legend)
    return [*rings, *came, *lines] if crowded else [*rings, *lines, *came]


def _opening(fold: Fold, row: int, grid: np.ndarray) -> tuple[np.ndarray, float] | None:
    """The last value known, where the forecast follows it at once (a backtest may leave a gap)."""
    last, tail = axis_times(fold.last_seen[row : row + 1]), fold.history[row]
    following = int(np.searchsorted(grid, last[0], side="right"))
    at_once = following < len(grid) and grid[following] == axis_times(fold.times[row])[0]
    return (last, float(tail[-1])) if at_once and len(tail) and np.isfinite(tail[-1]) else None


def _observed(folds: list[Fold], name: str, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What was known before the first fold (three horizons at most), and between one fold's end and the next cutoff."""
    times, values, since = [], [], 0
    for fold in folds:
        row = fold.ids.index(name)
        until = int(np.searchsorted(grid, axis_times(fold.last_seen[row : row + 1])[0], side="right"))
        known = fold.history[row]
        wanted = max(3 * fold.times.shape[1], 40) if fold is folds[0] else until - since
        length = max(0, min(wanted, until, len(known)))
        if length > 1:
            # the missing value in front keeps the line from running on through the fold before
            times.append(grid[[until - length, *range(until - length, until)]])
            values.append(np.concatenate([[np.nan], known[len(known) - length :]]))
        since = int(np.searchsorted(grid, axis_times(fold.times[row])[-1], side="right")) - 1
    if not times:
        return grid[:0], np.empty(0)
    return np.concatenate(times), np.concatenate(values)


def _rival_trace(fold: Fold, row: int, rival: str, times: np.ndarray, legend: bool) -> Any:
    look = looks(list(fold.point))[rival]
    values = fold.point[rival][row]
    return go.Scatter(
        x=drawn_times(times), y=for_drawing(values), name=spoken(rival), legendgroup=rival, showlegend=legend,
        mode="lines" if len(times) > 1 else "markers", line={"color": look.colour, "width": 1.5, "dash": look.dash},
        marker={"color": look.colour, "symbol": look.marker, "size": 8},
        hoverinfo="skip",
    )  # fmt: skip


def _came(times: np.ndarray, actual: np.ndarray, out: np.ndarray, crowded: bool, legend: bool) -> list[Any]:
    """The values that came, as dots, on a thin line where there is room for it; those outside the intervals ringed."""
    x, y = drawn_times(times), for_drawing(actual)
    came = go.Scatter(
        x=x, y=y, name="what came", legendgroup="came", showlegend=legend,
        mode="markers" if crowded else "lines+markers",
        line={"color": INK, "width": 0.8}, marker={"color": INK, "size": 3 if crowded else 5},
        hoverinfo="skip",
    )  # fmt: skip
    far = np.flatnonzero(out)
    if not len(far):
        return [came]
    ring = {"symbol": "circle-open", "size": 11, "color": INK, "line": {"width": 1.3}}
    points = {"x": [x[place] for place in far], "y": [y[place] for place in far]}
    return [came, go.Scatter(**points, mode="markers", marker=ring, showlegend=False, hoverinfo="skip")]


def _remarks(fold: Fold, row: int, rival: str | None, nested: list[Band]) -> list[str]:
    """What the pointer is told after the value that came: the forecast, its interval, the best baseline's forecast."""
    remarks = []
    for step, actual in enumerate(fold.actual[row]):
        parts = ["came" if np.isfinite(actual) else "forecast, nothing came"]
        if np.isfinite(actual):
            parts.append(f"forecast {number(fold.point[MODEL][row, step])}")
        parts.append(interval(fold.quantiles[row, step], nested))
        if rival is not None and rival in fold.point:
            parts.append(f"{spoken(rival)} {number(fold.point[rival][row, step])}")
        remarks.append(" " + "<br>".join(filter(None, parts)))
    return remarks


def _which(report: ReportData, folds: list[Fold], rows: list[int]) -> str:
    if len(folds) > 1:
        return count(len(folds), "fold")
    return f"fold {folds[0].number}, after {report.time_labels(folds[0].last_seen[rows[0] : rows[0] + 1])[0]}"


def _misses(folds: list[Fold], rows: list[int], nested: list[Band]) -> str:
    total = sum(int(np.isfinite(fold.actual[row]).sum()) for fold, row in zip(folds, rows, strict=True))
    if not nested or not total:
        return ""
    missed = sum(
        int(outside(fold.actual[row], fold.quantiles[row], nested).sum()) for fold, row in zip(folds, rows, strict=True)
    )
    return (
        f"{missed} of {count(total, 'value')} ({percent(missed / total)}) came outside the {nested[0].name} (ringed)."
    )


def _errors(fold: Fold, row: int, rival: str | None) -> str:
    def error(name: str) -> str:
        miss = np.abs(fold.actual[row] - fold.point[name][row])
        return number(float(np.mean(miss[np.isfinite(miss)]))) if np.isfinite(miss).any() else number(None)

    other = f", {spoken(rival)} {error(rival)}" if rival in fold.point and rival is not None else ""
    return f" Mean absolute error: {error(MODEL)}{other}."


def _apart(folds: tuple[Fold, ...], name: str) -> bool:
    """Whether each fold of a series begins after the one before has ended."""
    spans = [
        (axis_times(fold.last_seen[row : row + 1])[0], axis_times(fold.times[row])[-1])
        for fold in folds
        if name in fold.ids and (row := fold.ids.index(name)) >= 0
    ]
    return all(cutoff >= end for (_, end), (cutoff, _) in pairwise(spans))


def _label(report: ReportData, fold: Fold) -> str:
    """A fold's number, with its cutoff where all series share it."""
    shared = bool(np.all(fold.last_seen == fold.last_seen[0]))
    return f"{fold.number}: after {report.time_labels(fold.last_seen[:1])[0]}" if shared else str(fold.number)


def _absent(name: str) -> View:
    words = f"{name} is not drawn in this fold."
    return View(figure([]), words, words)
