"""What stands in the rows of a drawing of a step, and the lines between them."""

from dataclasses import dataclass

from unspool.report.drawing.step.parts import Part

GAP, PORTS, LANE = 14.0, 13.0, 10.0
"""Between neighbours of a row; between the lines that enter an operation; the width of a lane; in pixels."""

PITCH = 48.0
"""Between the lines that enter a function: as far apart as products stand, so that they come straight up."""

BOX, ROUND = 27.0, 23.0
"""Heights: of boxes and functions; of a circle."""

LEFT, RIGHT, TOP = -1, -2, -3
"""In place of an item's number: the sides."""


@dataclass(frozen=True)
class Item:
    """A part, or a lane, in its row.

    Attributes:
        source: the part whose value it has.
        row: from 0 on.
        width: pixels.
        is_lane: whether it is a lane.
    """

    source: int
    row: int
    width: float
    is_lane: bool


@dataclass(frozen=True)
class Line:
    """What goes through a channel, from an item of the row below it, or a side, to one of the row above, or out.

    Attributes:
        start: an item, or LEFT for an input or state.
        end: an item; RIGHT for a next state, TOP for the output.
        port: where it enters, as a distance from the end's middle.
        channel: below this row.
        variable: the input or state, or "".
        mark: as of the feed.
    """

    start: int
    end: int
    port: float
    channel: int
    variable: str = ""
    mark: str = ""


def width(part: Part) -> float:
    """Of a part's shape."""
    letters = 8.2 * len(part.label.replace("_", ""))
    if part.kind == "operation" and len(part.label) == 1:
        return max(ROUND, PORTS * (len(part.feeds) - 1) + 12)
    if part.kind == "function":
        return max(34, letters + 12, PITCH * (len(part.feeds) - 1) + 34)
    return max(34, letters + 12)
