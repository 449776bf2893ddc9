"""The order of the items in each row: one with few crossings, and near to that of the page."""

from collections.abc import Iterable, Sequence
from random import Random

from unspool.report.drawing.step.items import LEFT, RIGHT, TOP, Item, Line

ATTEMPTS, TURNS = 8, 10
"""Orders to begin with besides that of the page, drawn with a fixed seed; how often each is sorted."""

Rows = list[list[int]]
Joined = list[list[int]]


def in_order(items: Sequence[Item], lines: Sequence[Line], count: int) -> Rows:
    """The items of each of `count` rows from left to right: the best of several attempts, the first as on the page."""
    page = [[n for n, item in enumerate(items) if item.row == row] for row in range(count)]
    inner = [line for line in lines if line.end != TOP]
    below = [[line.start for line in inner if line.end == n] for n in range(len(items))]
    above = [[line.end for line in inner if line.start == n] for n in range(len(items))]
    chance = Random(0)
    shuffled = [[chance.sample(row, len(row)) for row in page] for _ in range(ATTEMPTS)]
    found = [order for start in (page, *shuffled) for order in _improved(start, below, above)]
    return min(found, key=lambda order: (_crossings(order, inner), _inversions(order)))


def _improved(order: Rows, below: Joined, above: Joined) -> Iterable[Rows]:
    """Orders, each from the one before: rows sorted by what they are joined to, neighbours exchanged."""
    _exchange(order, below, above)
    yield [list(row) for row in order]
    for turn in range(TURNS):
        joined = below if turn % 2 == 0 else above
        for row in order if turn % 2 == 0 else reversed(order):
            place = _places(order, relative=True)
            row.sort(key=lambda n: sum(place[m] for m in joined[n]) / len(joined[n]) if joined[n] else place[n])
        _exchange(order, below, above)
        yield [list(row) for row in order]


def _places(order: Rows, relative: bool = False) -> dict[int, float]:
    """Place of every item in its row, in numbers or as a share of the row; the sides are beyond."""
    if relative:
        return {n: (k + 0.5) / len(row) for row in order for k, n in enumerate(row)} | {LEFT: -0.3, RIGHT: 1.3}
    return {n: float(k) for row in order for k, n in enumerate(row)} | {LEFT: -1.0, RIGHT: 1000.0}


def _exchange(order: Rows, below: Joined, above: Joined) -> None:
    """Exchange neighbours as long as that saves crossings."""
    for row in order:
        place = _places(order)  # of the other rows; within this one nothing is joined
        improved = True
        while improved:
            improved = False
            for k in range(len(row) - 1):
                left, right = row[k], row[k + 1]
                gain = sum(
                    (place[a] > place[b]) - (place[a] < place[b])
                    for joined in (below, above)
                    for a in joined[left]
                    for b in joined[right]
                )
                if gain > 0:
                    row[k], row[k + 1] = right, left
                    improved = True


def _crossings(order: Rows, lines: Sequence[Line]) -> int:
    """How many pairs of lines cross."""
    place = _places(order)
    channels: dict[int, list[tuple[float, float]]] = {}
    for line in lines:
        channels.setdefault(line.channel, []).append((place[line.start], place[line.end]))
    return sum(
        (a - c) * (b - d) < 0 for ends in channels.values() for k, (a, b) in enumerate(ends) for c, d in ends[:k]
    )


def _inversions(order: Rows) -> int:
    """How many pairs do not stand as on the page."""
    return sum(a > b for row in order for k, a in enumerate(row) for b in row[k + 1 :])
