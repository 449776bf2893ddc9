"""The report as one HTML file that needs nothing else: no network, no font, no second file."""

import json
import os
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from unspool.atomic import write_file
from unspool.report.chart import Chart
from unspool.report.data import ReportData
from unspool.report.figures.calibration import calibration_chart
from unspool.report.figures.folds import fold_chart
from unspool.report.figures.series import series_chart
from unspool.report.figures.steps import step_chart
from unspool.report.figures.training import training_chart
from unspool.report.headline import facts, judgement, summary
from unspool.report.palette import DARK
from unspool.report.selection import select_series
from unspool.report.tables import (
    choice_table,
    coverage_table,
    fold_table,
    forecast_tables,
    next_table,
    score_note,
    score_table,
)

TEMPLATES = Path(__file__).parent / "templates"
MOST_FINDINGS = 20


def write_report(path: str | os.PathLike[str], report: ReportData) -> None:
    """Write the page at `path`, whole or not at all: a reader never sees half of it, a killed run leaves the old one.

    Raises:
        OutputError: the file cannot be written.
    """
    write_file(path, render_report(report))


def render_report(report: ReportData) -> str:
    """The page as text (5 MB, nearly all of it plotly.js); the same report gives the same text."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(_content(report))


def _content(report: ReportData) -> dict[str, Any]:
    selection = select_series(report)
    backtest = report.backtest
    charts = {
        "series": series_chart(report, selection),
        "folds": fold_chart(report, backtest, selection) if backtest is not None else None,
        "steps": step_chart(backtest) if backtest is not None else None,
        "calibration": calibration_chart(backtest) if backtest is not None else None,
        "training": training_chart(report),
    }
    return {
        "report": report,
        "selection": selection,
        "summary": summary(report),
        "judgement": judgement(report),
        "facts": facts(report),
        "charts": charts,
        "next_values": next_table(report, selection),
        "forecasts": forecast_tables(report, selection),
        "scores": score_table(backtest) if backtest is not None else None,
        "score_note": score_note(backtest) if backtest is not None else "",
        "by_fold": fold_table(report, backtest) if backtest is not None else None,
        "coverage": coverage_table(backtest) if backtest is not None else None,
        "choice": choice_table(report.choice) if report.choice is not None else None,
        "most_findings": MOST_FINDINGS,
        "figures": _embedded(charts),
        "css": (TEMPLATES / "report.css").read_text(encoding="utf-8"),
        "script": (TEMPLATES / "report.js").read_text(encoding="utf-8"),
        "plotly": get_plotlyjs(),
    }


def _embedded(charts: dict[str, Chart | None]) -> str:
    """JSON for a script element: no `<`, `>` or `&` in it, so that no text of the user's can end the element."""
    content = {"dark": DARK, "charts": {name: chart.to_json() for name, chart in charts.items() if chart is not None}}
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
