"""The chart of what each step of the past, the calendar and the covariates add to a forecast, below the series."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from unspool.forecast.explanation import Explained, Explanation
from unspool.forecast.result import Forecast
from unspool.report.chart import Chart, Selector, View, figure, titled
from unspool.report.explanation.words import moves, spoken
from unspool.report.numbers import count, hover_format
from unspool.report.palette import CRIMSON, FAINT, GRID, INK, MODEL_COLOUR, MUTED, OCHRE, ORANGE, PURPLE, TEAL

COLOURS = (ORANGE, TEAL, PURPLE, OCHRE, CRIMSON)
"""Of the strongest drivers; the others together are grey."""


def timeline_chart(
    explanation: Explanation, forecast: Forecast | None, selectors: tuple[Selector, ...], reach: int | None = None
) -> Chart:
    """A view for each series and step ahead: the window above, what each of its steps adds below.

    Args:
        explanation: of the series drawn.
        forecast: of the same series, drawn as a line.
        selectors: of the series and the step.
        reach: steps to which the recurrence reaches back, marked where the window is longer.
    """
    views = {
        f"{place}/{k}": _view(one, explanation, forecast, k, reach)
        for place, one in enumerate(explanation.series)
        for k in range(len(one.ahead))
    }
    return Chart("timeline", "What each step adds to the forecast", views, selectors)


def _view(one: Explained, explanation: Explanation, forecast: Forecast | None, k: int, reach: int | None) -> View:
    size, noun = len(one.values), explanation.noun
    ahead = one.gap + one.ahead[k]
    traces = [*_series(one, forecast), _mark(one, k), *_bars(one, k)]
    shapes = [_upright(0.5), _flat(one.level, 0.5 - size)]
    marks = []
    if reach is not None and reach < size:
        shapes.append(_upright(0.5 - reach))
        text = f" the recurrence reaches {count(reach, noun)} back"
        marks.append({"x": 0.5 - reach, "y": 1, "yref": "paper", "xanchor": "left", "yanchor": "top", "text": text,
                      "showarrow": False, "font": {"color": MUTED}})  # fmt: skip
    last = max(ahead, 0 if forecast is None else one.gap + forecast.point.shape[1])
    end = explanation.time_style.labels(one.times[-1:])[0]
    made = figure(
        traces,
        barmode="relative",
        bargap=0.1,
        shapes=shapes,
        annotations=marks,
        hoversubplots="axis",
        xaxis={
            "title": titled(f"{noun}s from the last value, {end}"),
            "range": [0.5 - size - size / 60, last + 0.5 + size / 60],
            "anchor": "y2",
            "tickformat": "d",
        },
        yaxis={"domain": [0.47, 1], "title": titled(explanation.columns.target)},
        yaxis2={
            "domain": [0, 0.4], "anchor": "x", "title": titled("adds"), "gridcolor": GRID, "zeroline": True,
            "zerolinecolor": FAINT, "automargin": True, "fixedrange": True,
        },
    )  # fmt: skip
    strongest = int(np.argmax(np.abs(one.attribution[k])))
    alt = (
        f"Two charts above each other: the window of {one.id} and its forecast; and bars for what each step adds. "
        f"{moves(one, explanation, k)}"
    )
    words = f" The strongest past value lies {count(size - strongest - 1 + ahead, noun)} before it."
    return View(made, alt, f"{one.id}, {moves(one, explanation, k)}{words}")


def _series(one: Explained, forecast: Forecast | None) -> list[Any]:
    size = len(one.values)
    look = {"mode": "lines", "hovertemplate": f"%{{y:{hover_format(one.values)}}}"}
    line = {"color": INK, "width": 1.5}
    found = [go.Scatter(x0=1 - size, dx=1, y=_short(one.values, 7), name="observed", line=line, **look)]
    if forecast is not None and one.id in forecast.ids:
        point = forecast.point[forecast.ids.index(one.id)]
        line = {"color": MODEL_COLOUR, "width": 2.2}
        mode = {"mode": "lines" if len(point) > 1 else "markers"}
        found.append(go.Scatter(x0=one.gap + 1, dx=1, y=_short(point, 7), name="forecast", line=line, **(look | mode)))
    return found


def _mark(one: Explained, k: int) -> Any:
    """The forecast that is explained."""
    return go.Scatter(
        x=[one.gap + one.ahead[k]], y=_short(one.forecast[k : k + 1], 7), mode="markers", name="explained",
        marker={"color": MODEL_COLOUR, "size": 10, "symbol": "diamond"}, hoverinfo="skip",
    )  # fmt: skip


def _bars(one: Explained, k: int) -> list[Any]:
    """Past values, the strongest drivers, and the others together, where they have steps."""
    size = len(one.values)
    found = [_bar("past values", one.attribution[k], 1 - size, MODEL_COLOUR)]
    moving = sorted((driver for driver in one.drivers if len(driver.steps)), key=lambda driver: -driver.share)
    for driver, colour in zip(moving, COLOURS, strict=False):
        found.append(_bar(spoken(driver), driver.attribution[k], int(driver.steps[0]), colour))
    if others := moving[len(COLOURS) :]:
        total = np.zeros(max(len(driver.steps) for driver in others))
        for driver in others:
            total[: len(driver.steps)] += driver.attribution[k]
        name = spoken(others[0]) if len(others) == 1 else f"{len(others)} others"
        found.append(_bar(name, total, 1 - size, FAINT))
    return found


def _bar(name: str, added: np.ndarray, start: int, colour: str) -> Any:
    return go.Bar(
        x0=start, dx=1, y=_short(added, 3), name=name, yaxis="y2", marker={"color": colour, "line": {"width": 0}},
        hovertemplate="%{y:+.3r}",
    )  # fmt: skip


def _short(values: np.ndarray, digits: int) -> list[float | None]:
    """Few digits, for there are many numbers."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values]


def _upright(x: float) -> dict[str, Any]:
    dotted = {"line": {"color": FAINT, "width": 1, "dash": "dot"}, "layer": "below"}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper"} | dotted


def _flat(level: float, start: float) -> dict[str, Any]:
    """The window's level."""
    dashed = {"line": {"color": FAINT, "width": 1, "dash": "dash"}, "layer": "below"}
    return {"type": "line", "x0": start, "x1": 0.5, "y0": level, "y1": level} | dashed
