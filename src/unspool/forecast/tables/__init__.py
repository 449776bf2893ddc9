"""From a table as people have it to a panel: files, columns, times, frequencies, gaps. Needs no torch."""

from unspool.forecast.tables.frequency import Frequency
from unspool.forecast.tables.ingest import panel_from_file, panel_from_frame
from unspool.forecast.tables.panel import Columns, Finding, Panel, Series

__all__ = ["Columns", "Finding", "Frequency", "Panel", "Series", "panel_from_file", "panel_from_frame"]
