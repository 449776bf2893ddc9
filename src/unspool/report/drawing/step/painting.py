"""Paints one step onto a canvas."""

from dataclasses import dataclass

from unspool.report.drawing.canvas import Canvas, Point
from unspool.report.drawing.step.items import BOX, LEFT, RIGHT, ROUND, TOP, Line, width
from unspool.report.drawing.step.parts import Part
from unspool.report.drawing.step.placed import Placed
from unspool.report.drawing.step.wires import Net, end_of
from unspool.report.palette import INK, MUTED

_KINDS = {"product": "unit", "before": "input", "scale": "plain", "function": "function", "operation": "plain"}


@dataclass(frozen=True)
class _Upright:
    """A vertical piece of a net, from its track to `end`; `head`: with an arrow."""

    x: float
    end: float
    head: bool = False


def paint(canvas: Canvas, it: Placed, x: float) -> None:
    """Paint a step with its left edge at `x`."""
    canvas.frame(x, -it.height, x + it.width, 0.0)
    for channel, nets in enumerate(it.nets):
        for net in nets:
            _net(canvas, it, x, channel, net)
    for item, middle in zip(it.layout.items, it.layout.xs, strict=True):
        if item.is_lane:
            across, y = x + it.shift + middle, it.rows[item.row]
            canvas.wire((across, y + BOX / 2), (across, y - BOX / 2), kind=kind_of(it, item.source))
    for number, part in enumerate(it.step.parts):
        _part(canvas, part, (x + it.shift + it.layout.xs[number], it.rows[it.layout.items[number].row]))


def kind_of(it: Placed, source: int | str) -> str:
    """The kind of line of a value: states, before the step and after it, have their own."""
    return "time" if source in (*it.step.states, *it.step.following) else "flow"


def _part(canvas: Canvas, part: Part, place: Point) -> None:
    height = BOX - 2 * _inset(part)
    canvas.box(
        place,
        width(part),
        height,
        part.label,
        _KINDS[part.kind],
        rim="unit" if part.kind == "scale" else None,
        corner=height / 2 if part.kind in ("function", "operation") else 5,
        indices=part.kind != "function",
    )
    if part.name:
        canvas.words((place[0] + 5, place[1] - height / 2 - 7), part.name, size=13, colour=INK, anchor="start")


def _net(canvas: Canvas, it: Placed, x: float, channel: int, net: Net) -> None:
    """All pieces of a net, each once; where three of them meet there is a dot."""
    kind = kind_of(it, net.variable or it.layout.items[net.start].source)
    level = it.level(channel, net)
    arrivals = _arrivals(it, channel, net)
    uprights = [*arrivals, *(_departure(it, channel, line, net) for line in net.lines if line.end != RIGHT)]
    sides = [] if arrivals else [-it.shift]
    sides += [it.width - it.shift] if any(line.end == RIGHT for line in net.lines) else []
    places = sorted({*(u.x for u in uprights), *sides})
    x += it.shift
    if level is None:
        canvas.wire(*((x + u.x, u.end) for u in uprights), kind=kind)
    else:
        ends = [next((u for u in uprights if u.x == p), None) for p in (places[0], places[-1])]
        if len(places) > 1:
            turns = [[(x + u.x, u.end)] if u is not None else [] for u in ends]
            canvas.wire(*turns[0], (x + places[0], level), (x + places[-1], level), *turns[1], kind=kind)
        for upright in uprights if len(places) == 1 else (u for u in uprights if u not in ends):
            canvas.wire((x + upright.x, level), (x + upright.x, upright.end), kind=kind)
        for place in places:
            if (place > places[0]) + (place < places[-1]) + sum(u.x == place for u in uprights) > 2:
                canvas.dot((x + place, level), kind)
        if net.start == LEFT and arrivals and arrivals[0].end != 0.0:
            canvas.dot((x + arrivals[0].x, arrivals[0].end), kind)
    for upright in uprights:
        if upright.head:
            canvas.head((x + upright.x, upright.end), kind)
    for line in net.lines:
        if line.mark:
            end = _departure(it, channel, line, net)
            canvas.words((x + end.x + (8 if line.port > 0 else -8), end.end + 6), line.mark, size=14, colour=MUTED)


def _arrivals(it: Placed, channel: int, net: Net) -> list[_Upright]:
    """Where a net's value comes from below; a state comes in at the side the first time."""
    if net.start != LEFT:
        bottom = it.rows[channel - 1] - BOX / 2
        source = it.layout.items[net.start]
        return [_Upright(it.layout.xs[net.start], bottom + (0 if source.is_lane else _inset(it.step.parts[net.start])))]
    before = [it.level(c, n) for c, nets in enumerate(it.nets[:channel]) for n in nets if n.variable == net.variable]
    if before:
        return [_Upright(it.rails[net.variable], before[-1] or 0.0)]
    return [_Upright(it.rails[net.variable], 0.0)] if net.variable in it.step.inputs else []


def _departure(it: Placed, channel: int, line: Line, net: Net) -> _Upright:
    """Where a line goes up to."""
    start = it.rails[net.variable] if net.start == LEFT else it.layout.xs[net.start]
    x = end_of(it.layout, line, start, 0.0)
    if line.end == TOP:
        return _Upright(x, -it.height)
    top = it.rows[channel] + BOX / 2
    if it.layout.items[line.end].is_lane:
        return _Upright(x, top)
    return _Upright(x, top - _inset(it.step.parts[line.end]), head=True)


def _inset(part: Part) -> float:
    """How much lower than a box a part begins."""
    return (BOX - ROUND) / 2 if part.kind == "operation" and len(part.label) == 1 else 0.0
