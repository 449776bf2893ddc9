"""Where the parts of a step stand: rows from below, few crossings, straight lines.

A value that is used further up than in the next row has a lane in every row between, so that lines have room.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from unspool.report.drawing.step.items import LANE, LEFT, PITCH, PORTS, RIGHT, TOP, Item, Line, width
from unspool.report.drawing.step.order import in_order
from unspool.report.drawing.step.parts import Part, Step
from unspool.report.drawing.step.places import places


@dataclass(frozen=True)
class Layout:
    """Items with their places.

    Attributes:
        items: parts first, by their numbers, then lanes.
        xs: middles.
        lines: all lines.
        rows: number of rows.
    """

    items: tuple[Item, ...]
    xs: tuple[float, ...]
    lines: tuple[Line, ...]
    rows: int


def lay_out(step: Step) -> Layout:
    """Rows, order and places of a step's parts."""
    rows = _rows(step.parts)
    items = [Item(n, rows[n], width(p), False) for n, p in enumerate(step.parts)]
    lines = _lines(step, items)
    count = max(rows, default=0) + 1
    order = in_order(items, lines, count)
    lines = _with_ports(step.parts, lines, order)
    return Layout(tuple(items), places(items, lines, order), tuple(lines), count)


def _rows(parts: Sequence[Part]) -> list[int]:
    """Each above what feeds it."""
    rows: list[int] = []
    for part in parts:
        rows.append(1 + max((rows[f.source] for f in part.feeds if isinstance(f.source, int)), default=-1))
    return rows


def _lines(step: Step, items: list[Item]) -> list[Line]:
    """All lines; the lanes that they need are added to the items."""
    lanes: dict[tuple[int, int], int] = {}
    lines: list[Line] = []

    def top_of(source: int, row: int) -> int:
        """The item that has a part's value in a row."""
        if items[source].row == row:
            return source
        if (source, row) not in lanes:
            below = top_of(source, row - 1)
            lanes[source, row] = len(items)
            lines.append(Line(below, len(items), 0.0, row))
            items.append(Item(source, row, LANE, True))
        return lanes[source, row]

    for number, part in enumerate(step.parts):
        row = items[number].row
        for feed in part.feeds:
            if isinstance(feed.source, str):
                lines.append(Line(LEFT, number, 0.0, row, feed.source, feed.mark))
            else:
                lines.append(Line(top_of(feed.source, row - 1), number, 0.0, row, mark=feed.mark))
    for source in dict.fromkeys(step.following):
        of_part = isinstance(source, int)
        lines.append(Line(source, RIGHT, 0.0, items[source].row + 1) if of_part else Line(LEFT, RIGHT, 0.0, 0, source))
    count = max((item.row for item in items), default=-1) + 1
    if isinstance(step.output, int):
        lines.append(Line(top_of(step.output, count - 1), TOP, 0.0, count))
    else:
        lines.append(Line(LEFT, TOP, 0.0, count, step.output))
    return lines


def _with_ports(parts: Sequence[Part], lines: list[Line], order: Sequence[Sequence[int]]) -> list[Line]:
    """Lines with the places at which they enter, from left to right as they come."""
    place = {n: float(k) for row in order for k, n in enumerate(row)} | {LEFT: -1.0}
    ported: list[Line] = []
    for line in lines:
        port = 0.0
        if 0 <= line.end < len(parts) and len(parts[line.end].feeds) > 1:
            fellows = sorted((ln for ln in lines if ln.end == line.end), key=lambda ln: place[ln.start])
            pitch = PITCH if parts[line.end].kind == "function" else PORTS
            port = (next(k for k, ln in enumerate(fellows) if ln is line) - (len(fellows) - 1) / 2) * pitch
        ported.append(Line(line.start, line.end, port, line.channel, line.variable, line.mark))
    return ported
