"""The chart of the time constants of units, beside those of directions."""

import math

import plotly.graph_objects as go

from unspool.dynamics.gradients.horizon import time_constants
from unspool.dynamics.gradients.memory import UnitMemory
from unspool.dynamics.inspection.inspection import Inspection
from unspool.report.axis import ratio_axis
from unspool.report.chart import Chart, View, figure, titled
from unspool.report.numbers import for_drawing, hover_format, number
from unspool.report.palette import INK, MODEL_COLOUR, OCHRE, ORANGE, PURPLE, TEAL

COLOURS = (MODEL_COLOUR, ORANGE, TEAL, PURPLE, OCHRE)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def time_constant_chart(found: Inspection) -> Chart | None:
    """A falling curve for each state of each layer, and one of the exponents; None where nothing is kept at all."""
    curves: list[tuple[str, list[float]]] = []
    if found.lyapunov is not None:
        curves.append(("directions, −1/λ", time_constants(found.lyapunov.exponents).tolist()))
    for memory in found.memory or ():
        curves.append((_name(memory, found.num_layers), memory.time_constants.tolist()))
    looks = [(INK, "longdashdot"), *((c, d) for d in DASHES for c in COLOURS)]
    looks = looks if found.lyapunov is not None else looks[1:]
    drawn = [
        (name, sorted((v for v in values if 0 < v < math.inf), reverse=True), len(values), look)
        for (name, values), look in zip(curves, looks, strict=False)
    ]
    drawn = [entry for entry in drawn if entry[1]]
    if not drawn:
        return None
    traces = [
        go.Scatter(
            x=for_drawing(100 * (k + 0.5) / total for k in range(len(values))), y=for_drawing(values), name=name,
            mode="lines+markers", line={"color": colour, "dash": dash, "width": 1.8},
            marker={"size": 6, "color": colour, "maxdisplayed": 12},
            hovertemplate=f"%{{y:{hover_format(values)}}} steps",
        )
        for name, values, total, (colour, dash) in drawn
    ]  # fmt: skip
    shown = [v for _, curve, _, _ in drawn for v in curve]
    low, high = min(shown) / 2, max(shown) * 2  # so that a narrow range also has ticks
    made = figure(
        traces,
        xaxis={"title": titled("share of units, the slowest first"), "ticksuffix": " %", "range": [0, 100]},
        yaxis={
            "title": titled("time constant, steps"),
            "range": [math.log10(low), math.log10(high)],
            **ratio_axis((low, high)),
        },
    )
    longest = max(values[0] for _, values, _, _ in drawn)
    alt = f"Line chart of sorted time constants; the longest finite one is {number(longest)} steps."
    caption = "After so many steps a unit by itself, or a direction of the whole state, has forgotten all but 1/e."
    gates = dict.fromkeys(f"of {m.state}: {m.gate}" for m in found.memory or () if m.gate)
    caption += f" Gates {'; '.join(gates)}." if gates else ""
    endless = sum(v == math.inf for _, values in curves for v in values)
    caption += f" {endless} that never fade are not drawn." if endless else ""
    return Chart("times", "Time constants", {"": View(made, alt, caption)})


def _name(memory: UnitMemory, layers: int) -> str:
    """Without the gate's text, which is the page's author's: plotly reads markup in names."""
    where = f" of layer {memory.layer + 1}" if layers > 1 else ""
    return f"{memory.state}{where}, by {'its gate' if memory.gate else 'its own derivative'}"
