"""Conformal calibration: shift every quantile until it is passed as often as it says.

Split conformal prediction for quantiles (Romano, Patterson & Candès 2019, "Conformalized quantile regression",
NeurIPS, arXiv:1905.03222), here one-sided for each level by itself, so that each tail is calibrated and not only their
sum. On windows the network was not fitted on, s = (actual − q̂) / unit says by how many units a quantile fell
short; the shift is the quantile of these s, with the finite-sample correction rounded outward in both tails. For
exchangeable windows P(actual ≤ q̂ + shift · unit) ≥ τ for τ > ½, and ≤ τ for τ < ½. Windows of one series overlap and
follow each other in time, so here this holds approximately; a backtest shows how nearly.

Axes: M calibration windows, N forecasts, H steps ahead, Q levels. Shifts are nested lists [H][Q], ready for JSON.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from unspool.errors import ShapeError

ENOUGH = 100
"""Calibration values from which a step ahead is calibrated by itself; below, the nearest steps are pooled with it."""


def calibrate(
    actual: ArrayLike, quantiles: ArrayLike, unit: ArrayLike, levels: Sequence[float], *, keep_median: bool = True
) -> list[list[float]]:
    """Learn the shifts [H][Q], in units: actual [M, H] (NaN left out), quantiles [M, H, Q], unit [M] → shifts.

    The unit is what the errors of a window are proportional to (its deviation, or the series' scale); windows whose
    unit is not positive are left out. With fewer than `ENOUGH` values for a step, the steps next to it are taken in,
    in the end all. Where even those are too few for an outer level (fewer than 1/τ or 1/(1 − τ), roughly), the most
    extreme error is taken if it widens the interval: nothing is narrowed on such evidence. Without any, shifts are 0.

    Args:
        actual: what came.
        quantiles: what was forecast, at `levels`.
        unit: the scale of each window.
        levels: ascending, in (0, 1).
        keep_median: leave level ½ where it is, the point forecast being trained for itself; otherwise it moves to the
            median of the errors.
    """
    y, q, size = (np.asarray(a, dtype=np.float64) for a in (actual, quantiles, unit))
    if q.shape != (*y.shape, len(levels)) or size.shape != y.shape[:1]:
        raise ShapeError(
            f"calibration data: actual {y.shape}, quantiles {q.shape}, unit {size.shape}, {len(levels)} levels",
            hint="give actual [M, H], quantiles [M, H, Q], unit [M] and Q levels",
        )
    usable = np.isfinite(size) & (size > 0)
    shortfall = (y[usable, :, None] - q[usable]) / size[usable, None, None]
    counts = np.count_nonzero(~np.isnan(y[usable]), axis=0)
    shifts = []
    for step in range(y.shape[1]):
        pool = shortfall[:, _nearest(counts, step)].reshape(-1, len(levels))
        pool = np.sort(pool[~np.isnan(pool).any(axis=1)], axis=0)
        shifts.append(
            [0.0 if keep_median and _is_median(tau) else _shift(pool[:, i], tau) for i, tau in enumerate(levels)]
        )
    return shifts


def apply(
    quantiles: ArrayLike, unit: ArrayLike, shifts: Sequence[Sequence[float]], levels: Sequence[float]
) -> np.ndarray:
    """Shift the quantiles [N, H, Q] by shifts [H][Q] times unit [N], and put them in ascending order.

    Levels below ½ are kept at or below the median, levels above at or above it, so that the median (the point) moves
    only by its own shift and lies in every interval. What then still crosses is sorted, which never
    increases the error of a quantile curve (Chernozhukov, Fernández-Val & Galichon 2010, Econometrica 78(3)).
    A unit that is not positive means no shift.
    """
    q, size, moves = (np.asarray(a, dtype=np.float64) for a in (quantiles, unit, shifts))
    if q.ndim != 3 or moves.shape != q.shape[1:] or size.shape != q.shape[:1] or len(levels) != q.shape[2]:
        raise ShapeError(
            f"shifts to apply: quantiles {q.shape}, unit {size.shape}, shifts {moves.shape}, {len(levels)} levels",
            hint="give quantiles [N, H, Q], unit [N], shifts [H][Q] and Q levels",
        )
    size = np.where(np.isfinite(size) & (size > 0), size, 0.0)
    moved = q + size[:, None, None] * moves
    for i, tau in enumerate(levels):
        if _is_median(tau):
            middle = moved[..., i : i + 1]
            moved[..., :i] = np.minimum(moved[..., :i], middle)
            moved[..., i + 1 :] = np.maximum(moved[..., i + 1 :], middle)
    return np.sort(moved, axis=-1)


def _is_median(level: float) -> bool:
    return math.isclose(level, 0.5)


def _nearest(counts: np.ndarray, step: int) -> slice:
    """The fewest steps around `step` that hold `ENOUGH` values together; all steps if none do."""
    for reach in range(len(counts)):
        pool = slice(max(0, step - reach), step + reach + 1)
        if counts[pool].sum() >= ENOUGH:
            return pool
    return slice(None)


def _shift(shortfall: np.ndarray, level: float) -> float:
    """The corrected empirical quantile of ascending values: rank ⌈τ(n+1)⌉ above the median, ⌊τ(n+1)⌋ below."""
    n = len(shortfall)
    if n == 0:
        return 0.0
    if _is_median(level):
        return float(np.median(shortfall))
    place = round(level * (n + 1), 9)  # .55 · 100 is 55, not 55.00000000000001
    if level > 0.5:
        rank = math.ceil(place)
        return float(shortfall[rank - 1]) if rank <= n else max(float(shortfall[-1]), 0.0)
    rank = math.floor(place)
    return float(shortfall[rank - 1]) if rank >= 1 else min(float(shortfall[0]), 0.0)
