"""The chart of each series with the forecast past its end."""

from typing import Any

import numpy as np

from unspool.report.axis import axis_times, drawn_times, hover_time_format
from unspool.report.bands import Band, bands, interval
from unspool.report.chart import Chart, Option, Selector, View, figure
from unspool.report.data import History, ReportData
from unspool.report.figures.fan import fan_traces, here, hover_trace, observed_traces
from unspool.report.numbers import count, number
from unspool.report.palette import GRID, SLIDER
from unspool.report.selection import Selection
from unspool.report.thinning import thin_out

RECENT = 5
"""The chart opens on this many horizons of history before the forecast."""


def series_chart(report: ReportData, selection: Selection) -> Chart:
    """One view for each selected series: its history, its fan, a slider below for the whole range."""
    history = {name: entry for entry in reversed(report.history) if (name := entry[0]) in set(selection.ids)}
    views = {str(place): _view(report, history[name]) for place, name in enumerate(selection.ids)}
    return Chart("series", "The series and its forecast", views, (series_selector(selection),), zoom=True)


def series_selector(selection: Selection) -> Selector:
    """The choice among the selected series; the hardest ones under their own heading."""
    groups = ["First in the table"] * len(selection.first) + ["Hardest in the backtest"] * len(selection.worst)
    named = bool(selection.worst)
    options = tuple(
        Option(str(place), name, group if named else "")
        for place, (name, group) in enumerate(zip(selection.ids, groups, strict=True))
    )
    return Selector("series", "Series", options, "0")


def _view(report: ReportData, entry: History) -> View:
    name, raw_times, values = entry
    values = np.asarray(values, dtype=np.float64)
    times = axis_times(raw_times)
    kept = thin_out(values)
    seen = np.flatnonzero(np.isfinite(values))
    place = report.forecast.ids.index(name) if report.forecast is not None and name in report.forecast.ids else None
    traces = observed_traces(times[kept], values[kept])
    shapes: list[dict[str, Any]] = []
    end, horizon, words = times[-1:], max(1, len(times) // 20), ""
    hovered = [(times[kept], values[kept], [""] * len(kept))]
    if place is not None and report.forecast is not None:
        forecast = report.forecast
        ahead = axis_times(forecast.times[place])
        point, quantiles = forecast.point[place], forecast.quantiles[place]
        nested = bands(forecast.levels)
        joined = len(seen) > 0 and seen[-1] == len(values) - 1 and _at_once(times, ahead)
        traces += fan_traces(ahead, point, quantiles, nested, (times[-1:], float(values[-1])) if joined else None)
        remarks = [f" forecast, {interval(row, nested)}".rstrip(", ") for row in quantiles]
        hovered.append((ahead, point, remarks))
        shapes.append(here(times[-1:]))
        end, horizon = ahead[-1:], len(ahead)
        words = f" {count(horizon, 'step')} forecast, to {report.time_labels(forecast.times[place][-1:])[0]}."
        words += f" Next: {_said(point, quantiles, nested, 0)}."
        if horizon > 1:
            words += f" Last: {_said(point, quantiles, nested, -1)}."
    traces.append(hover_trace(hovered))
    first = max(0, len(times) - max(RECENT * horizon, 40))
    slider = {"visible": True, "thickness": 0.11, "bgcolor": SLIDER, "bordercolor": GRID, "borderwidth": 1}
    xaxis = {
        "range": [drawn_times(times[first : first + 1])[0], _padded(times[first : first + 1], end)],
        "rangeslider": slider | {"yaxis": {"rangemode": "auto"}},
        "hoverformat": hover_time_format(times, report.time_labels) or None,
    }
    made = figure(traces, zoom=True, hovermode="x", shapes=shapes, xaxis=xaxis)
    caption = f"{name}: {count(len(seen), 'observation')}{_missing(values)}.{words}{_thinned(kept, values)}"
    alt = f"Line chart of {name}, {count(len(seen), 'observation')}{_extremes(values[seen])}.{words}"
    return View(made, alt, caption)


def _at_once(times: np.ndarray, ahead: np.ndarray) -> bool:
    """Whether the forecast begins where the history ends; steps of months and of business days differ in length."""
    return len(times) < 2 or bool(ahead[0] - times[-1] <= np.diff(times[-40:]).max() * 1.001)


def _said(point: np.ndarray, quantiles: np.ndarray, nested: list[Band], step: int) -> str:
    return ", ".join(filter(None, [number(point[step]), interval(quantiles[step], nested)]))


def _padded(first: np.ndarray, last: np.ndarray) -> Any:
    """The right end of the view: a fiftieth of its width beyond the last point, so that the end is not cut."""
    if last.dtype.kind == "M":
        return drawn_times(last + (last - first) // 50)[0]
    return float(last[0] + (last[0] - first[0]) / 50)


def _missing(values: np.ndarray) -> str:
    missing = int(np.sum(~np.isfinite(values)))
    return f", {count(missing, 'value')} missing" if missing else ""


def _thinned(kept: np.ndarray, values: np.ndarray) -> str:
    if len(kept) == len(values):
        return ""
    return f" Drawn thinned out: {count(len(kept), 'point')}, the lowest and highest of each stretch; the newest whole."


def _extremes(seen: np.ndarray) -> str:
    return f", between {number(float(seen.min()))} and {number(float(seen.max()))}" if len(seen) else ""
