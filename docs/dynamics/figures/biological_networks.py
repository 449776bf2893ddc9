"""Draws the figures of docs/dynamics/biological-networks.md from the numbers that the page's own blocks make.

python docs/dynamics/figures/biological_networks.py [svg|png] [FOLDER]
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unspool.report.palette import GRID, INK, MUTED
from unspool.report.picture import PAPER

PAGE = Path(__file__).parents[1] / "biological-networks.md"
COLOURS = ("#1a5fb4", "#0a7566", "#b3440d", "#7748a0")
DASHES: tuple[Any, ...] = ("solid", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
Numbers = dict[str, Any]


def noise_saturation(page: Numbers, axes: list[Axes]) -> None:
    """Activities against intensity, without and with a surround."""
    for ax, activities, title in (
        (axes[0], page["alone"], "each unit alone"),
        (axes[1], page["together"], "on-centre, off-surround"),
    ):
        _lines(ax, page["intensities"], activities, [f"θ = {share:.1f}" for share in page["theta"]])
        ax.set(title=title, xscale="log", xlabel="intensity I", ylim=(-0.03, 1.05))
        ax.minorticks_off()
    axes[0].set_ylabel("activity x, of B = 1")


def signals(page: Numbers, axes: list[Axes]) -> None:
    """Activities over time for each signal function; the cue's time is shaded."""
    times = torch.cat([page["shown"], page["held"][1:]])
    for ax, (name, history) in zip(axes, page["histories"].items(), strict=True):
        ax.axvspan(0, float(page["shown"][-1]), color=GRID, linewidth=0)
        _lines(ax, times, history, [f"θ = {share:.1f}" for share in page["theta"]])
        ax.set(title=name, xlabel="time", ylim=(-0.03, 0.95), xticks=range(0, 13, 2))
    axes[0].set_ylabel("activity x")
    axes[0].text(1, 0.88, "cue", color=MUTED, ha="center")


