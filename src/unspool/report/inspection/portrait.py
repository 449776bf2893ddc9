"""The chart of the flow on the principal plane, with trajectories and fixed points."""

import math

import plotly.graph_objects as go
import torch
from torch import Tensor

from unspool.dynamics.equilibria.fixed_points import FixedPoints
from unspool.dynamics.equilibria.plane import Portrait
from unspool.report.chart import Chart, View, figure, titled
from unspool.report.numbers import for_drawing, percent
from unspool.report.palette import FAINT, HOVER, INK, MODEL_COLOUR, ORANGE, TEAL

HEAD = math.radians(150)
"""The turn from an arrow's direction to either side of its head."""


def portrait_chart(portrait: Portrait, found: FixedPoints | None, visited: Tensor | None) -> Chart:
    """Arrows, paths, and points."""
    traces = [_arrows(portrait)]
    if visited is not None:
        traces.append(_points(visited, "on its course", MODEL_COLOUR, "circle", 4))
    traces.append(_paths(portrait.trajectories))
    if found is not None and len(found.points):
        for stable, name, colour, symbol in (
            (True, "stable fixed point", TEAL, "circle"),
            (False, "other fixed point", ORANGE, "x"),
        ):
            chosen = found.stable == stable
            if chosen.any():
                kinds = [k for k, s in zip(found.kinds, found.stable.tolist(), strict=True) if s == stable]
                traces.append(_points(portrait.points[chosen], name, colour, symbol, 12, kinds))
    made = figure(
        traces,
        xaxis={"title": titled("first principal axis"), "range": _ends(portrait.u)},
        yaxis={"title": titled("second"), "range": _ends(portrait.v)},
        hovermode="closest",
    )
    share = percent(portrait.plane.share)
    points = "" if found is None else f" Fixed points: {found.in_words}."
    alt = f"Phase portrait on a plane that holds {share} of the states’ spread.{points}"
    caption = (
        "Where the network goes when its input is held at the mean: arrows are single steps (their lengths drawn as "
        f"square roots), lines whole trajectories. The plane holds {share} of the spread of the states."
    )
    return Chart("portrait", "Phase portrait", {"": View(made, alt, caption)})


def _ends(axis: Tensor) -> list[float]:
    return [float(axis[0]), float(axis[-1])]


def _arrows(portrait: Portrait) -> go.Scatter:
    """Lines with a head each, all in one trace; lengths and turns are in cells of the grid, the longest fills one."""
    start = torch.stack(torch.meshgrid(portrait.u, portrait.v, indexing="xy"), -1).flatten(0, 1)
    cell = torch.stack([portrait.u[1] - portrait.u[0], portrait.v[1] - portrait.v[0]])
    flow = portrait.flow.flatten(0, 1) / cell
    length = flow.norm(dim=-1, keepdim=True).clamp(min=1e-300)
    arrow = 0.85 * flow / (length * length.max()).sqrt()
    end = start + arrow * cell
    sides = [end + 0.35 * arrow @ _turn(sign * HEAD) * cell for sign in (1, -1)]
    gap = torch.full_like(start, math.nan)
    places = torch.stack([start, end, gap, sides[0], end, sides[1], gap], 1).flatten(0, 1)
    return go.Scatter(
        x=_short(places[:, 0]), y=_short(places[:, 1]), mode="lines", name="one step",
        line={"color": FAINT, "width": 1}, hoverinfo="skip",
    )  # fmt: skip


def _turn(angle: float) -> Tensor:
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, s], [-s, c]], dtype=torch.float64)


def _paths(trajectories: Tensor) -> go.Scatter:
    gap = trajectories.new_full((len(trajectories), 1, 2), math.nan)
    places = torch.cat([trajectories, gap], 1).flatten(0, 1)
    return go.Scatter(
        x=_short(places[:, 0]), y=_short(places[:, 1]), mode="lines", name="released",
        line={"color": INK, "width": 1}, opacity=0.7, hoverinfo="skip",
    )  # fmt: skip


def _points(
    places: Tensor, name: str, colour: str, symbol: str, size: int, kinds: list[str] | None = None
) -> go.Scatter:
    outline = {"color": HOVER, "width": 1.5} if kinds else {"width": 0}
    return go.Scatter(
        x=_short(places[:, 0]), y=_short(places[:, 1]), mode="markers", name=name, text=kinds,
        marker={"color": colour, "symbol": symbol, "size": size, "line": outline, "opacity": 1 if kinds else 0.45},
        hoverinfo="text" if kinds else "skip",
    )  # fmt: skip


def _short(values: Tensor) -> list[float | None]:
    """Four digits are finer than a pixel, and half the page."""
    return [None if v is None else float(f"{v:.4g}") for v in for_drawing(values.tolist())]
