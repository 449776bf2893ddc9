"""The page about a classifier."""

from unspool.report.classification.data import ClassificationReport
from unspool.report.classification.page import render_classification, write_classification

__all__ = ["ClassificationReport", "render_classification", "write_classification"]
