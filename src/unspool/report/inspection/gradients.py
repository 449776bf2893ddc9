"""The chart of the gradient's norm against the lag, with the horizon and the bounds."""

import math
from typing import Any

import plotly.graph_objects as go
from torch import Tensor

from unspool.dynamics.gradients.horizon import GradientHorizon
from unspool.dynamics.inspection.diagnosis import power_of_ten
from unspool.dynamics.spectra.lyapunov import LyapunovSpectrum
from unspool.report.chart import Chart, View, figure, titled
from unspool.report.numbers import count, for_drawing, number
from unspool.report.palette import FAINT, FAN, INK, MODEL_COLOUR, ORANGE, TEAL


def gradient_chart(found: GradientHorizon, lyapunov: LyapunovSpectrum | None) -> Chart:
    """Norms on a scale of ratios, by lag."""
    lags = [0, *found.lags.tolist()]
    low, middle, high = ([0.0, *row] for row in _decades(found.log_norms).tolist())
    until = lags[-1] if found.horizon is None else min(lags[-1], max(10, math.ceil(1.6 * found.horizon)))
    threshold = math.log10(found.epsilon)
    traces = [
        *_band(lags, low, high),
        _line(lags, middle, "median", MODEL_COLOUR, "solid", 2.4),
        *_straight(found, lyapunov, lags[-1]),
    ]
    seen = [v for lag, v in zip(lags, high, strict=True) if lag <= until and math.isfinite(v)]
    top, bottom = max(0.0, *seen) + 0.3, min(2 * threshold, 0.0) - 0.3
    upright = {"type": "line", "y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
    flat = {"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": threshold, "y1": threshold, "layer": "below"}
    dotted = {"line": {"color": FAINT, "width": 1.3, "dash": "dot"}}
    shapes, marks = (
        [flat | dotted],
        [_mark(1, threshold, f"ε = {found.epsilon:g}", "right", "bottom", xref="paper")],
    )
    if found.horizon is not None:
        shapes.append(upright | dotted | {"x0": found.horizon, "x1": found.horizon})
        marks.append(_mark(found.horizon, 1, f" horizon: {count(found.horizon, 'step')}", "left", "top", yref="paper"))
    made = figure(
        traces, shapes=shapes, annotations=marks,
        xaxis={"title": titled("lag, steps back"), "range": [0, until], "tickformat": "d"},
        yaxis={"title": titled("gradient’s norm"), "range": [bottom, top], **_ticks(bottom, top)},
    )  # fmt: skip
    reach = "not reached" if found.horizon is None else count(found.horizon, "step")
    alt = f"Line chart of the norm of the gradient by lag. Horizon at {found.epsilon:g}: {reach}."
    caption = "What arrives of an error so many steps back; left of the horizon the network can learn, right of it not."
    return Chart("gradients", "Gradients by lag", {"": View(made, alt, caption)})


def _decades(logs: Tensor) -> Tensor:
    return logs / math.log(10)


def _straight(found: GradientHorizon, lyapunov: LyapunovSpectrum | None, longest: int) -> list[go.Scatter]:
    """Lines of a constant factor per step, from 1 at lag 0."""
    lines = []
    if lyapunov is not None and lyapunov.exponents[0].isfinite():
        rate = float(lyapunov.exponents[0])
        lines.append((rate, "λ₁ alone", TEAL, "dash"))
    if found.bounds is not None and 0 < found.bounds.gain < math.inf:
        lines.append((math.log(found.bounds.gain), "bound by the weights", ORANGE, "dashdot"))
    ends = [0, longest]
    return [
        _line(ends, [0.0, rate * longest / math.log(10)], name, colour, dash, 1.6) for rate, name, colour, dash in lines
    ]


def _line(x: list[int], y: list[float], name: str, colour: str, dash: str, width: float) -> go.Scatter:
    return go.Scatter(
        x=x, y=for_drawing(y), name=name, mode="lines", line={"color": colour, "dash": dash, "width": width},
        customdata=[_norm(v) for v in y], hovertemplate="%{customdata}",
    )  # fmt: skip


def _band(lags: list[int], low: list[float], high: list[float]) -> list[go.Scatter]:
    edge: dict[str, Any] = {"mode": "lines", "line": {"width": 0, "color": FAN[0]}, "hoverinfo": "skip"}
    return [
        go.Scatter(x=lags, y=for_drawing(high), showlegend=False, **edge),
        go.Scatter(x=lags, y=for_drawing(low), fill="tonexty", fillcolor=FAN[0], name="8 of 10 stretches", **edge),
    ]


def _norm(decades: float) -> str:
    """A norm from its decimal logarithm, however small."""
    if not math.isfinite(decades):
        return "0"
    if abs(decades) < 4:
        return number(10**decades)
    whole = math.floor(decades)
    return f"{10 ** (decades - whole):.1f} × {power_of_ten(whole)}"


def _ticks(bottom: float, top: float) -> dict[str, Any]:
    """Powers of ten, seven at most."""
    step = max(1, math.ceil((top - bottom) / 7))
    powers = [p for p in range(math.ceil(bottom), math.floor(top) + 1) if p % step == 0]
    return {"tickvals": powers, "ticktext": ["1" if p == 0 else power_of_ten(p) for p in powers]}


def _mark(x: float, y: float, text: str, xanchor: str, yanchor: str, **refs: str) -> dict[str, Any]:
    place = {"x": x, "y": y, "xanchor": xanchor, "yanchor": yanchor} | refs
    return place | {"text": text, "showarrow": False, "font": {"color": INK}}
