"""What a forecast rests on: words, charts and tables of an explanation, in the report and on a page of its own."""

from unspool.report.explanation.page import ExplanationReport, render_explanation
from unspool.report.explanation.words import rests_on

__all__ = ["ExplanationReport", "render_explanation", "rests_on"]
