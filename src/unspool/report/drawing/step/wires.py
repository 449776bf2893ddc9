"""Which way the lines of a step go: through the channels between rows, each value on a track of its own.

A value crosses a channel as one net: up from its item or in from the left, along its track, up to whatever takes it or
out on the right. Tracks are put in an order with few crossings, and nets that do not overlap share one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from unspool.report.drawing.step.items import LEFT, RIGHT, TOP, Line
from unspool.report.drawing.step.layout import Layout

NEAR = 5.0
"""Vertical lines closer than this, in pixels, would be taken for one."""


@dataclass
class Net:
    """One value in one channel.

    Attributes:
        start: an item, or LEFT.
        variable: the input or state, or "".
        lines: what it joins.
        below, above: x where it comes up into the channel and where it goes on up.
        low, high: the x that its track spans.
        track: from 0, the lowest; None where it goes straight up.
    """

    start: int
    variable: str
    lines: list[Line] = field(default_factory=list)
    below: list[float] = field(default_factory=list)
    above: list[float] = field(default_factory=list)
    low: float = 0.0
    high: float = 0.0
    track: int | None = None


def nets_of(layout: Layout, channel: int, entries: dict[str, float], right: float) -> list[Net]:
    """The nets of a channel with their tracks.

    Args:
        layout: what they join.
        channel: which.
        entries: where each input and state comes in: the x of its line at the left, or of an input's from below.
        right: x where next states leave.
    """
    nets: dict[tuple[int, str], Net] = {}
    for line in layout.lines:
        if line.channel == channel:
            nets.setdefault((line.start, line.variable), Net(line.start, line.variable)).lines.append(line)
    for net in nets.values():
        start = entries[net.variable] if net.start == LEFT else layout.xs[net.start]
        net.below = [start] if net.start != LEFT else []
        ends = [end_of(layout, line, start, right) for line in net.lines]
        net.above = [x for x, line in zip(ends, net.lines, strict=True) if line.end != RIGHT]
        net.low, net.high = min(start, *ends), max(start, *ends)
    bent = [n for n in nets.values() if n.high - n.low > 0.6 or n.start == LEFT]
    for net, track in zip(ordered := _ordered(bent), _tracks(ordered), strict=True):
        net.track = track
    return list(nets.values())


def end_of(layout: Layout, line: Line, start: float, right: float) -> float:
    """Where a line ends, from left to right."""
    if line.end == RIGHT:
        return right
    return start if line.end == TOP else layout.xs[line.end] + line.port


def _ordered(nets: Sequence[Net]) -> list[Net]:
    """From below, by exchanging neighbours as long as that saves crossings."""
    order = sorted(nets, key=lambda n: (n.start == LEFT, n.low))
    improved = True
    while improved:
        improved = False
        for k in range(len(order)):
            for m in range(k + 1, len(order)):
                changed = list(order)
                changed.insert(k, changed.pop(m))
                if _cost(changed) < _cost(order):
                    order, improved = changed, True
    return order


def _cost(order: Sequence[Net]) -> float:
    """Crossings, and much for vertical lines that would lie on each other."""
    cost = 0.0
    for k, upper in enumerate(order):
        for lower in order[:k]:
            cost += sum(upper.low < x < upper.high for x in lower.above)
            cost += sum(lower.low < x < lower.high for x in upper.below)
            cost += 50 * sum(abs(x - z) < NEAR for x in lower.above for z in upper.below)
    return cost


def _tracks(order: Sequence[Net]) -> list[int]:
    """The lowest tracks that keep the order of what overlaps."""
    tracks: list[int] = []
    for k, net in enumerate(order):
        over = [
            tracks[m] + 1
            for m, other in enumerate(order[:k])
            if other.low - NEAR < net.high and net.low - NEAR < other.high
        ]
        tracks.append(max(over, default=0))
    return tracks
