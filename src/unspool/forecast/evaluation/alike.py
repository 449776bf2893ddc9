"""What is computed of every history by itself, computed of many at once: those of one length are rows of a table.

The sums of a row are those of the row by itself, to the last bit; histories with missing values are taken one by one.
"""

from collections.abc import Callable, Sequence

import numpy as np

MOST = 10_000_000
"""Numbers in a table, at most."""


def of_each(
    histories: Sequence[np.ndarray],
    one: Callable[[np.ndarray], np.ndarray | float],
    together: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """[N, ...] what `one` gives for each history [n]; `together` gives the same for rows [k, n] that lack no value."""
    lengths = np.array([len(values) for values in histories])
    whole = _whole(histories, lengths)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for size in np.unique(lengths[whole]):
        rows = np.flatnonzero(whole & (lengths == size))
        for part in np.array_split(rows, 1 + len(rows) * size // MOST):
            found.append((part, together(np.stack([histories[i] for i in part.tolist()]))))
    rest = np.flatnonzero(~whole)
    if len(rest):
        found.append((rest, np.array([one(histories[i]) for i in rest.tolist()])))
    order = np.concatenate([part for part, _ in found]).argsort()
    return np.concatenate([values for _, values in found])[order]


def _whole(histories: Sequence[np.ndarray], lengths: np.ndarray) -> np.ndarray:
    """[N] bool: a history has values and lacks none."""
    missing = np.concatenate([[0], np.isnan(np.concatenate(histories)).cumsum()])
    ends = lengths.cumsum()
    return (lengths > 0) & (missing[ends] == missing[ends - lengths])
