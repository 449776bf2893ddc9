"""A step ready to be painted: heights of rows and tracks, and where lines come in and go out."""

from dataclasses import dataclass

from unspool.report.drawing.step.items import BOX, LEFT, RIGHT, TOP
from unspool.report.drawing.step.layout import Layout, lay_out
from unspool.report.drawing.step.parts import Step
from unspool.report.drawing.step.wires import Net, nets_of

TRACK, SIDES, NAMES, HEAD, RAIL = 9.0, 17.0, 14.0, 13.0, 10.0
"""Between tracks; between those that go to a side and have a name there; room for names above a row; for arrow heads
below one; between the lines at the left; in pixels."""


@dataclass(frozen=True)
class Placed:
    """A step in pixels, its lower left corner at (0, 0), y downwards.

    Attributes:
        step: what it shows.
        layout: places from left to right.
        shift: what is added to the layout's x.
        rows: y of each row's middle.
        nets: of each channel.
        levels: for each channel the y of its tracks, from below.
        rails: x of the line in which a variable comes up at the left, or from below.
        entries: where a state comes in at the left, y; where an input comes in from below, x.
        exits: y where each state's next value leaves on the right.
        top: (x, y) where the output leaves.
        width, height: of the frame.
    """

    step: Step
    layout: Layout
    shift: float
    rows: tuple[float, ...]
    nets: tuple[tuple[Net, ...], ...]
    levels: tuple[tuple[float, ...], ...]
    rails: dict[str, float]
    entries: dict[str, float]
    exits: dict[str, float]
    top: tuple[float, float]
    width: float
    height: float

    def level(self, channel: int, net: Net) -> float | None:
        """Height of a net's track; None where it goes straight up."""
        return None if net.track is None else self.levels[channel][net.track]


def placed(step: Step) -> Placed:
    """Lay a step out."""
    layout = lay_out(step)
    rails, left = _rails(step, layout)
    right = max((x + i.width / 2 for x, i in zip(layout.xs, layout.items, strict=True)), default=0.0) + 14
    nets = [nets_of(layout, channel, rails, right) for channel in range(layout.rows + 1)]
    named = {layout.items[n].row for n, part in enumerate(step.parts) if part.name}
    y, rows, levels = 0.0, [], []
    for channel, here in enumerate(nets):
        tracks = max((n.track + 1 for n in here if n.track is not None), default=0)
        start = y - (NAMES if channel - 1 in named else 9)
        levels.append(_levels(here, start, tracks, step.inputs))
        y = (levels[-1][-1] if tracks else start) - HEAD
        if channel < layout.rows:
            rows.append(y - BOX / 2)
            y -= BOX
    entries, exits, top = dict[str, float](), dict[str, float](), 0.0
    for channel, here in enumerate(nets):
        for net in here:
            height = levels[channel][net.track] if net.track is not None else 0.0
            if net.start == LEFT:
                entries.setdefault(net.variable, rails[net.variable] + left if net.variable in step.inputs else height)
            start = rails[net.variable] if net.start == LEFT else layout.xs[net.start]
            for line in net.lines:
                source = net.variable or (layout.items[net.start].source if net.start >= 0 else "")
                if line.end == RIGHT:
                    exits |= {s: height for s, f in zip(step.states, step.following, strict=True) if f == source}
                elif line.end == TOP:
                    top = start + left
    return Placed(
        step, layout, left, tuple(rows), tuple(map(tuple, nets)), tuple(levels), rails, entries, exits, (top, y),
        right + left, -y,
    )  # fmt: skip


def _levels(nets: list[Net], start: float, tracks: int, inputs: tuple[str, ...]) -> tuple[float, ...]:
    sides = {
        n.track
        for n in nets
        if (n.start == LEFT and n.variable not in inputs) or any(ln.end == RIGHT for ln in n.lines)
    }
    levels: list[float] = []
    for track in range(tracks):
        apart = SIDES if {track, track - 1} <= sides else TRACK
        levels.append(levels[-1] - apart if levels else start)
    return tuple(levels)


def _rails(step: Step, layout: Layout) -> tuple[dict[str, float], float]:
    """Where each variable comes up, in the layout's x; and how much room that takes at the left."""
    rails: dict[str, float] = {}
    used = {v: [ln for ln in layout.lines if ln.variable == v] for v in (*step.states, *step.inputs)}
    at = -8.0
    for variable, lines in used.items():
        channels = {ln.channel for ln in lines}
        ends = [layout.xs[ln.end] + ln.port for ln in lines if ln.end >= 0]
        if variable in step.inputs and channels == {0} and len(ends) == len(lines):
            middle = (min(ends) + max(ends)) / 2
            rails[variable] = min(ends, key=lambda x: abs(x - middle))
        else:
            at -= RAIL
            rails[variable] = at
    return rails, 14.0 - at
