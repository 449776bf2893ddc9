"""The chart of what each fold forecast and what came."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from unspool.forecast.result import MODEL, Backtest, Fold
from unspool.report.axis import axis_times, drawn_times, hover_time_format
from unspool.report.bands import Band, bands
from unspool.report.chart import Chart, Option, Selector, View, figure
from unspool.report.data import ReportData
from unspool.report.figures.fan import fan_traces, here, observed_traces, outside
from unspool.report.figures.series import series_selector
from unspool.report.names import spoken
from unspool.report.numbers import count, for_drawing, hover_format, number, percent
from unspool.report.palette import INK, looks
from unspool.report.scoring import best_baseline
from unspool.report.selection import Selection

MOST_FOLDS = 12
MOST_NUMBERS = 400_000
"""How many numbers the views of this chart may hold together (about 3 MB of page)."""


def fold_chart(report: ReportData, backtest: Backtest, selection: Selection) -> Chart:
    """One view for each selected series and fold, and one with all folds where they do not overlap."""
    folds = backtest.folds[-MOST_FOLDS:]
    size = sum(fold.times.shape[1] * (len(backtest.levels) + 4) for fold in folds)
    present = [name for name in selection.ids if any(name in fold.ids for fold in folds)]
    drawn = set(present[: max(1, MOST_NUMBERS // max(1, size))])
    grids = {name: axis_times(times) for name, times, _ in report.history if name in drawn}
    apart = len(folds) > 1 and _apart(folds)
    views = {}
    for place, name in enumerate(selection.ids):
        mine = [fold for fold in folds if name in fold.ids] if name in drawn else []
        for fold in folds:
            here_too = fold in mine
            views[f"{place}/{fold.number}"] = _view(report, backtest, [fold], name, grids) if here_too else _absent(name)
        if apart:
            views[f"{place}/all"] = _view(report, backtest, mine, name, grids) if mine else _absent(name)
    labels = [Option(str(fold.number), f"{fold.number}: after {_cutoff(report, fold)}") for fold in folds]
    everything = [Option("all", f"all {len(folds)} together")] if apart else []
    chosen = "all" if apart else str(folds[-1].number)
    fold_selector = Selector("fold", "Fold", (*everything, *labels), chosen)
    return Chart("folds", "Each fold's forecast against what came", views, (series_selector(selection), fold_selector))


def _view(
    report: ReportData, backtest: Backtest, folds: list[Fold], name: str, grids: dict[str, np.ndarray]
) -> View:
    nested = bands(backtest.levels)
    rival = best_baseline(backtest.metrics)
    traces: list[Any] = []
    traces += observed_traces(*_observed(folds, name, grids[name]))
    shapes, missed, total, sentences = [], 0, 0, []
    for place, fold in enumerate(folds):
        row = fold.ids.index(name)
        times, actual = axis_times(fold.times[row]), fold.actual[row]
        last = axis_times(fold.last_seen[row : row + 1])
        tail = fold.history[row]
        start = (last, float(tail[-1])) if len(tail) and np.isfinite(tail[-1]) else None
        legend = place == 0
        traces += fan_traces(times, fold.point[MODEL][row], fold.quantiles[row], nested, start, legend)
        if rival in fold.point:
            traces.append(_rival_trace(fold, row, rival, times, legend))
        traces += _came(times, actual, fold.quantiles[row], nested, start, legend)
        shapes.append(here(last))
        missed += int(outside(actual, fold.quantiles[row], nested).sum())
        total += int(np.isfinite(actual).sum())
        sentences.append(_errors(fold, row, rival))
    which = f"fold {folds[0].number}, after {_cutoff(report, folds[0], name)}" if len(folds) == 1 else count(len(folds), "fold")
    words = f"{name}, {which}. {_misses(missed, total, nested)}"
    if len(folds) == 1:
        words += sentences[0]
    hover = hover_time_format(grids[name], report.time_labels) or None
    made = figure(traces, shapes=shapes, xaxis_hoverformat=hover)
    return View(made, f"Line chart of forecasts against what came: {words}", words)


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
        hovertemplate=f"%{{y:{hover_format(values)}}}",
    )  # fmt: skip


def _came(
    times: np.ndarray,
    actual: np.ndarray,
    quantiles: np.ndarray,
    nested: list[Band],
    start: tuple[np.ndarray, float] | None,
    legend: bool,
) -> list[Any]:
    """The values that came, as dots on a line from the last one known; those outside the widest interval ringed."""
    joined = [] if start is None else observed_traces(*_first_step(start, times, actual))
    dots = observed_traces(times, actual, name="what came", dots=True)
    dots[0].showlegend = legend
    for trace in joined:
        trace.showlegend, trace.hoverinfo, trace.hovertemplate = False, "skip", None
    far = np.flatnonzero(outside(actual, quantiles, nested))
    if not len(far):
        return [*joined, *dots]
    ring = {"symbol": "circle-open", "size": 11, "color": INK, "line": {"width": 1.3}}
    points = {"x": drawn_times(times[far]), "y": for_drawing(actual[far])}
    return [*joined, *dots, go.Scatter(**points, mode="markers", marker=ring, showlegend=False, hoverinfo="skip")]


def _first_step(start: tuple[np.ndarray, float], times: np.ndarray, actual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([start[0], times[:1]]), np.concatenate([[start[1]], actual[:1]])


def _misses(missed: int, total: int, nested: list[Band]) -> str:
    if not nested or not total:
        return ""
    return f"{missed} of {count(total, 'value')} ({percent(missed / total)}) came outside the {nested[0].name} (ringed)."


def _errors(fold: Fold, row: int, rival: str | None) -> str:
    def error(name: str) -> str:
        miss = np.abs(fold.actual[row] - fold.point[name][row])
        return number(float(np.mean(miss[np.isfinite(miss)]))) if np.isfinite(miss).any() else number(None)

    other = f", {spoken(rival)} {error(rival)}" if rival in fold.point and rival is not None else ""
    return f" Mean absolute error: {error(MODEL)}{other}."


def _apart(folds: tuple[Fold, ...]) -> bool:
    return all(
        axis_times(later.last_seen[:1])[0] >= axis_times(earlier.times[0])[-1]
        for earlier, later in zip(folds, folds[1:], strict=False)
    )


def _cutoff(report: ReportData, fold: Fold, name: str | None = None) -> str:
    row = 0 if name is None else fold.ids.index(name)
    return report.time_labels(fold.last_seen[row : row + 1])[0]


def _absent(name: str) -> View:
    words = f"{name} is not drawn in this fold."
    return View(figure([]), words, words)
