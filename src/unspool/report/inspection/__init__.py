"""The page about a network as a dynamical system: a chart for each analysis, one file each."""

from unspool.report.inspection.data import InspectionReport
from unspool.report.inspection.page import render_inspection, write_inspection

__all__ = ["InspectionReport", "render_inspection", "write_inspection"]
