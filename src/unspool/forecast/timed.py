"""Cells that read the time since the observation before: discretised differential equations."""

from unspool.cells import built_in
from unspool.lang import Cell

TIME = "dt"
"""What a page calls the number per step that is the time since the step before, in steps."""


def reads_time(cell: Cell) -> bool:
    """Whether the cell's page takes `dt`, a number per step."""
    return any(v.name == TIME for v in cell.graph.number_inputs)


def timed_cells() -> list[str]:
    """The names of the built-in cells that do."""
    return [name for name, cell in built_in().items() if reads_time(cell)]
