"""The traces every forecast shares: what was observed, and the fan of nested intervals with its middle line."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from unspool.report.axis import drawn_times
from unspool.report.bands import Band, fills
from unspool.report.numbers import between, for_drawing, hover_format, number
from unspool.report.palette import FAINT, HOVER, INK, MODEL_COLOUR
from unspool.report.thinning import alone

CLEAR = "rgba(0,0,0,0)"
FEW = 60
"""Up to here dots are drawn large."""


def observed_traces(times: np.ndarray, values: np.ndarray, name: str = "observed", dots: bool = False) -> list[Any]:
    """A line that breaks at missing values, and a dot for each value that has no neighbour, or with `dots` for each."""
    x, y = drawn_times(times), for_drawing(values)
    look = {"color": INK, "width": 1.5}
    template = f"%{{y:{hover_format(values)}}}"
    if dots:
        marker = {"color": INK, "size": 5 if len(x) <= FEW else 3}
        look["width"] = 0.8
        return [go.Scatter(x=x, y=y, name=name, mode="lines+markers", line=look, marker=marker, hovertemplate=template)]
    traces = [go.Scatter(x=x, y=y, name=name, mode="lines", line=look, hovertemplate=template)]
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
    hover = _hover(point, quantiles, nested)
    if len(times) == 1:
        return [*_bars(times, quantiles, nested, legend), _dot(times, point, hover, legend)]
    if start is not None:
        anchor, value = start
        times = np.concatenate([anchor, times])
        point = np.concatenate([[value], point])
        quantiles = np.concatenate([np.full((1, quantiles.shape[1]), value), quantiles])
        hover = ["", *hover]
    x = drawn_times(times)
    line = go.Scatter(
        x=x, y=for_drawing(point), name="forecast", mode="lines", line={"color": MODEL_COLOUR, "width": 2.2},
        customdata=hover, hovertemplate="%{customdata}", showlegend=legend,
    )  # fmt: skip
    if start is not None:
        line.hoverinfo, line.hovertemplate = None, ["<extra></extra>"] + ["%{customdata}"] * (len(hover) - 1)
    return [*_rings(x, quantiles, nested, legend), line]


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


def _dot(times: np.ndarray, point: np.ndarray, hover: list[str], legend: bool) -> Any:
    marker = {"color": MODEL_COLOUR, "size": 9, "line": {"color": HOVER, "width": 1.5}}
    return go.Scatter(
        x=drawn_times(times), y=for_drawing(point), name="forecast", mode="markers", marker=marker,
        customdata=hover, hovertemplate="%{customdata}", showlegend=legend,
    )  # fmt: skip


def _hover(point: np.ndarray, quantiles: np.ndarray, nested: list[Band]) -> list[str]:
    if not nested:
        return [number(value) for value in point]
    widest = nested[0]
    return [
        f"{number(value)} ({widest.name}: {between(row[widest.low], row[widest.high])})"
        for value, row in zip(point, quantiles, strict=True)
    ]


def here(times: np.ndarray) -> dict[str, Any]:
    """The upright line at the last observation before a forecast."""
    x = drawn_times(times)[0]
    return {
        "type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "layer": "below",
        "line": {"color": FAINT, "width": 1, "dash": "dot"},
    }  # fmt: skip
