"""The traces every forecast shares: what was observed, and the fan of nested intervals with its middle line."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from unspool.report.axis import drawn_times
from unspool.report.bands import Band, fills
from unspool.report.numbers import for_drawing, hover_format
from unspool.report.palette import FAINT, HOVER, INK, MODEL_COLOUR
from unspool.report.thinning import alone

CLEAR = "rgba(0,0,0,0)"


def observed_traces(times: np.ndarray, values: np.ndarray) -> list[Any]:
    """A line that breaks at missing values, and a dot for each value that has no neighbour."""
    x, y = drawn_times(times), for_drawing(values)
    look = {"color": INK, "width": 1.5}
    traces = [go.Scatter(x=x, y=y, name="observed", mode="lines", line=look, hoverinfo="skip")]
    lonely = np.flatnonzero(alone(values))
    if len(lonely):
        marker = {"color": INK, "size": 3}
        points = {"x": [x[place] for place in lonely], "y": [y[place] for place in lonely]}
        traces.append(go.Scatter(**points, mode="markers", marker=marker, showlegend=False, hoverinfo="skip"))
    return traces


def fan_traces(
    times: np.ndarray,
    point: np.ndarray,
    quantiles: np.ndarray,
    nested: list[Band],
    start: tuple[np.ndarray, float] | None,
    legend: bool = True,
) -> list[Any]:
    """The forecast of one series: rings of intervals that do not overlap, then the point forecast.

    Args:
        times: [H].
        point: [H].
        quantiles: [H, Q].
        nested: from `bands`, the widest first.
        start: the last observed time ([1]) and value, from which the fan opens; None draws it free.
        legend: whether these traces are named in the legend.
    """
    if len(times) == 1:
        return [*_bars(times, quantiles, nested, legend), _dot(times, point, legend)]
    if start is not None:
        anchor, value = start
        times = np.concatenate([anchor, times])
        point = np.concatenate([[value], point])
        quantiles = np.concatenate([np.full((1, quantiles.shape[1]), value), quantiles])
    x = drawn_times(times)
    line = go.Scatter(
        x=x, y=for_drawing(point), name="forecast", legendgroup="forecast", showlegend=legend, mode="lines",
        line={"color": MODEL_COLOUR, "width": 2.2}, hoverinfo="skip",
    )  # fmt: skip
    return [*_rings(x, quantiles, nested, legend), line]


def hover_trace(answers: list[tuple[np.ndarray, np.ndarray, list[str]]]) -> Any:
    """An unseen line that alone answers the pointer.

    Were each trace to answer, plotly would show the nearest point of all of them under one date: an observation from
    before the cutoff beside the forecast after it.

    Args:
        answers: parts of the line: times [n], values [n] (NaN answers nothing), and n texts to show after the value.
    """
    values = np.concatenate([part for _, part, _ in answers])
    return go.Scatter(
        x=drawn_times(np.concatenate([times for times, _, _ in answers])), y=for_drawing(values),
        mode="lines", line={"width": 0, "color": CLEAR}, showlegend=False,
        customdata=[text for _, _, words in answers for text in words],
        hovertemplate=f"%{{y:{hover_format(values)}}}%{{customdata}}<extra></extra>",
    )  # fmt: skip


def outside(actual: np.ndarray, quantiles: np.ndarray, nested: list[Band]) -> np.ndarray:
    """[H] bool: observed values beyond the widest interval."""
    if not nested:
        return np.zeros(len(actual), dtype=bool)
    widest = nested[0]
    with np.errstate(invalid="ignore"):
        return (actual < quantiles[:, widest.low]) | (actual > quantiles[:, widest.high])


def _rings(x: list[Any], quantiles: np.ndarray, nested: list[Band], legend: bool) -> list[Any]:
    colours = fills(nested)
    bounds = [(band.low, rank) for rank, band in enumerate(nested)]
    bounds += [(band.high, rank) for rank, band in reversed(list(enumerate(nested)))]
    traces = []
    for place, (column, rank) in enumerate(bounds):
        # a region is filled down to the trace before it; the lower region of each band carries its name
        region = bounds[place - 1][1] if place <= len(nested) else rank
        named = legend and 0 < place <= len(nested)
        traces.append(
            go.Scatter(
                x=x, y=for_drawing(quantiles[:, column]), mode="lines", line={"width": 0, "color": CLEAR},
                fill="none" if place == 0 else "tonexty", fillcolor=colours[region] if place else CLEAR,
                name=nested[region].name, legendgroup=nested[region].name, showlegend=named, hoverinfo="skip",
            )
        )  # fmt: skip
    return traces


def _bars(times: np.ndarray, quantiles: np.ndarray, nested: list[Band], legend: bool) -> list[Any]:
    """One step ahead has no area: each interval is an upright bar, the narrower the wider drawn."""
    x = drawn_times(np.repeat(times, 2))
    return [
        go.Scatter(
            x=x, y=for_drawing(quantiles[0, [band.low, band.high]]), mode="lines", name=band.name, showlegend=legend,
            line={"color": colour, "width": 6 + 5 * rank}, hoverinfo="skip",
        )
        for rank, (band, colour) in enumerate(zip(nested, fills(nested), strict=True))
    ]  # fmt: skip


def _dot(times: np.ndarray, point: np.ndarray, legend: bool) -> Any:
    marker = {"color": MODEL_COLOUR, "size": 9, "line": {"color": HOVER, "width": 1.5}}
    return go.Scatter(
        x=drawn_times(times), y=for_drawing(point), name="forecast", legendgroup="forecast", showlegend=legend,
        mode="markers", marker=marker, hoverinfo="skip",
    )  # fmt: skip


def here(times: np.ndarray) -> dict[str, Any]:
    """The upright line at the last observation before a forecast."""
    x = drawn_times(times)[0]
    return {
        "type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "layer": "below",
        "line": {"color": FAINT, "width": 1, "dash": "dot"},
    }  # fmt: skip
