"""What a person looks at: one HTML file about a forecast, and the picture of it."""

from unspool.report.data import ReportData
from unspool.report.page import render_report, write_report

__all__ = ["ReportData", "write_report", "render_report"]
