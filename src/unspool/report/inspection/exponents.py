"""The chart of the Lyapunov spectrum with error bars."""

import math

import plotly.graph_objects as go

from unspool.dynamics.spectra.lyapunov import LyapunovSpectrum
from unspool.report.chart import Chart, View, figure, titled
from unspool.report.numbers import count, for_drawing, number
from unspool.report.palette import FAINT, MODEL_COLOUR


def exponent_chart(found: LyapunovSpectrum) -> Chart | None:
    """The exponents, the largest first; None where all are −∞."""
    finite = found.exponents.isfinite()
    drawn = int(finite.sum())
    if not drawn:
        return None
    values, errors = found.exponents[finite].tolist(), found.errors[finite].nan_to_num(0.0).tolist()
    sure = found.resolved[finite].tolist()
    dots = go.Scatter(
        x=list(range(1, drawn + 1)), y=for_drawing(values), mode="markers", name="λ with its standard error",
        error_y={"type": "data", "array": for_drawing(errors), "color": MODEL_COLOUR, "thickness": 1.5, "width": 3},
        marker={"color": MODEL_COLOUR, "size": 7, "symbol": ["circle" if s else "circle-open" for s in sure]},
        customdata=[f"{number(v)} ± {number(e)} per step" for v, e in zip(values, errors, strict=True)],
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    zero = {"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": 0, "y1": 0, "layer": "below"}
    made = figure(
        [dots],
        shapes=[{**zero, "line": {"color": FAINT, "width": 1.3}}],
        xaxis={
            "title": titled("direction, the slowest to fade first"),
            "range": [0.4, drawn + 0.6],
            "tick0": 1,
            "dtick": math.ceil(drawn / 16),
        },
        yaxis={"title": titled("λ, per step"), "rangemode": "tozero"},
        hovermode="closest",
        showlegend=False,
    )
    lost = int(found.exponents.isneginf().sum())
    caption = "Below the line differences fade, in 1/|λ| steps; above it they grow, which is chaos."
    caption += f" {count(lost, 'direction')} more are lost within a single step (−∞)." if lost else ""
    caption += " Open dots: rounding allows them to lie lower." if not all(sure) else ""
    alt = (
        f"Lyapunov exponents of {count(drawn, 'direction')}, from {number(values[0])} to {number(values[-1])} per step."
    )
    return Chart("exponents", "Lyapunov spectrum", {"": View(made, alt, caption)})
