"""The chart of the error at each step ahead."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from unspool.forecast.result import MODEL, Backtest
from unspool.report.axis import ratio_axis
from unspool.report.chart import Chart, Option, Selector, View, figure, titled
from unspool.report.names import metric_name, spoken
from unspool.report.numbers import for_drawing, hover_format, number
from unspool.report.palette import looks
from unspool.report.scoring import headline_metric, usable

LOG_FROM = 8
"""Methods whose typical errors differ by more than this factor are drawn on a logarithmic axis."""


def step_chart(backtest: Backtest) -> Chart | None:
    """One view for each metric, a line for the model and one for each baseline; None with one step or none."""
    by_step = backtest.metrics.get("by_step", {})
    keys = [key for key, values in by_step.get(MODEL, {}).items() if len(values) > 1 and any(map(usable, values))]
    if not keys:
        return None
    views = {key: _view(by_step, key) for key in keys}
    headline = headline_metric(backtest.metrics)
    options = tuple(Option(key, metric_name(key)) for key in keys)
    selector = Selector("metric", "Error", options, headline if headline is not None and headline in keys else keys[0])
    return Chart("steps", "Error by step ahead", views, (selector,))


def _view(by_step: dict[str, dict[str, list[float]]], key: str) -> View:
    names = [name for name in (*(name for name in by_step if name != MODEL), MODEL) if key in by_step[name]]
    appearance = looks(list(by_step))
    traces = [_line(name, by_step[name][key], appearance[name]) for name in names]
    steps = max(len(by_step[name][key]) for name in names)
    logarithmic = _wide([by_step[name][key] for name in names])
    made = figure(
        traces,
        xaxis={"title": titled("steps ahead"), "range": [1 - steps / 60, steps + steps / 60], "tickformat": "d"},
        yaxis=ratio_axis(v for name in names for v in by_step[name][key] if usable(v))
        if logarithmic
        else {"rangemode": "tozero"},
        legend_traceorder="reversed",
    )
    ends = "; ".join(
        f"{spoken(name)} from {number(by_step[name][key][0])} at the first step to {number(by_step[name][key][-1])}"
        for name in reversed(names)
    )
    caption = f"{metric_name(key)} over all series and folds, by how far ahead the forecast looked. Lower is better."
    caption += " Logarithmic scale: equal distances are equal ratios." if logarithmic else ""
    return View(made, f"Line chart of {metric_name(key)} by step ahead. {ends}.", caption)


def _wide(lines: list[list[float]]) -> bool:
    """Whether one method errs so much more than another that the better one would lie flat on the axis."""
    typical = [float(np.median([value for value in line if usable(value)])) for line in lines if any(map(usable, line))]
    smallest = min((value for line in lines for value in line if usable(value)), default=0.0)
    return smallest > 0 and max(typical) > LOG_FROM * min(typical)


def _line(name: str, values: list[float], look: Any) -> go.Scatter:
    numbers = [value if usable(value) else float("nan") for value in values]
    return go.Scatter(
        x=list(range(1, len(values) + 1)), y=for_drawing(numbers), name=spoken(name), mode="lines+markers",
        line={"color": look.colour, "dash": look.dash, "width": look.width},
        marker={"symbol": look.marker, "size": 7, "color": look.colour, "maxdisplayed": 14},
        hovertemplate=f"%{{y:{hover_format(numbers)}}}",
    )  # fmt: skip
