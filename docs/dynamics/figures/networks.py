"""The figures of the pages on networks with a loop and without, compressed and unrolled."""

from typing import Any

import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle
from style import COLOURS, DASHES, LIGHT, Numbers, bare, calm, new_figure

from unspool.report.palette import INK, MUTED

LABELS = {0.0: (0, 1.0, 0.06), 0.5: (12, 6, 0.5), 0.8: (22, 14.8, 0.5), 0.95: (25, 19.5, 0.86)}
"""Loop → where its lines' names stand: after so many steps, and at x, y."""


def loop_away(page: Numbers) -> Figure:
    """Both networks; what is left of a pulse; what a readout recalls."""
    figure = new_figure(12.5)
    diagram, left, recalled = figure.subplots(1, 3, width_ratios=[1.3, 1.2, 1.2])
    for x, loop in ((0.0, False), (2.2, True)):
        _layers(diagram, x, loop)
    diagram.set(xlim=(-0.8, 4.5), ylim=(-0.8, 2.3))
    bare(diagram, "without the loop, and with it")
    for (loop, trace), colour, dash in zip(page["traces"].items(), COLOURS, DASHES, strict=False):
        seen = trace[:41]
        seen = seen[: int((seen > 0).sum())]
        left.semilogy(range(len(seen)), seen, color=colour, linestyle=dash, linewidth=1.8)
        recalled.plot(page["memory"][loop], color=colour, linestyle=dash, linewidth=1.8)
        name = f"loop {loop:g}" if loop else "no loop"
        step, *beside = LABELS[loop]
        if loop:
            left.annotate(name, (step, float(seen[step])), (5, 5), textcoords="offset points", color=colour)
        recalled.text(*beside, name, color=colour)
    left.plot(0, page["traces"][0.0][0], "o", color=COLOURS[0], markersize=6)
    left.annotate("no loop: this point", (0, 1), (0, 6), textcoords="offset points", color=COLOURS[0])
    left.set(xlabel="steps after the pulse", ylabel="‖h with it − h without it‖", ylim=(1e-7, 10))
    calm(left, "what is left of a pulse")
    recalled.set(xlabel="steps back", ylabel="share recalled", ylim=(-0.03, 1.03))
    calm(recalled, "what a readout recalls")
    return figure


def _layers(ax: Axes, x: float, loop: bool) -> None:
    """Two inputs, three units, one output, and the loop; W_h leads from the layer to itself."""
    rows = {0.0: (0.3, 1.0), 1.0: (0.0, 0.65, 1.3), 2.0: (0.65,)}
    places = {height: [x + offset for offset in offsets] for height, offsets in rows.items()}
    for low, high in ((0.0, 1.0), (1.0, 2.0)):
        for a in places[low]:
            for b in places[high]:
                ax.plot([a, b], [low, high], color=MUTED, linewidth=0.9, zorder=1)
    if loop:
        corners = [(x + 1.5, 1.0), (x + 1.75, 1.0), (x + 1.75, 1.5), (x - 0.45, 1.5), (x - 0.45, 1.0), (x - 0.2, 1.0)]
        ax.plot(*zip(*corners[:-1], strict=True), color=COLOURS[2], linewidth=1.6, zorder=0)
        _arrow(ax, corners[-2], corners[-1], COLOURS[2])
        ax.add_patch(Rectangle((x - 0.2, 0.8), 1.7, 0.4, facecolor="none", edgecolor=COLOURS[2], linewidth=1.0))
        ax.text(x + 1.83, 1.25, "W_h", color=COLOURS[2], fontsize=12, va="center")
    for height, fill, edge in ((0.0, "white", MUTED), (1.0, LIGHT[0], COLOURS[0]), (2.0, "white", MUTED)):
        for a in places[height]:
            ax.add_patch(Circle((a, height), 0.14, facecolor=fill, edgecolor=edge, linewidth=1.4, zorder=3))
    for height, what in ((0.0, "x(t)"), (1.0, "h(t)"), (2.0, "y(t)")):
        if not loop:
            ax.text(x - 0.3, height, what, color=INK, ha="right", va="center")
    ax.text(x + 0.65, -0.55, "recurrent" if loop else "feed-forward", color=MUTED, ha="center")


