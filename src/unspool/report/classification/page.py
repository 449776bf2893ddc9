"""The page about a classifier as one HTML file."""

import os
from typing import Any

from unspool.atomic import write_file
from unspool.report.classification.confidence import confidence_chart
from unspool.report.classification.confusion import confusion_chart
from unspool.report.classification.data import ClassificationReport
from unspool.report.classification.doubtful import MOST, doubtful, doubtful_chart
from unspool.report.classification.tables import choice_table, class_table, data_table, score_table
from unspool.report.classification.training import loss_chart
from unspool.report.classification.words import facts, judgement, summary
from unspool.report.html import render_page


def write_classification(path: str | os.PathLike[str], report: ClassificationReport) -> None:
    """Write the page at `path`, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_file(path, render_classification(report))


def render_classification(report: ClassificationReport) -> str:
    """The page as text; the same report gives the same text."""
    charts = {
        "confusion": confusion_chart(report),
        "sequence": doubtful_chart(report),
        "calibration": confidence_chart(report),
        "training": loss_chart(report),
    }
    wrong = int((report.truth != report.predicted).sum())
    content: dict[str, Any] = {
        "kind": "classification report",
        "title": report.title,
        "summary": summary(report),
        "judgement": judgement(report),
        "facts": facts(report),
        "report": report,
        "scores": score_table(report),
        "by_class": class_table(report),
        "choice": choice_table(report),
        "data": data_table(report),
        "wrong": wrong,
        "left_out": len(report.truth) - len(doubtful(report)) if len(report.truth) > MOST else 0,
    }
    return render_page("classification.html.j2", charts, content)
