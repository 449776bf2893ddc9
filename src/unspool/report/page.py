"""The report of a forecasting job as one HTML file."""

import os
from typing import Any

from unspool.atomic import write_file
from unspool.report.data import ReportData
from unspool.report.explanation.page import explanation_charts, explanation_content
from unspool.report.figures.calibration import calibration_chart
from unspool.report.figures.folds import fold_chart
from unspool.report.figures.series import series_chart, series_selector
from unspool.report.figures.steps import step_chart
from unspool.report.figures.training import training_chart
from unspool.report.hardest import hardest_tables
from unspool.report.headline import facts, judgement, summary
from unspool.report.html import render_page
from unspool.report.selection import select_series
from unspool.report.tables import (
    choice_table,
    coverage_table,
    fold_table,
    forecast_tables,
    member_table,
    next_table,
    score_note,
    score_table,
    search_words,
)

MOST_FINDINGS = 20


def write_report(path: str | os.PathLike[str], report: ReportData) -> None:
    """Write the page at `path`, whole or not at all: a reader never sees half of it, a killed run leaves the old one.

    Raises:
        OutputError: the file cannot be written.
    """
    write_file(path, render_report(report))


def render_report(report: ReportData) -> str:
    """The page as text; the same report gives the same text."""
    selection = select_series(report)
    backtest = report.backtest
    search = report.choice.search if report.choice is not None else None
    charts = {
        "series": series_chart(report, selection),
        "folds": fold_chart(report, backtest, selection) if backtest is not None else None,
        "steps": step_chart(backtest) if backtest is not None else None,
        "calibration": calibration_chart(backtest) if backtest is not None else None,
        "training": training_chart(report),
    }
    if report.explanation is not None:
        charts |= explanation_charts(report.explanation, report.forecast, series_selector(selection))
    content: dict[str, Any] = {
        "kind": "forecast report",
        "title": report.title,
        "summary": summary(report),
        "judgement": judgement(report),
        "facts": facts(report),
        "report": report,
        "selection": selection,
        "next_values": next_table(report, selection),
        "forecasts": forecast_tables(report, selection),
        "scores": score_table(backtest) if backtest is not None else None,
        "score_note": score_note(backtest) if backtest is not None else "",
        "by_fold": fold_table(report, backtest) if backtest is not None else None,
        "hardest": hardest_tables(report, selection),
        "coverage": coverage_table(backtest) if backtest is not None else None,
        "members": member_table(search) if search is not None and len(search.members) > 1 else None,
        "search": search_words(search) if search is not None else "",
        "choice": choice_table(report.choice) if report.choice is not None else None,
        "most_findings": MOST_FINDINGS,
        **explanation_content(report.explanation, report.inspect),
    }
    return render_page("report.html.j2", charts, content)
