"""A long history drawn with few points: the lowest and the highest of each stretch, the newest stretch whole."""

import numpy as np

STRETCHES = 1000
NEWEST = 1500


def thin_out(values: np.ndarray, stretches: int = STRETCHES, newest: int = NEWEST) -> np.ndarray:
    """Indices to draw, ascending: all of a short series; else two per stretch, and the `newest` points untouched.

    The line through them covers the same area of paper as the line through all points. A stretch with no value at all
    keeps one index, so that the gap stays a gap. Gaps shorter than a stretch are closed.

    Args:
        values: [n] float64, NaN where missing.
        stretches: into how many the older part is cut.
        newest: how many of the last points are kept as they are.
    """
    total = len(values)
    older = total - newest
    if older <= 2 * stretches:
        return np.arange(total)
    kept = []
    for start, stop in zip(*_edges(older, stretches), strict=True):
        part = values[start:stop]
        seen = np.flatnonzero(np.isfinite(part))
        if not len(seen):
            kept.append(start)
            continue
        low, high = seen[np.argmin(part[seen])], seen[np.argmax(part[seen])]
        kept.extend(sorted({int(start + low), int(start + high)}))
    return np.concatenate([np.array(kept, dtype=np.int64), np.arange(older, total)])


def _edges(total: int, stretches: int) -> tuple[np.ndarray, np.ndarray]:
    edges = np.linspace(0, total, stretches + 1).astype(np.int64)
    return edges[:-1], edges[1:]


def alone(values: np.ndarray) -> np.ndarray:
    """[n] bool: points with no neighbour on either side, which a line would leave out."""
    seen = np.concatenate([[False], np.isfinite(values), [False]])
    return seen[1:-1] & ~seen[:-2] & ~seen[2:]
