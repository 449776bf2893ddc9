"""Where the items of each row stand, their order given."""

from collections.abc import Sequence
from itertools import pairwise

from unspool.report.drawing.step.items import GAP, PORTS, Item, Line


def places(items: Sequence[Item], lines: Sequence[Line], order: Sequence[Sequence[int]]) -> tuple[float, ...]:
    """Middles: as near as the neighbours allow to straight below and above what each item is joined to."""
    xs = [0.0] * len(items)
    for row in order:
        at = 0.0
        for n in row:
            xs[n], at = at + items[n].width / 2, at + items[n].width + GAP
    wide = {ln.end for ln in lines if abs(ln.port) > PORTS}  # a function stands above its products
    pulls: list[list[tuple[int, float, float]]] = [[] for _ in items]
    for line in lines:
        if line.start >= 0 and line.end >= 0:
            tight = 4.0 if items[line.start].is_lane else 8.0 if line.end in wide else 1.0
            pulls[line.start].append((line.end, line.port, tight))
            pulls[line.end].append((line.start, -line.port, tight))
    for turn in range(120):
        settle = _mean if turn < 60 else _median  # first where it belongs, then as straight as it can be
        for row in order if turn % 2 == 0 else reversed(order):
            wanted = [settle([(xs[m] + port, w) for m, port, w in pulls[n]], xs[n]) for n in row]
            weights = [sum(w for *_, w in pulls[n]) or 0.1 for n in row]
            apart = [(items[a].width + items[b].width) / 2 + GAP for a, b in pairwise(row)]
            for n, x in zip(row, _nearest(wanted, weights, apart), strict=True):
                xs[n] = x
    _straighten(items, lines, order, xs)
    left = min((x - item.width / 2 for x, item in zip(xs, items, strict=True)), default=0.0)
    return tuple(round(x - left, 1) for x in xs)


def _straighten(items: Sequence[Item], lines: Sequence[Line], order: Sequence[Sequence[int]], xs: list[float]) -> None:
    """Give the lanes that follow each other one x, as far up as their neighbours allow."""
    row_of = {n: row for row in order for n in row}
    feeds = {ln.end: ln.start for ln in lines if ln.end >= 0 and items[ln.end].is_lane}
    leads = {ln.start: ln.end for ln in lines if ln.end >= 0 and items[ln.end].is_lane}

    def room(n: int) -> tuple[float, float]:
        row = row_of[n]
        k, half = row.index(n), items[n].width / 2 + GAP
        low = xs[row[k - 1]] + items[row[k - 1]].width / 2 + half if k else -1e9
        high = xs[row[k + 1]] - items[row[k + 1]].width / 2 - half if k + 1 < len(row) else 1e9
        return low, high

    for first in (n for n in feeds if not items[feeds[n]].is_lane):
        chain = [first]
        while chain[-1] in leads:
            chain.append(leads[chain[-1]])
        ends = [xs[ln.end] + ln.port for ln in lines if ln.start == chain[-1] and ln.end >= 0]
        while chain:
            run, (low, high) = [chain[0]], room(chain[0])
            for n in chain[1:]:
                below, above = room(n)
                if max(low, below) > min(high, above):
                    break
                low, high = max(low, below), min(high, above)
                run.append(n)
            wishes = [xs[feeds[run[0]]], *(ends if len(run) == len(chain) else [])]
            fitting = [w for w in wishes if low <= w <= high]
            place = fitting[-1] if fitting else min(max(xs[run[-1]], low), high)
            for n in run:
                xs[n] = place
            chain = chain[len(run) :]


def _mean(pulls: Sequence[tuple[float, float]], here: float) -> float:
    """Of places with their weights; `here` where there are none."""
    total = sum(w for _, w in pulls)
    return sum(x * w for x, w in pulls) / total if pulls else here


def _median(pulls: Sequence[tuple[float, float]], here: float) -> float:
    """A place from which the weighted distances are least; of several the one nearest to `here`."""
    half, below = sum(w for _, w in pulls) / 2, 0.0
    ordered = sorted(pulls)
    for k, (x, weight) in enumerate(ordered):
        below += weight
        if below > half:
            return x
        if below == half:
            return min(max(here, x), ordered[min(k + 1, len(ordered) - 1)][0])
    return here


def _nearest(wanted: Sequence[float], weights: Sequence[float], apart: Sequence[float]) -> list[float]:
    """Places nearest to the wanted ones (least squares) that keep their order and distances: pooled violators."""
    shifts = [0.0]
    for distance in apart:
        shifts.append(shifts[-1] + distance)
    blocks: list[tuple[float, float, int]] = []
    for target, weight, shift in zip(wanted, weights, shifts, strict=True):
        mean, total, size = target - shift, weight, 1
        while blocks and blocks[-1][0] > mean:
            other, mass, many = blocks.pop()
            mean, total, size = (mean * total + other * mass) / (total + mass), total + mass, size + many
        blocks.append((mean, total, size))
    levels = [mean for mean, _, size in blocks for _ in range(size)]
    return [level + shift for level, shift in zip(levels, shifts, strict=True)]
