"""The figures of the pages on the differential equation, and on what explodes and shrinks."""

import math

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from style import COLOURS, DASHES, LIGHT, Numbers, calm, new_figure

from unspool.report.palette import INK, MUTED

READINGS = dict(zip(("forward", "exact", "backward"), zip(COLOURS, DASHES, strict=False), strict=False))
"""Reading → colour and dash."""


def equation(page: Numbers) -> Figure:
    """One unit with weight 0.5; the spiral of two units; where map and equation are stable."""
    figure = new_figure(12.5, 3.9)
    one, two, plane = figure.subplots(1, 3)
    steps, times = np.arange(6), np.linspace(0, 5, 101)
    one.plot(
        times, np.exp(0.5 * times), color=COLOURS[3], linestyle=DASHES[3], linewidth=1.8, label='"W_h h", as printed'
    )
    for (name, (colour, dash)), rate in zip(READINGS.items(), page["table"][0.5], strict=True):
        one.plot(times, np.exp(rate * times), color=colour, linestyle=dash, linewidth=1.8, label=name)
    one.plot(steps, 0.5**steps, "o", color=INK, markersize=5, label="the network")
    one.set(xlabel="t, steps", ylabel="h(t)", ylim=(-0.05, 2.6))
    calm(one, "one unit, w = 0.5", legend="upper right")
    _spiral(two, page)
    _plane(plane)
    return figure


def _spiral(ax: Axes, page: Numbers) -> None:
    start, times = page["start"], torch.linspace(0, 12, 121, dtype=torch.float64)
    for name, (colour, dash) in READINGS.items():
        ode = page["equations"][name]
        rest = torch.linalg.solve(ode.generator, -ode.offset)
        path = rest + torch.linalg.matrix_exp(ode.generator * times[:, None, None]) @ (start - rest)
        ax.plot(path[:, 0], path[:, 1], color=colour, linestyle=dash, linewidth=1.8, label=name)
    dots = torch.cat([start[None], page["runs"]["exact"].discrete[0]])
    ax.plot(dots[:, 0], dots[:, 1], "o", color=INK, markersize=5, label="the network")
    ax.set(xlabel="h₁", ylabel="h₂")
    calm(ax, "two ReLU units, all active", grid="both")


def _plane(ax: Axes) -> None:
    """Eigenvalues μ: the disc |μ| < 1, the half-plane Re μ < 1, Euler's disc for α = ½, the backward reading's."""
    ax.axvspan(-3.2, 1, color=LIGHT[2], linewidth=0)
    ax.add_patch(Circle((0, 0), 1, facecolor=LIGHT[0], edgecolor=COLOURS[0], linewidth=1.6))
    ax.add_patch(Circle((-1, 0), 2, fill=False, edgecolor=MUTED, linewidth=1.1, linestyle=(0, (3, 2))))
    ax.add_patch(Circle((0.5, 0), 0.5, fill=False, edgecolor=COLOURS[2], linewidth=1.4, linestyle=DASHES[2]))
    ax.text(0.5, 0, "back-\nward", color=COLOURS[2], ha="center", va="center", fontsize=8)
    ax.plot(-2, 0, "o", color=INK, markersize=6)
    ax.text(-2, 0.2, "μ = −2", color=INK, ha="center")
    ax.text(-0.42, 0, "both\nstable", color=INK, ha="center", va="center", fontsize=9)
    ax.text(-1.05, 2.25, "only the equation is stable", color=INK, ha="center")
    ax.text(-1, -1.72, "leaky, α = ½,\nstable inside", color=MUTED, ha="center", fontsize=9)
    ax.text(1.55, 1.2, "both\ngrow", color=INK, ha="center")
    ax.set(xlim=(-3.2, 2.1), ylim=(-2.6, 2.7), xlabel="Re μ", ylabel="Im μ", aspect="equal")
    calm(ax, "stable for which eigenvalues", grid=None)


def growth(page: Numbers) -> Figure:
    """Powers over time; eigenvalues of a random matrix; λ₁ against g."""
    figure = new_figure(12.5, 3.7)
    powers, circle, exponents = figure.subplots(1, 3, width_ratios=[1.15, 1, 1.25])
    steps = np.arange(101)
    for w, colour, dash in zip((1.1, 0.99, 0.9, 0.5), COLOURS, DASHES, strict=False):
        powers.semilogy(steps, float(w) ** steps, color=colour, linestyle=dash, linewidth=1.7, label=f"w = {w:g}")
    shear = page["growths"]["non-normal"]
    lags, norms = shear.lags[shear.lags <= 100], shear.log_norms[1][shear.lags <= 100].exp()
    powers.semilogy([0, *lags], [1.0, *norms], color=COLOURS[4], linewidth=2.2, label="ρ = 0.9, not normal")
    powers.axhline(1, color=MUTED, linewidth=0.8)
    powers.set(xlabel="steps", ylabel="size, of 1 at first", ylim=(1e-12, 1e5))
    calm(powers, "explode or shrink", legend="lower right")
    values = page["spectrum"].eigenvalues[0]
    circle.add_patch(Circle((0, 0), 1, facecolor="none", edgecolor=COLOURS[0], linewidth=1.4))
    # Dots as the round caps of short strokes: one path in the file instead of an element for each.
    across, up = (np.asarray(part)[:, None] for part in (values.real, values.imag))
    strokes = np.hstack([across, across + 0.001, np.full_like(across, np.nan)]).ravel(), np.hstack([up] * 3).ravel()
    circle.plot(*strokes, color=INK, linewidth=2.2, solid_capstyle="round")
    circle.add_patch(
        Circle((0, 0), float(page["spectrum"].norm), fill=False, edgecolor=COLOURS[2], linestyle=(0, (4, 2)))
    )
    circle.text(0, -1.85, "σ₁, near 2g", color=COLOURS[2], ha="center", va="bottom")
    circle.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), xlabel="Re μ", ylabel="Im μ", aspect="equal")
    calm(circle, f"{page['N']} eigenvalues, g = 1", grid=None)
    _exponents(exponents, page)
    return figure


def _exponents(ax: Axes, page: Numbers) -> None:
    ax.axvspan(0, 0.5, color=LIGHT[0], linewidth=0)
    ax.axvspan(1, 3.1, color=LIGHT[2], linewidth=0)
    calmed, chaotic = np.linspace(0.2, 1, 50), np.linspace(1.01, 3.1, 60)
    ax.plot(calmed, np.log(calmed), color=COLOURS[0], linewidth=1.8, label="theory: ln g, and mean field")
    ax.plot(chaotic, [page["mean_field"](g) for g in chaotic], color=COLOURS[0], linewidth=1.8)
    ax.plot(list(page["largest"]), list(page["largest"].values()), "o", color=INK, markersize=5, label="measured")
    ax.axhline(0, color=MUTED, linewidth=0.8)
    for x, what in (
        (0.25, "σ₁ < 1:\nmust\nvanish"),
        (0.75, "vanish\nhere"),
        (2.05, "chaos: gradients explode"),
    ):
        ax.text(x, 0.47, what, color=INK, ha="center", va="top", fontsize=9)
    ax.set(xlabel="g", ylabel="λ₁, nats per step", xlim=(0, 3.1), ylim=(math.log(0.2), 0.52))
    calm(ax, "tanh networks", grid=None, legend="lower right")
