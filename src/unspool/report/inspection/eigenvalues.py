"""The chart of the Jacobian's eigenvalues against the unit circle."""

import numpy as np
import plotly.graph_objects as go
import torch
from torch import Tensor

from unspool.dynamics.equation.ode import Ode
from unspool.dynamics.spectra.spectrum import JacobianSpectrum
from unspool.report.chart import Chart, View, figure, titled
from unspool.report.numbers import count, for_drawing, number
from unspool.report.palette import FAINT, GRID, MODEL_COLOUR, ORANGE

MOST = 2000
"""Dots drawn."""


def eigenvalue_chart(spectrum: JacobianSpectrum, rest: Ode | None) -> Chart:
    """The eigenvalues at the states of a course, and where the network rests."""
    states, size = spectrum.eigenvalues.shape
    kept = torch.linspace(0, states - 1, min(states, max(1, MOST // size))).long()
    turn = np.linspace(0, 2 * np.pi, 181)
    circle = go.Scatter(
        x=for_drawing(np.cos(turn)), y=for_drawing(np.sin(turn)), mode="lines", name="unit circle",
        line={"color": FAINT, "width": 1.3, "simplify": False}, hoverinfo="skip",
    )  # fmt: skip
    traces = [circle, _dots(spectrum.eigenvalues[kept].flatten(), "on its course", MODEL_COLOUR, "circle", 5, 0.45)]
    if rest is not None:
        traces.append(_dots(rest.eigenvalues + 1, "where it rests", ORANGE, "diamond-open", 9, 1.0))
    reach = 1.08 * max(1.0, float(spectrum.radius.max()), *((rest.eigenvalues + 1).abs().tolist() if rest else ()))
    made = figure(
        traces,
        xaxis={
            "range": [-reach, reach],
            "title": titled("real part"),
            "constrain": "domain",
            "showgrid": True,
            "gridcolor": GRID,
        },
        yaxis={
            "range": [-reach, reach],
            "title": titled("imaginary part"),
            "scaleanchor": "x",
            "constrain": "domain",
            "constraintoward": "top",
        },
        hovermode="closest",
    )
    radius = (
        f"{number(float(spectrum.radius.median()))} in the median and {number(float(spectrum.radius.max()))} at most"
    )
    alt = f"Eigenvalues of the step’s Jacobian at {count(states, 'state')}; the largest modulus is {radius}."
    caption = "A difference along an eigenvector fades where its dot lies inside the circle, and grows outside it."
    return Chart("eigenvalues", "Eigenvalues of the Jacobian", {"": View(made, alt, caption)})


def _dots(values: Tensor, name: str, colour: str, symbol: str, size: int, opacity: float) -> go.Scatter:
    return go.Scatter(
        x=for_drawing(values.real.tolist()), y=for_drawing(values.imag.tolist()), mode="markers", name=name,
        marker={"color": colour, "symbol": symbol, "size": size, "opacity": opacity},
        hovertemplate="%{x:.3f} + %{y:.3f} i",
    )  # fmt: skip
