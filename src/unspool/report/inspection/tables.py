"""The tables of the page about a network, and the figures under its heading."""

import math

import torch

from unspool.dynamics.diagnosis import kinds_of
from unspool.dynamics.fixed_points import FixedPoints
from unspool.dynamics.horizon import GradientHorizon, time_constants
from unspool.dynamics.inspection import READINGS, Inspection
from unspool.report.headline import Fact
from unspool.report.numbers import between, count, number, percent
from unspool.report.tables import Cell, Table

MOST = 12
"""Rows of fixed points."""


def inspection_facts(found: Inspection) -> list[Fact]:
    """What a reader in a hurry takes away."""
    facts = []
    if (horizon := found.horizon) is not None:
        facts.append(
            Fact("Gradients reach", f"{reached(horizon)} steps", f"back, above {horizon.epsilon:g} of their size")
        )
    if (lyapunov := found.lyapunov) is not None:
        first, error = float(lyapunov.exponents[0]), float(lyapunov.errors[0])
        facts.append(Fact("λ₁, per step", exponent(first), f"± {error:.1g}"))
    if (spectrum := found.spectrum) is not None:
        low, high = (float(v) for v in spectrum.radius.aminmax())
        facts.append(Fact("Spectral radius", number(float(spectrum.radius.median())), f"from {between(low, high)}"))
    if (points := found.fixed_points) is not None:
        facts.append(Fact("Fixed points", str(len(points.points)), kinds_of(points) if len(points.points) else ""))
    return facts


def summary_rows(found: Inspection) -> list[tuple[str, str, str]]:
    """What the terminal shows: what, how much, and a remark."""
    rows = []
    if (spectrum := found.spectrum) is not None:
        low, high = (float(v) for v in spectrum.radius.aminmax())
        rows.append(("spectral radius", number(float(spectrum.radius.median())), f"from {between(low, high)}"))
    if (lyapunov := found.lyapunov) is not None:
        first, error = float(lyapunov.exponents[0]), float(lyapunov.errors[0])
        rows.append(("λ₁, per step", exponent(first), f"± {error:.1g}"))
    if (horizon := found.horizon) is not None:
        rows.append(("horizon, steps", reached(horizon), f"back, gradients above {horizon.epsilon:g} of their size"))
    if (memory := found.memory) is not None:
        times = torch.cat([m.time_constants for m in memory])
        rows.append(
            ("time constants", steps(float(times.max())), f"longest of a unit; median {steps(float(times.median()))}")
        )
    if (points := found.fixed_points) is not None:
        rows.append(("fixed points", str(len(points.points)), kinds_of(points) if len(points.points) else ""))
    if (certificate := found.certificate) is not None:
        share = percent(certificate.agreement)
        rows.append(("as an equation", share, f"of steps within {percent(certificate.epsilon)}"))
    return rows


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
    return Table(caption, ("Kind", "Largest |μ|", "Time constant", "Searches"), rows, max(0, len(found.kinds) - MOST))


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


def reached(horizon: GradientHorizon) -> str:
    """The horizon in steps, or the longest lag that lies within it."""
    return str(horizon.horizon) if horizon.horizon is not None else f"over {horizon.lags[-1]}"


def exponent(value: float) -> str:
    """A Lyapunov exponent, −∞ too."""
    return number(value) if math.isfinite(value) else "−∞"


def steps(value: float) -> str:
    """`2.28 steps`, or ∞; a negative time constant is that of growth."""
    if value == math.inf:
        return "∞"
    return "grows" if value < 0 else f"{number(value)}\u00a0step{'' if value == 1 else 's'}"
