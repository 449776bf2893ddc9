"""A still picture of a forecast, for a README: needs matplotlib, which is not among Unspool's own needs."""

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unspool.atomic import write_file
from unspool.errors import OutputError
from unspool.forecast.result import Forecast
from unspool.report.axis import axis_times
from unspool.report.bands import Band, bands
from unspool.report.data import History
from unspool.report.palette import GRID, INK, MODEL_COLOUR, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAPER = "#fcfcfa"
"""A ground of its own, so that the picture reads on a white page and on a dark one."""
FILLS = ("#d9e5f4", "#b4cdec", "#85ade0", "#5f93d4")
RECENT = 4


def forecast_picture(
    path: str | os.PathLike[str],
    history: History,
    forecast: Forecast,
    *,
    title: str = "",
    steps: int | None = None,
) -> None:
    """Draw the newest part of a series and the fan of its forecast; the same data give the same bytes.

    Args:
        path: ends in `.svg` or `.png`.
        history: the series' id, times and values; the id must be among the forecast's.
        forecast: as `Forecaster.predict` or the command makes it.
        title: the line above the chart; the series' id where it is empty.
        steps: how many points of history to draw; by default four horizons.

    Raises:
        OutputError: matplotlib is not installed, the suffix is neither, or the file cannot be written.
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in ("svg", "png"):
        raise OutputError(f"the picture {path} is neither .svg nor .png", hint="end the name in .svg or .png")
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise OutputError(
            "the picture needs matplotlib, which is not installed", hint="install matplotlib beside unspool"
        ) from error
    # ids in an SVG are random without a salt
    with rc_context({"svg.hashsalt": "unspool", "font.family": "sans-serif", "font.size": 11}):
        figure = Figure(figsize=(10, 4.4), facecolor=PAPER, layout="constrained")
        _draw(figure.subplots(), history, forecast, title, steps)
        drawn = io.BytesIO()
        date = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(
            drawn, format=kind, dpi=160, metadata=date, facecolor=PAPER, bbox_inches="tight", pad_inches=0.25
        )
    write_file(path, drawn.getvalue())


def _draw(axes: "Axes", history: History, forecast: Forecast, title: str, steps: int | None) -> None:
    name, raw_times, raw_values = history
    row = forecast.ids.index(name)
    ahead, point, quantiles = axis_times(forecast.times[row]), forecast.point[row], forecast.quantiles[row]
    newest = slice(-(steps or max(40, RECENT * len(ahead))), None)
    times, values = axis_times(raw_times)[newest], np.asarray(raw_values, dtype=np.float64)[newest]
    if len(values) and np.isfinite(values[-1]):
        ahead = np.concatenate([times[-1:], ahead])
        point = np.concatenate([values[-1:], point])
        quantiles = np.concatenate([np.full((1, quantiles.shape[1]), values[-1]), quantiles])
    axes.plot(times, values, color=INK, linewidth=1.3, label="observed", solid_joinstyle="round")
    _fan(axes, ahead, quantiles, bands(forecast.levels))
    marker: Any = "o" if len(forecast.times[row]) == 1 else None
    axes.plot(ahead, point, color=MODEL_COLOUR, linewidth=2, label="forecast", marker=marker, markevery=[-1])
    axes.axvline(times[-1], color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
    _calm(axes, times, title or name)


def _fan(axes: "Axes", ahead: np.ndarray, quantiles: np.ndarray, nested: list[Band]) -> None:
    for band, fill in zip(nested, FILLS, strict=False):
        low, high = quantiles[:, band.low], quantiles[:, band.high]
        axes.fill_between(ahead, low, high, color=fill, linewidth=0, label=band.name)


def _calm(axes: "Axes", times: np.ndarray, title: str) -> None:
    """No box, pale lines across, the legend in one row above."""
    axes.set_facecolor(PAPER)
    axes.set_title(title, loc="left", color=INK, fontsize=14, fontweight="bold", pad=30)
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.005, 1.0), ncols=6, frameon=False, labelcolor=MUTED,
        fontsize=10, borderaxespad=0.2, handlelength=1.6, columnspacing=1.4,
    )  # fmt: skip
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.tick_params(colors=MUTED, length=0, pad=6)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.01)
    if times.dtype.kind == "M":
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(minticks=4, maxticks=9)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
