"""The chart of what the parts of the past, the calendar and each covariate add to a forecast, by both methods."""

import plotly.graph_objects as go

from unspool.forecast.explanation import Explained, Explanation
from unspool.report.chart import Chart, Selector, View, figure
from unspool.report.explanation.words import sources
from unspool.report.numbers import count, number
from unspool.report.palette import FAINT, GRID, MODEL_COLOUR, ORANGE

MOST = 16
"""Bars; the weakest drivers are left to the table."""


def share_chart(explanation: Explanation, selectors: tuple[Selector, ...]) -> Chart:
    """A view for each series and step ahead: two bars for each source."""
    views = {
        f"{place}/{k}": _view(one, explanation, k)
        for place, one in enumerate(explanation.series)
        for k in range(len(one.ahead))
    }
    return Chart("shares", "What each source adds to the forecast", views, selectors)


def _view(one: Explained, explanation: Explanation, k: int) -> View:
    shown = sources(one, explanation.noun)[:MOST]
    names = [source.name for source in shown]
    added = [float(source.added[k]) for source in shown]
    hidden = [float(source.occlusion[k]) for source in shown]
    made = figure(
        [
            _bars("by integrated gradients", names, added, MODEL_COLOUR, ""),
            _bars("by occlusion", names, hidden, ORANGE, "/"),
        ],
        barmode="group",
        bargap=0.28,
        hovermode="y unified",
        xaxis={"showgrid": True, "gridcolor": GRID, "zeroline": True, "zerolinecolor": FAINT},
        yaxis={"autorange": "reversed", "showgrid": False},
    )
    strongest = sorted(shown, key=lambda source: -abs(source.added[k]))[:3]
    words = ", ".join(f"{source.name} {number(float(source.added[k]))}" for source in strongest)
    caption = (
        f"{one.id}, {count(one.ahead[k], explanation.noun)} ahead. By integrated gradients: parts of the way from rest "
        "to the forecast, which they sum to. By occlusion: what the forecast loses when that source alone is put at "
        "rest. Where the two differ, sources act together."
    )
    return View(made, f"Bar chart of what each source adds. The largest: {words}.", caption)


def _bars(name: str, names: list[str], values: list[float], colour: str, pattern: str) -> go.Bar:
    marker = {"color": colour, "pattern": {"shape": pattern, "fillmode": "replace", "size": 5}}
    drawn = [float(f"{value:.4g}") for value in values]
    return go.Bar(x=drawn, y=names, orientation="h", name=name, marker=marker, hovertemplate="%{x:+.3r}")
