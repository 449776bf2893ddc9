"""What the figures of docs/dynamics share: a page's numbers, and the look of an axis."""

import io
import math
import re
from pathlib import Path
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from unspool.report.palette import GRID, INK, MUTED
from unspool.report.picture import PAPER

HERE = Path(__file__).parents[1]
COLOURS = ("#1a5fb4", "#0a7566", "#b3440d", "#7748a0", "#806000")
DASHES: tuple[Any, ...] = ("solid", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (8, 2)))
LIGHT = ("#d9e5f4", "#d3e8e4", "#f3dccf")
SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "unspool",  # ids are random without one
    "svg.fonttype": "none",  # letters as text: a third of the size of letters as outlines
    "path.simplify": False,  # it drops strokes shorter than a pixel
    "font.family": "sans-serif",
    "font.size": 10.5,
}

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

LegendPlace = Literal["upper left", "upper right", "lower left", "lower right", "center right"]

Numbers = dict[str, Any]
"""A page's names after its blocks have run."""


def run_page(name: str) -> Numbers:
    """Run the Python blocks of a page in order: the figure's numbers are the page's own."""
    text = (HERE / f"{name}.md").read_text(encoding="utf-8")
    page: Numbers = {}
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE), 1):
        exec(compile(block, f"{name}.md, block {number}", "exec"), page)
    return page


def new_figure(width: float, height: float = 3.5) -> Figure:
    """An empty figure on paper of its own, so that it reads on a white page and on a dark one."""
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.12)
    return Figure(figsize=(width, height), facecolor=PAPER, layout=layout)


def save(figure: Figure, path: Path) -> None:
    """Write it; the same numbers give the same bytes. Two digits of an SVG's coordinates are all that one can see."""
    drawn, kind = io.BytesIO(), path.suffix.removeprefix(".")
    figure.savefig(drawn, format=kind, dpi=110, metadata={"Date": None} if kind == "svg" else None, facecolor=PAPER)
    content = drawn.getvalue()
    if kind == "svg":
        content = re.sub(rb"\d+\.\d{3,}", lambda found: b"%.2f" % float(found[0]), content)
    path.write_bytes(content)


def calm(
    ax: Axes, title: str, *, grid: Literal["x", "y", "both"] | None = "y", legend: LegendPlace | None = None
) -> None:
    """No box, pale lines across, the title at the left, a legend where one is asked for."""
    ax.set_facecolor(PAPER)
    ax.set_title(title, loc="left", color=INK, fontsize=11.5, fontweight="bold")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set_color(GRID)
    ax.tick_params(which="both", colors=MUTED, length=0, pad=5)
    ax.xaxis.label.set_color(MUTED)
    ax.yaxis.label.set_color(MUTED)
    ax.minorticks_off()
    if ax.get_yscale() == "log":
        ax.yaxis.set_major_formatter(lambda value, _: "10" + f"{math.log10(value):.0f}".translate(RAISED))
    if grid:
        ax.grid(axis=grid, color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    if legend:
        ax.legend(loc=legend, frameon=False, labelcolor=INK, fontsize=9, handlelength=2.6)


def bare(ax: Axes, title: str) -> None:
    """No axes at all, for a diagram."""
    calm(ax, title, grid=None)
    ax.set(xticks=[], yticks=[])
    ax.spines["bottom"].set_visible(False)
    ax.set_aspect("equal", anchor="NW")