def quenching(page: Numbers, axes: list[Axes]) -> None:
    """The weaker unit's last share against its first, with the threshold."""
    for ax, (name, last) in zip(axes, page["last_shares"].items(), strict=True):
        ax.plot(page["first_shares"], page["first_shares"], color=GRID, linewidth=1.5)
        ax.plot(page["first_shares"], last, color=COLOURS[0], linewidth=2)
        ax.axvline(page["in_theory"][name], color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
        measured, theory = page["thresholds"][name], page["in_theory"][name]
        ax.text(theory + 0.01, 0.02, f"measured {measured:.4f}\ntheory {theory:.4f}", color=MUTED)
        ax.set(title=f"{name} signal", xlabel="first share of the weaker unit", ylim=(-0.015, 0.52))
    axes[0].set_ylabel("last share")


def outstar(page: Numbers, axes: list[Axes]) -> None:
    """The traces' shares, stage by stage."""
    (ax,) = axes
    traces = page["traces"]
    _lines(ax, page["trace_times"], traces / traces.sum(-1, keepdim=True), ["z₀₁", "z₀₂", "z₀₃", "z₀₄"])
    span = page["span"]
    for stage, what in enumerate(
        ("source on,\npattern", "both off", "source off,\nreversed ×4", "source on,\nreversed ×4")
    ):
        ax.axvline(stage * span, color=GRID, linewidth=1)
        ax.text(stage * span + 1.5, 0.49, what, color=MUTED, va="top")
    ax.set(title="learning only while sampled", xlabel="time", ylabel="share of the traces", ylim=(0, 0.5))
    ax.legend(loc="lower center", ncols=4, frameon=False, labelcolor=INK, handlelength=2.6, fontsize=9)


def energy(page: Numbers, axes: list[Axes]) -> None:
    """V along each run."""
    spans = {"symmetric": 4.0, "not symmetric": 8.0}
    for ax, (name, values) in zip(axes, page["energies"].items(), strict=True):
        marker = "o" if name == "steps too long" else None
        times = torch.linspace(0, spans.get(name, len(values) - 1.0), len(values))
        ax.plot(times, values, color=COLOURS[0], linewidth=2, marker=marker, markersize=4)
        growth = page["monitors"][name].largest_growth
        ax.set(title=name, xlabel="time" if name in spans else "step")
        ax.set_title("never grows" if growth <= 0 else f"grows by {growth:.2g}", loc="right", fontsize=10, color=MUTED)
    axes[0].set_ylabel("V, less V at the start")


def recall(page: Numbers, axes: list[Axes]) -> None:
    """Overlap against load, with the middle 80 % of the recalls."""
    (ax,) = axes
    for (name, curve), colour, marker in zip(page["curves"].items(), COLOURS[::2], "os", strict=False):
        low, _, high = curve.quantiles.T
        ax.fill_between(curve.loads, low, high, color=colour, alpha=0.13, linewidth=0)
        ax.plot(curve.loads, curve.mean, color=colour, linewidth=2, marker=marker, markersize=5, label=name)
    ax.axvline(0.138, color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
    ax.text(0.133, 0.06, "0.138", color=MUTED, ha="right")
    ax.axvline(1, color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
    ax.text(0.965, 0.06, "one per cell", color=MUTED, ha="right")
    ticks = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]
    ax.set(title="recall after the cue is gone", xlabel="load P/N", ylabel="overlap with the pattern", ylim=(0, 1.03))
    ax.set_xscale("log")
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.legend(loc="lower left", bbox_to_anchor=(0, 0.12), frameon=False, labelcolor=INK)


FIGURES: dict[str, tuple[Callable[[Numbers, list[Axes]], None], int, float]] = {
    "biological-noise-saturation": (noise_saturation, 2, 9),
    "biological-signals": (signals, 4, 12),
    "biological-quenching": (quenching, 2, 9),
    "biological-outstar": (outstar, 1, 8.5),
    "biological-energy": (energy, 3, 11),
    "biological-recall": (recall, 1, 8.5),
}
"""Name → what draws it, its number of panels, its width in inches."""


def main(kind: str = "svg", folder: str | None = None) -> None:
    """Run the page's blocks and draw every figure; the same numbers give the same bytes."""
    page: Numbers = {}
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    exec("\n".join(blocks), page)
    for name, (draw, panels, width) in FIGURES.items():
        # ids in an SVG are random without a salt
        with rc_context({"svg.hashsalt": "unspool", "font.family": "sans-serif", "font.size": 10.5}):
            figure = Figure(figsize=(width, 3.3), facecolor=PAPER, layout="constrained")
            axes = list(figure.subplots(1, panels, squeeze=False)[0])
            draw(page, axes)
            for ax in axes:
                _calm(ax)
            path = Path(folder or PAGE.parent) / f"{name}.{kind}"
            date = {"Date": None} if kind == "svg" else {"Software": None}
            figure.savefig(path, dpi=110, metadata=date, facecolor=PAPER)


def _lines(ax: Axes, x: torch.Tensor, columns: torch.Tensor, labels: list[str]) -> None:
    """Four lines, each with its own colour and dash."""
    for column, label, colour, dash in zip(columns.T, labels, COLOURS, DASHES, strict=True):
        ax.plot(x, column, color=colour, linestyle=dash, linewidth=1.8, label=label)


def _calm(ax: Axes) -> None:
    """No box, pale lines across."""
    ax.set_facecolor(PAPER)
    ax.title.set(color=INK, fontsize=11.5, fontweight="bold", horizontalalignment="left", x=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set_color(GRID)
    ax.tick_params(colors=MUTED, length=0, pad=5)
    ax.xaxis.label.set_color(MUTED)
    ax.yaxis.label.set_color(MUTED)
    ax.grid(axis="y", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.margins(x=0.01)
    place = ax.get_subplotspec()
    if ax.get_legend() is None and ax.get_legend_handles_labels()[1] and place is not None and place.is_first_col():
        ax.legend(frameon=False, labelcolor=INK, fontsize=9, handlelength=2.6)


if __name__ == "__main__":
    main(*sys.argv[1:])