def _arrow(ax: Axes, start: Any, end: Any, colour: str) -> None:
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=11,
            color=colour,
            linewidth=1.4,
            shrinkA=0,
            shrinkB=0,
            zorder=2,
        )
    )


def chain(page: Numbers) -> Figure:
    """The cell with its loop; its six copies, each with its state; each copy's part of the gradient."""
    figure = new_figure(9.9, 4.4)
    ax = figure.subplots()
    states, inputs, parts = torch.cat(page["states"]), page["x"][0], page["parts"].flip(0)
    _cell(ax, -3.2, states[6], "h", "x(t)", inputs[5])
    for points in ([(-2.72, 0.0), (-2.05, 0.0), (-2.05, 1.25), (-4.35, 1.25), (-4.35, 0.0), (-3.68, 0.0)],):
        xs, ys = zip(*points, strict=True)
        ax.plot(xs[:-1], ys[:-1], color=COLOURS[2], linewidth=1.6)
        _arrow(ax, points[-2], points[-1], COLOURS[2])
    ax.text(-3.2, 1.36, "one step later", color=COLOURS[2], ha="center", va="bottom")
    ax.text(-1.15, 0.0, "=", color=INK, fontsize=24, ha="center", va="center")
    _column(ax, -0.3, 0.0, states[0])
    ax.text(-0.3, 0.62, "h(0)", color=INK, ha="center")
    for t in range(6):
        x = 1.15 + 1.5 * t
        _arrow(ax, (x - 1.32 if t == 0 else x - 1.02, 0.0), (x - 0.48, 0.0), COLOURS[2])
        _cell(ax, x, states[t + 1], f"h({t + 1})", f"x({t + 1})", inputs[t])
        height = 1.5 * float(parts[t])
        ax.add_patch(Rectangle((x - 0.28, -3.55), 0.56, height, facecolor=COLOURS[0], linewidth=0))
        ax.text(
            x,
            -3.5 + height,
            f"{100 * float(parts[t]):.0f} %",
            color=INK,
            ha="center",
            va="bottom",
        )
        ax.text(x, -3.68, f"lag {5 - t}", color=MUTED, ha="center", va="top")
    ax.plot([0.6, 9.2], [-3.55, -3.55], color=MUTED, linewidth=0.8)
    ax.text(0.2, -3.1, "each copy's part\nof the gradient", color=MUTED, ha="right", va="center")
    _arrow(ax, (9.13, 0.0), (9.75, 0.0), COLOURS[2])
    ax.text(9.85, 0.0, "E", color=INK, fontsize=13, va="center")
    ax.text(-3.2, 2.2, "compressed", color=INK, fontsize=11.5, fontweight="bold", ha="center")
    ax.text(
        4.9, 2.2, "unrolled: six copies, one set of weights", color=INK, fontsize=11.5, fontweight="bold", ha="center"
    )
    ax.set(xlim=(-4.6, 10.2), ylim=(-4.1, 2.5))
    bare(ax, "")
    return figure


def _cell(ax: Axes, x: float, state: torch.Tensor, name: str, read: str, values: torch.Tensor) -> None:
    """A box with the state in colours, the input below."""
    ax.add_patch(Rectangle((x - 0.48, -0.72), 0.96, 1.44, facecolor="white", edgecolor=COLOURS[0], linewidth=1.6))
    _column(ax, x, 0.0, state)
    ax.text(x, 0.8, name, color=INK, ha="center", va="bottom")
    _column(ax, x, -1.55, values)
    _arrow(ax, (x, -1.28), (x, -0.74), MUTED)
    ax.text(x, -1.88, read, color=INK, ha="center", va="top")


def _column(ax: Axes, x: float, y: float, values: torch.Tensor) -> None:
    """Numbers as coloured squares: blue is negative, red positive, white zero."""
    side = 0.26
    for k, value in enumerate(values.tolist()):
        bottom = y + side * (len(values) / 2 - k - 1)
        colour = colormaps["RdBu_r"](0.5 + 0.45 * max(-1.0, min(1.0, value)))
        ax.add_patch(Rectangle((x - side / 2, bottom), side, side, facecolor=colour, edgecolor=MUTED, linewidth=0.6))
