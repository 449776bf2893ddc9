"""Mean and deviation of many series at once, and what is taken for those that have too little of their own."""

from collections.abc import Sequence

import numpy as np


def moments_of(histories: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """[N] mean, standard deviation (0 where nothing was observed) and number of what was observed."""
    flat = np.concatenate(histories)
    seen = ~np.isnan(flat)
    lengths = np.array([len(values) for values in histories])
    owner = np.repeat(np.arange(len(lengths)), lengths)[seen]
    count = np.bincount(owner, minlength=len(lengths))
    flat, starts = flat[seen], count.cumsum() - count
    centre, spread = np.zeros(len(lengths)), np.zeros(len(lengths))
    # Series of one length are the rows of a table, whose sums are those of each row by itself, to the last bit.
    for size in np.unique(count[count > 0]):
        rows = np.flatnonzero(count == size)
        for part in np.array_split(rows, 1 + len(rows) * size // 10_000_000):
            values = flat[starts[part, None] + np.arange(size)]
            centre[part], spread[part] = values.mean(axis=1), values.std(axis=1)
    return centre, spread, count


def typical_spread(level: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """[N] the deviation expected of series at a `level` [N], from the mean and deviation [M] of others; 1 without any.

    It is the level times the others' median ratio of deviation to mean where that ratio is below 1 and differs less
    between them than the deviation itself (by the quartiles of their logarithms); otherwise, and where the level is 0,
    the median deviation: sales grow in proportion, temperatures do not.
    """
    if len(spread) == 0:
        return np.ones_like(level)
    size = np.abs(centre)
    ratio = spread[size > 0] / size[size > 0]
    alike = float(np.median(spread))
    if len(ratio) < len(spread) or np.median(ratio) >= 1 or _unlikeness(ratio) > _unlikeness(spread):
        return np.full_like(level, alike)
    return np.where(level == 0, alike, np.abs(level) * np.median(ratio))


def _unlikeness(values: np.ndarray) -> float:
    low, high = np.quantile(np.log(values), [0.25, 0.75])
    return float(high - low)
