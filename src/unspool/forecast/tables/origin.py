"""Where a row of a table came from: a file's line, or its number in a frame.

Every complaint about a row goes through here, so that all of them point in the same way.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Origin:
    """The source of a table's rows.

    Attributes:
        name: the file's name; None for a frame that was handed over in Python.
        lines: [rows] line of the file on which each row starts, 1-based; None where rows have no lines (Parquet).
        delimiter: what separated the fields; None where nothing did.
    """

    name: str | None = None
    lines: np.ndarray | None = None
    delimiter: str | None = None

    def at(self, row: int) -> str:
        """`sales.csv, line 18` for a row (0-based), or `row 17` where there is no file; rows are said 1-based."""
        place = self.place(row)
        return place if self.name is None else f"{self.name}, {place}"

    def place(self, row: int) -> str:
        """`line 18` or `row 17`, without the file."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"

    def span(self, first: int, last: int) -> str:
        """`sales.csv, lines 18 to 25`, or `rows 17 to 24`."""
        noun, numbers = ("rows", (first + 1, last + 1)) if self.lines is None else ("lines", self.lines[[first, last]])
        return f"{'' if self.name is None else f'{self.name}, '}{noun} {numbers[0]} to {numbers[1]}"

    def table(self) -> str:
        """The table as the start of a sentence."""
        return self.name or "the table"


def more(count: int, noun: str) -> str:
    """What follows the first of `count` that was named: ` (and 2 more such rows)`, or nothing for the only one."""
    return f" (and {count - 1} more such {noun}{'s' if count > 2 else ''})" if count > 1 else ""
