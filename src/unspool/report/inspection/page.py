"""The page about a network as one HTML file."""

import os
from typing import Any

from unspool.atomic import write_file
from unspool.report.html import render_page
from unspool.report.inspection.data import InspectionReport
from unspool.report.inspection.eigenvalues import eigenvalue_chart
from unspool.report.inspection.equivalence import equivalence_chart
from unspool.report.inspection.exponents import exponent_chart
from unspool.report.inspection.gradients import gradient_chart
from unspool.report.inspection.portrait import portrait_chart
from unspool.report.inspection.tables import equation_table, findings, point_table, spectrum_table
from unspool.report.inspection.time_constants import time_constant_chart
from unspool.report.names import cell_name
from unspool.report.numbers import count


def write_inspection(path: str | os.PathLike[str], report: InspectionReport) -> None:
    """Write the page at `path`, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_file(path, render_inspection(report))


def render_inspection(report: InspectionReport) -> str:
    """The page as text; the same report gives the same text."""
    found = report.found
    charts = {
        "gradients": gradient_chart(found.horizon, found.lyapunov) if found.horizon else None,
        "times": time_constant_chart(found),
        "eigenvalues": eigenvalue_chart(found.spectrum, found.odes.get("forward")) if found.spectrum else None,
        "exponents": exponent_chart(found.lyapunov) if found.lyapunov else None,
        "portrait": portrait_chart(found.portrait, found.fixed_points, found.visited) if found.portrait else None,
        "equivalence": equivalence_chart(found.certificate) if found.certificate else None,
    }
    content: dict[str, Any] = {
        "kind": "inspection",
        "title": report.title,
        "summary": f"{_network(report)} {report.course}",
        "judgement": str(found.diagnosis),
        "facts": findings(found),
        "report": report,
        "found": found,
        "radii": spectrum_table(found) if found.spectrum else None,
        "points": point_table(found.fixed_points) if found.fixed_points and found.fixed_points.kinds else None,
        "equations": equation_table(found) if found.odes else None,
    }
    return render_page("inspection.html.j2", charts, content)


def _network(report: InspectionReport) -> str:
    found = report.found
    layers = f"{count(found.num_layers, 'layer')} of " if found.num_layers > 1 else ""
    reads = count(found.input_size, "input")
    return f"{layers}{cell_name(found.cell)} cells, {count(found.size, 'number')} in the state, {reads}."
