"""The page about a language model: its losses, what it wrote along the way, and units that follow something."""

from unspool.report.text.data import TextReport
from unspool.report.text.page import render_text, write_text

__all__ = ["TextReport", "render_text", "write_text"]
