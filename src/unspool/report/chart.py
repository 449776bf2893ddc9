"""A chart of the report: one or more views of the same kind, of which the reader sees one at a time."""

from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from unspool.report.palette import FAINT, GRID, HOVER, INK, MUTED

X_AXIS = {
    "showgrid": False, "linecolor": GRID, "ticks": "outside", "tickcolor": GRID, "ticklen": 5,
    "spikethickness": 1, "spikecolor": FAINT, "spikedash": "solid",
}  # fmt: skip
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif'


@dataclass(frozen=True)
class View:
    """One drawing with the words that stand for it.

    Attributes:
        figure: made in the light colours.
        alt: what the drawing shows, for those who do not see it.
        caption: the sentence below it. The script sets it as text, so it may hold anything.
    """

    figure: go.Figure
    alt: str
    caption: str


@dataclass(frozen=True)
class Option:
    """An entry of a selector: its key, what the reader sees, and the heading it stands under, if any."""

    key: str
    text: str
    group: str = ""


@dataclass(frozen=True)
class Selector:
    """A choice that the reader makes; selectors of one `name` move together in the whole page."""

    name: str
    label: str
    options: tuple[Option, ...]
    chosen: str


@dataclass(frozen=True)
class Chart:
    """Views by key (the selectors' keys joined with `/`), and how the page treats them.

    Attributes:
        name: the chart's id in the page.
        title: what it is called for a screen reader.
        views: key → view; the key of a chart without selectors is the empty string.
        selectors: in the order of the key's parts.
        zoom: whether the reader may zoom.
    """

    name: str
    title: str
    views: dict[str, View]
    selectors: tuple[Selector, ...] = ()
    zoom: bool = False

    @property
    def shown(self) -> View:
        """The view the page opens with."""
        return self.views["/".join(selector.chosen for selector in self.selectors)]

    def to_json(self) -> dict[str, Any]:
        """What the script needs: the views, each with its words."""
        views = {
            key: {"alt": view.alt, "caption": view.caption} | plain(view.figure) for key, view in self.views.items()
        }
        return {"zoom": self.zoom, "views": views}


def figure(
    traces: list[Any],
    *,
    zoom: bool = False,
    xaxis: dict[str, Any] | None = None,
    yaxis: dict[str, Any] | None = None,
    **layout: Any,
) -> go.Figure:
    """A figure in the report's manner: no box, pale lines across, the legend above; the arguments add to it."""
    small = {"family": FONT, "size": 13, "color": MUTED}
    axis = {"automargin": True, "zeroline": False, "fixedrange": not zoom}
    # one dictionary, because plotly checks every later update from the start
    look = {
        "font": small,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 4, "r": 12, "t": 8, "b": 4},
        "separators": ".\u202f",
        "hovermode": "x unified",
        "hoverlabel": {"align": "left", "bgcolor": HOVER, "bordercolor": GRID, "font": small | {"color": INK}},
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"color": INK},
        },
        "dragmode": "zoom" if zoom else False,
        "xaxis": axis | X_AXIS | (xaxis or {}),
        "yaxis": axis | {"gridcolor": GRID} | (yaxis or {}),
    }
    return go.Figure(traces, look | layout)


def titled(text: str) -> dict[str, Any]:
    """An axis title in the size of the ticks."""
    return {"text": text, "font": {"size": 13}}


def plain(made: go.Figure) -> dict[str, Any]:
    """A figure as plain objects, without plotly's default template (5 kB that this page does not use)."""
    content = made.to_plotly_json()
    content["layout"].pop("template", None)
    return {"data": content["data"], "layout": content["layout"]}
