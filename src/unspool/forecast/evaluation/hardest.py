"""The series that a backtest finds hardest: a few of them, however many there are."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from unspool.forecast.evaluation import metrics
from unspool.forecast.result import MODEL, Fold

MOST = 20
RIVAL = "seasonal_naive"
"""The baseline that anybody could use instead, for each series by itself."""


def hardest(folds: Sequence[Fold]) -> dict[str, list[dict[str, Any]]]:
    """By the model's MASE, mean over the folds that a series is in; at most `MOST` each, the hardest first.

    `worst` are those with the largest one. `lost` are those where it is above that of `RIVAL`, by how much; not there
    without that baseline.
    """
    place: dict[str, int] = {}
    row = np.array([place.setdefault(name, len(place)) for fold in folds for name in fold.ids])
    names = list(place)
    mine = _means(folds, MODEL, row, len(names))
    order = [k for k in np.argsort(-mine, kind="stable")[:MOST].tolist() if np.isfinite(mine[k])]
    if RIVAL not in folds[0].point:
        return {"worst": [{"series": names[k], "mase": float(mine[k])} for k in order]}
    other = _means(folds, RIVAL, row, len(names))
    behind = mine - other
    lost = [k for k in np.argsort(-behind, kind="stable")[:MOST].tolist() if behind[k] > 0]

    def entries(found: list[int]) -> list[dict[str, Any]]:
        return [{"series": names[k], "mase": float(mine[k]), RIVAL: _number(other[k])} for k in found]

    return {"worst": entries(order), "lost": entries(lost)}


def _means(folds: Sequence[Fold], name: str, row: np.ndarray, count: int) -> np.ndarray:
    """[count] mean MASE of each series over its folds; NaN where it has none."""
    values = np.concatenate([metrics.mase_by_series(f.actual, f.point[name], f.mase_scale) for f in folds])
    known = np.isfinite(values)
    total, times = np.bincount(row[known], values[known], count), np.bincount(row[known], minlength=count)
    return np.divide(total, times, out=np.full(count, np.nan), where=times > 0)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
