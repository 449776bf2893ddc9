"""The chart of how far the differential equation is from the network, step by step."""

import math

import plotly.graph_objects as go

from unspool.dynamics.equation.certificate import Certificate
from unspool.report.axis import ratio_axis
from unspool.report.chart import Chart, View, figure, titled
from unspool.report.numbers import for_drawing, number, percent
from unspool.report.palette import FAINT, INK, MODEL_COLOUR


def equivalence_chart(found: Certificate) -> Chart | None:
    """The share of steps by their error, cumulated; None where no error is above zero."""
    errors = sorted(v for v in found.error.flatten().tolist() if math.isfinite(v))
    positive = [v for v in errors if v > 0]
    if not positive:
        return None
    total = found.error.numel()
    exact = len(errors) - len(positive)
    shares = [(exact + k + 1) / total for k in range(len(positive))]
    line = go.Scatter(
        x=for_drawing(positive), y=for_drawing(shares), mode="lines",
        line={"color": MODEL_COLOUR, "width": 2.2, "shape": "hv"},
        hovertemplate="%{y:.0%} of the steps within %{x:.2~g}<extra></extra>",
    )  # fmt: skip
    allowed = {"type": "line", "x0": found.epsilon, "x1": found.epsilon, "y0": 0, "y1": 1, "yref": "paper"}
    low, high = math.log10(min(positive[0], found.epsilon)) - 0.2, math.log10(max(positive[-1], found.epsilon)) + 0.2
    mark = {
        "x": math.log10(found.epsilon), "y": 1, "yref": "paper", "yanchor": "top", "xanchor": "left",
        "text": f" allowed: {percent(found.epsilon)}", "showarrow": False, "font": {"color": INK},
    }  # fmt: skip
    made = figure(
        [line],
        shapes=[{**allowed, "layer": "below", "line": {"color": FAINT, "width": 1.3, "dash": "dot"}}],
        annotations=[mark],
        xaxis={"title": titled("relative error of a step"), "range": [low, high], **ratio_axis([10**low, 10**high])},
        yaxis={"title": titled("share of steps"), "range": [0, 1.03], "tickformat": ".0%", "dtick": 0.25},
        hovermode="closest",
    )
    middle = number(positive[len(positive) // 2])
    alt = f"Cumulated share of steps by the equation’s relative error; {middle} in the median."
    caption = "The further left the curve rises, the better the differential equation stands for the network."
    return Chart("equivalence", "The equation against the network", {"": View(made, alt, caption)})
