"""The figures of the pages on the vanishing gradient, and on the LSTM."""

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from style import COLOURS, DASHES, Numbers, calm, new_figure

from unspool.dynamics import GradientHorizon
from unspool.report.palette import GRID, INK, MUTED


def vanishing(page: Numbers) -> Figure:
    """Gradient against lag before and after training; accuracy against the lag of training."""
    figure = new_figure(11, 4)
    norms, learning = figure.subplots(1, 2, width_ratios=[1.35, 1])
    runs = {
        "before training": (page["before"][0], page["fresh"][0]),
        "learned lag 5": (page["after"]["learned"], page["learned"]),
        "failed at lag 40": (page["after"]["failed"], page["failed"]),
    }
    for (name, (found, network)), colour, dash in zip(runs.items(), COLOURS, DASHES, strict=False):
        _against_lag(norms, found, name, colour, dash)
        _, exponent = page["slope_and_exponent"](network)
        _slope(norms, found, exponent, colour, above=name != "before training")
    _threshold(norms)
    norms.set(xlabel="lag L, steps", ylabel="‖∂h(T)/∂h(T−L)‖", xlim=(0, 60), ylim=(1e-13, 10))
    calm(norms, "how much of an error gets back", legend="upper right")
    horizons = [found.horizon for found in page["before"]]
    learning.axvspan(min(horizons), max(horizons), color=GRID, linewidth=0)
    learning.text(max(horizons) + 0.7, 0.93, "horizons of\nfresh networks", color=MUTED, va="top", fontsize=9)
    for seed, marker in ((0, "o"), (1, "s")):
        scores = [page["scores"][lag, seed] for lag in page["lags"]]
        learning.plot(page["lags"], scores, marker, color=COLOURS[0], markersize=6.5, label=f"network {seed + 1}",
                      fillstyle="full" if seed == 0 else "none", markeredgewidth=1.5)  # fmt: skip
    learning.axhline(0.5, color=MUTED, linewidth=0.9, linestyle=(0, (2, 3)))
    learning.text(44, 0.505, "chance", color=MUTED, ha="right", va="bottom", fontsize=9)
    learning.set(xlabel="lag of training, steps", ylabel="share answered right", xlim=(0, 44), ylim=(0.4, 1.03))
    learning.set_xticks(page["lags"])
    calm(learning, "what was learned in 200 updates", legend="center right")
    return figure


def gates(page: Numbers) -> Figure:
    """Gradient against lag of three starts and what became of one; time constants before and after."""
    figure = new_figure(11, 4)
    norms, constants = figure.subplots(1, 2, width_ratios=[1.35, 1])
    runs = {
        "vanilla": page["before"]["vanilla"],
        "LSTM, biases near 0": page["before"]["LSTM"],
        "LSTM, chrono": page["before"]["LSTM, chrono"],
        "LSTM, chrono, trained": page["after"]["LSTM, chrono"],
    }
    for (name, found), colour, dash in zip(runs.items(), COLOURS, DASHES, strict=False):
        _against_lag(norms, found, name, colour, dash)
    _threshold(norms)
    norms.set(xlabel="lag L, steps", ylabel="‖∂s(T)/∂s(T−L)‖", xlim=(0, 100), ylim=(1e-10, 3e2))
    calm(norms, "how much of an error gets back", legend="lower right")
    size = len(page["constants"]["before"])
    kinds = {"biases near 0": page["cell_memory"](page["fresh"]["LSTM"])} | {
        f"chrono, {when} training": values for when, values in page["constants"].items()
    }
    for (name, values), colour, dash, marker in zip(kinds.items(), COLOURS[1:], DASHES[1:], "s^o", strict=False):
        constants.semilogy(range(1, size + 1), values.sort().values, color=colour, linestyle=dash, linewidth=1.2,
                           marker=marker, markersize=3.5, label=name)  # fmt: skip
    constants.set(xlabel="unit, by rank", ylabel="time constant of c, steps")
    calm(constants, "how long each unit keeps", legend="upper left")
    return figure


def _against_lag(ax: Axes, found: GradientHorizon, name: str, colour: str, dash: Any) -> None:
    """The median norm, with the band from the lower to the upper decile."""
    lags, (low, median, high) = found.lags, found.log_norms.exp()
    ax.fill_between(lags, low, high, color=colour, alpha=0.13, linewidth=0)
    ax.semilogy([0, *lags.tolist()], [1.0, *median.tolist()], color=colour, linestyle=dash, linewidth=1.9, label=name)


def _slope(ax: Axes, found: GradientHorizon, exponent: float, colour: str, *, above: bool) -> None:
    """A line of slope λ₁ beside the curve's end in the window."""
    lags, median = found.lags, found.log_norms[1]
    inside = (median > math.log(1e-12)) & (lags <= 55)
    end, value = float(lags[inside][-1]), float(median[inside][-1])
    value += 1.6 if above else -1.6
    steps = (end / 2, 3 * end / 4, end)
    heights = [math.exp(value + exponent * (step - end)) for step in steps]
    ax.plot(steps, heights, color=colour, linewidth=0.9)
    where: dict[str, Any] = {"xytext": (6, 5)} if above else {"xytext": (-6, -5), "ha": "right", "va": "top"}
    ax.annotate(f"λ₁ = −{-exponent:.2f}", (steps[1], heights[1]), **where, textcoords="offset points", color=colour,
                fontsize=9)  # fmt: skip


def _threshold(ax: Axes) -> None:
    ax.axhline(1e-3, color=INK, linewidth=0.8, linestyle=(0, (2, 3)))
    ax.text(ax.get_xlim()[1] * 0.01, 1.3e-3, "ε", color=INK, va="bottom")
