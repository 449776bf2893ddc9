"""The library of cells: one recurrence, one page. `built_in()` finds the pages; nothing is registered by hand."""

from unspool.cells.library import built_in, find_cell, installed, load_cell_file, unusable

__all__ = ["built_in", "find_cell", "installed", "load_cell_file", "unusable"]
