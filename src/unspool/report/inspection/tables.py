"""The tables of the page about a network, and the figures under its heading."""

import math

from torch import Tensor

from unspool.dynamics.diagnosis import kinds_of
from unspool.dynamics.fixed_points import FixedPoints
from unspool.dynamics.horizon import time_constants
from unspool.dynamics.inspection import READINGS, Inspection
from unspool.report.headline import Fact
from unspool.report.numbers import between, count, number, percent
from unspool.report.tables import Cell, Table

ENDLESS = "∞"
MOST = 12
"""Rows of fixed points."""


def inspection_facts(found: Inspection) -> list[Fact]:
    """What a reader in a hurry takes away."""
    facts = []
    if (horizon := found.horizon) is not None:
        reach = count(horizon.horizon, "step") if horizon.horizon is not None else f"over {horizon.lags[-1]} steps"
        facts.append(Fact("Learns from", reach, f"gradients above {horizon.epsilon:g}"))
    if (lyapunov := found.lyapunov) is not None:
        first, error = float(lyapunov.exponents[0]), float(lyapunov.errors[0])
        fades = float(time_constants(lyapunov.exponents[:1]))
        remark = f"± {error:.1g}; fades in {steps(fades)}" if fades < math.inf else f"± {error:.1g}; does not fade"
        facts.append(Fact("λ₁, per step", number(first) if math.isfinite(first) else "−∞", remark))
    if found.spectrum is not None:
        radius = found.spectrum.radius
        facts.append(
            Fact("Spectral radius", number(float(radius.median())), between(float(radius.min()), float(radius.max())))
        )
    if found.fixed_points is not None:
        points = found.fixed_points
        facts.append(Fact("Fixed points", str(len(points.points)), kinds_of(points) if len(points.points) else ""))
    return facts


def spectrum_table(found: Inspection) -> Table:
    """The Jacobian's figures over the states that were looked at."""
    assert found.spectrum is not None
    spectrum = found.spectrum
    rows = [
        ("Spectral radius", spectrum.radius),
        ("Largest singular value", spectrum.norm),
        ("Eigenvalues outside the circle", spectrum.outside.double()),
    ]
    cells = tuple(
        (Cell(name), *(Cell(number(float(v))) for v in (values.min(), values.median(), values.max())))
        for name, values in rows
    )
    return Table(f"The Jacobian at {count(len(spectrum.radius), 'state')}", ("", "Least", "Median", "Most"), cells)


def point_table(found: FixedPoints) -> Table:
    """The fixed points, the most stable first."""
    rows = tuple(
        (
            Cell(f"{kind}{'' if stable else ', unstable'}"),
            Cell(number(float(values[0].abs()))),
            Cell(steps(float(time_constants(values[:1].abs().log())))),
            Cell(str(int(searches))),
        )
        for kind, stable, values, searches in zip(
            found.kinds[:MOST], found.stable.tolist(), found.eigenvalues, found.counts, strict=False
        )
    )
    caption = f"Fixed points found by {count(found.starts, 'search', 'searches')}"
    return Table(caption, ("Kind", "Largest |μ|", "Fades in", "Searches"), rows, max(0, len(found.kinds) - MOST))


def equation_table(found: Inspection) -> Table:
    """The three readings of the network as a differential equation."""
    rows = []
    for reading in READINGS:
        if (ode := found.odes.get(reading)) is None:
            rows.append((Cell(reading), Cell("none"), Cell(""), Cell(""), Cell("")))
            continue
        longest = float(ode.time_constants[0])
        cells = (steps(longest), number(ode.stiffness), number(ode.largest_step), percent(ode.residual))
        rows.append((Cell(reading), *map(Cell, cells)))
    head = ("Reading", "Longest time constant", "Stiffness", "Largest Euler step", "Off the step by")
    return Table("The linear equation where the network rests", head, tuple(rows))


def median_time(values: Tensor) -> str:
    """The median time constant, in steps."""
    return steps(float(values.median()))


def steps(value: float) -> str:
    """`2.28 steps`; a negative time constant is that of growth."""
    if value == math.inf:
        return "never"
    return "grows" if value < 0 else f"{number(value)}\u00a0step{'' if value == 1 else 's'}"
