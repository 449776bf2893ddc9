"""The tables of the page about a network, and the figures under its heading."""

import math

import torch

from unspool.dynamics.equilibria.fixed_points import FixedPoints
from unspool.dynamics.inspection.inspection import READINGS, Inspection
from unspool.report.headline import Fact
from unspool.report.numbers import between, count, number, percent
from unspool.report.tables import Cell, Table

MOST = 12
"""Rows of fixed points."""


def findings(found: Inspection) -> list[Fact]:
    """What a reader in a hurry takes away, on the page and in the terminal."""
    facts = []
    if (horizon := found.horizon) is not None:
        reach = str(horizon.horizon) if horizon.horizon is not None else f"over {horizon.lags[-1]}"
        facts.append(Fact("Gradients reach", f"{reach} steps", f"back, above {horizon.epsilon:g} of their size"))
    if (memory := found.memory) is not None:
        times = torch.cat([m.time_constants for m in memory])
        longest, median = steps(float(times.max())), steps(float(times.median()))
        facts.append(Fact("Longest time constant", longest, f"of a unit; median {median}"))
    if (lyapunov := found.lyapunov) is not None:
        first, error = float(lyapunov.exponents[0]), float(lyapunov.errors[0])
        facts.append(Fact("λ₁, per step", number(first) if math.isfinite(first) else "−∞", f"± {error:.1g}"))
    if (spectrum := found.spectrum) is not None:
        low, high = (float(v) for v in spectrum.radius.aminmax())
        facts.append(Fact("Spectral radius", number(float(spectrum.radius.median())), f"from {between(low, high)}"))
    if (points := found.fixed_points) is not None:
        facts.append(Fact("Fixed points", str(len(points.points)), points.in_words if len(points.points) else ""))
    if (certificate := found.certificate) is not None:
        allowed = percent(certificate.epsilon)
        facts.append(Fact("As an equation", percent(certificate.agreement), f"of its steps within {allowed}"))
    return facts


def spectrum_table(found: Inspection) -> Table:
    """The Jacobian's figures over the states that were looked at."""
    assert found.spectrum is not None
    spectrum = found.spectrum
    rows = [
        ("Spectral radius", spectrum.radius),
        ("Largest singular value", spectrum.norm),
    ]
    cells = tuple(
        (Cell(name), *(Cell(number(float(v))) for v in (values.min(), values.median(), values.max())))
        for name, values in rows
    )
    counts = [str(int(v)) for v in (spectrum.outside.min(), spectrum.outside.median(), spectrum.outside.max())]
    cells += ((Cell("Eigenvalues outside"), *map(Cell, counts)),)
    return Table(f"The Jacobian at {count(len(spectrum.radius), 'state')}", ("", "Least", "Median", "Most"), cells)


def point_table(found: FixedPoints) -> Table:
    """The fixed points, the most stable first."""
    rows = tuple(
        (
            Cell(f"{kind}{'' if stable else ', unstable'}"),
            Cell(number(float(values[0].abs()))),
            Cell(steps(float(-1 / values[0].abs().log()))),
            Cell(str(int(searches))),
        )
        for kind, stable, values, searches in zip(
            found.kinds[:MOST], found.stable.tolist(), found.eigenvalues, found.counts, strict=False
        )
    )
    caption = f"Fixed points found by {count(found.starts, 'search', 'searches')}"
    return Table(caption, ("Kind", "Largest |μ|", "Time constant", "Searches"), rows, max(0, len(found.kinds) - MOST))


def equation_table(found: Inspection) -> Table:
    """The three readings of the network as a differential equation."""
    rows = []
    for reading in READINGS:
        if (ode := found.odes.get(reading)) is None:
            rows.append((Cell(reading), Cell("none"), Cell(""), Cell(""), Cell("")))
            continue
        off = percent(ode.residual) if ode.residual < 10 else "far"
        cells = (steps(float(ode.time_constants[0])), number(ode.stiffness), number(ode.largest_step), off)
        rows.append((Cell(reading), *map(Cell, cells)))
    head = ("Reading", "Longest time constant", "Stiffness", "Largest Euler step", "Off the step by")
    return Table("The linear equation where the network rests", head, tuple(rows))


def steps(value: float) -> str:
    """`2.28 steps`, or ∞; a negative time constant is that of growth."""
    if math.isinf(value):
        return "∞"
    return "grows" if value < 0 else f"{number(value)}\u00a0step{'' if value == 1 else 's'}"
