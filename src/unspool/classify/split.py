"""Parts of labelled sequences in which every class has its share."""

import numpy as np


def stratified_folds(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """[N] numbers 0 … count − 1: each class is dealt out like cards, from a place drawn by `seed`.

    A class of two or more sequences is never all in one fold, so it is in the rest of every fold (count ≥ 2).
    """
    draw = np.random.default_rng(seed)
    folds = np.zeros(len(labels), np.int64)
    first = 0
    for label in np.unique(labels):
        mine = draw.permutation(np.flatnonzero(labels == label))
        folds[mine] = (first + np.arange(len(mine))) % count
        # The next class goes on where this one ended: folds differ by one sequence at most.
        first += len(mine)
    return folds


def hold_out(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """[N] bool: about `share` of each class; two of each are always left, so a class of two gives none."""
    draw = np.random.default_rng(seed)
    held = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        mine = draw.permutation(np.flatnonzero(labels == label))
        count = min(max(1, round(share * len(mine))), len(mine) - 2)
        held[mine[: max(0, count)]] = True
    return held
