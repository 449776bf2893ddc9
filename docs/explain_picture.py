"""Draws docs/explain.svg, the picture of the page on explanations: the demo's data and settings."""

import io
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from unspool.atomic import write_file
from unspool.datasets import load_co2
from unspool.forecast import Forecaster
from unspool.report.palette import GRID, INK, MODEL_COLOUR, MUTED, ORANGE
from unspool.report.picture import PAPER

HERE = Path(__file__).parent


def main() -> None:
    """Fit as `make demo` does; above the window and the forecast, below what each step adds to its last value."""
    forecaster = Forecaster(horizon=52, target="co2", time="date").fit(load_co2())
    forecast, (one,) = forecaster.forecast(), forecaster.explain(ahead=[52]).series
    (calendar,) = one.drivers
    with rc_context({"svg.hashsalt": "unspool", "font.family": "sans-serif", "font.size": 11}):
        figure = Figure(figsize=(10, 5), facecolor=PAPER, layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        past, ahead = np.arange(1 - len(one.values), 1), np.arange(1, 53)
        above.plot(past, one.values, color=INK, linewidth=1.3, label="observed")
        above.plot(
            ahead, forecast.point[0], color=MODEL_COLOUR, linewidth=2, label="forecast", marker="D", markevery=[-1]
        )
        above.axhline(one.level, color=MUTED, linewidth=0.8, linestyle=(0, (6, 4)), xmax=0.67)
        below.bar(past, one.attribution[0], color=MODEL_COLOUR, width=0.9, label="past values add")
        below.bar(calendar.steps, calendar.attribution[0], color=ORANGE, width=0.9, label="the calendar adds")
        below.set_xlabel("weeks from the last value", color=MUTED)
        for axes in (above, below):
            axes.set_facecolor(PAPER)
            axes.spines[["top", "right", "left"]].set_visible(False)
            axes.spines["bottom"].set_color(GRID)
            axes.tick_params(colors=MUTED, length=0)
            axes.grid(axis="y", color=GRID, linewidth=0.8)
            axes.set_axisbelow(True)
            axes.legend(loc="upper left", frameon=False, labelcolor=MUTED, ncols=2)
            axes.margins(x=0.01)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None}, facecolor=PAPER)
    write_file(HERE / "explain.svg", drawn.getvalue())


if __name__ == "__main__":
    main()
