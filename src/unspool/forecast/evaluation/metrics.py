"""How good a forecast was: errors of points, quantiles and intervals, as pure functions on arrays.

An `actual` of NaN was not observed and is left out everywhere. A NaN *forecast* of an observed value makes the
metric NaN: a method that gives no answer is not scored on the rest. Nothing to score gives NaN, without a warning.
Axes: N series (one row may also be one series at one cutoff), H steps ahead, Q quantile levels.

- MAE, MSE, RMSE, sMAPE, quantile loss, CRPS and coverage are means over all observed values.
- MASE and RMSSE are means over rows, each row being scaled by itself: every series counts alike.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from unspool.errors import ShapeError
from unspool.forecast.evaluation.alike import of_each


def mae(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Mean absolute error: mean |y − ŷ|."""
    y, f = _observed(actual, forecast)
    return _mean(np.abs(y - f))


def mse(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Mean squared error: mean (y − ŷ)²."""
    y, f = _observed(actual, forecast)
    return _mean((y - f) ** 2)


def rmse(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Root of the mean squared error over all values (not the mean of each series' root)."""
    return float(np.sqrt(mse(actual, forecast)))


def smape(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Symmetric mean absolute percentage error, 0–200: mean 200 |y − ŷ| / (|y| + |ŷ|), with 0/0 counted as 0.

    The definition of the M4 competition (Makridakis, Spiliotis & Assimakopoulos 2020, IJF 36(1)).
    """
    y, f = _observed(actual, forecast)
    size = np.abs(y) + np.abs(f)
    return _mean(np.divide(200.0 * np.abs(y - f), size, out=np.zeros_like(size), where=size != 0))


def mase(actual: ArrayLike, forecast: ArrayLike, scale: ArrayLike) -> float:
    """Mean absolute scaled error: the mean over rows of mean |y − ŷ| / scale, scale from `mase_scale`.

    Rows with nothing observed, or a scale that is zero, infinite or NaN (a constant series), are left out.
    Hyndman & Koehler 2006, "Another look at measures of forecast accuracy", IJF 22(4); as used in M4.
    """
    values = mase_by_series(actual, forecast, scale)
    return _mean(values[_usable(actual, scale)])


def mase_by_series(actual: ArrayLike, forecast: ArrayLike, scale: ArrayLike) -> np.ndarray:
    """Each row's mean |y − ŷ| over its scale: [N, H], [N] → [N], NaN in the rows that `mase` leaves out."""
    y, f = _alike(actual, forecast)
    return _scaled(np.abs(y - f), y, scale)


def rmsse(actual: ArrayLike, forecast: ArrayLike, scale: ArrayLike) -> float:
    """Root mean squared scaled error: the mean over rows of √(mean (y − ŷ)² / scale), scale from `rmsse_scale`.

    Hyndman & Koehler 2006; the M5 competition's measure (Makridakis et al. 2022, IJF 38(4)) without its weights.
    """
    y, f = _alike(actual, forecast)
    return _mean(np.sqrt(_scaled((y - f) ** 2, y, scale)[_usable(y, scale)]))


def mase_scale(values: ArrayLike, season: int) -> float:
    """The unit of MASE: mean |y_t − y_{t−m}| of a history [n], over the pairs with both values observed.

    m is the season. Where no pair lies a season apart (the series is not longer than it, or too much is missing),
    m = 1 is taken instead; NaN where that has no pair either. Hyndman & Koehler 2006, equation for seasonal data.
    """
    return _mean(np.abs(_seasonal_differences(values, season)))


def rmsse_scale(values: ArrayLike, season: int) -> float:
    """The unit of RMSSE²: mean (y_t − y_{t−m})² of a history [n]; pairs and short series as in `mase_scale`.

    M5 uses m = 1 and starts at the first sale; give season=1 and the trimmed history for its numbers.
    """
    return _mean(_seasonal_differences(values, season) ** 2)


def mase_scales(histories: Sequence[np.ndarray], season: int) -> np.ndarray:
    """[N] `mase_scale` of each history."""
    return of_each(
        histories, lambda values: mase_scale(values, season), lambda rows: _row_means(np.abs(_row_lags(rows, season)))
    )


def rmsse_scales(histories: Sequence[np.ndarray], season: int) -> np.ndarray:
    """[N] `rmsse_scale` of each history."""
    return of_each(
        histories, lambda values: rmsse_scale(values, season), lambda rows: _row_means(_row_lags(rows, season) ** 2)
    )


def pinball(actual: ArrayLike, quantiles: ArrayLike, levels: Sequence[float]) -> np.ndarray:
    """The pinball loss of each value and level, max(τ e, (τ − 1) e) with e = y − q: [...], [..., Q] → [..., Q].

    Koenker & Bassett 1978. At level ½ it is half the absolute error. NaN where the actual value is.
    """
    y, q, tau = np.asarray(actual, dtype=np.float64), np.asarray(quantiles, dtype=np.float64), np.asarray(levels)
    if q.shape != (*y.shape, *tau.shape):
        raise ShapeError(f"quantiles have shape {q.shape}, but actual has {y.shape} and there are {tau.size} levels")
    error = y[..., None] - q
    return np.maximum(tau * error, (tau - 1.0) * error)


def quantile_loss(actual: ArrayLike, quantiles: ArrayLike, levels: Sequence[float]) -> float:
    """Mean pinball loss over values and levels, in the plain convention (no factor 2): the median alone gives MAE/2."""
    return _mean(pinball(actual, quantiles, levels)[~np.isnan(np.asarray(actual, dtype=np.float64))])


def weighted_quantile_loss(actual: ArrayLike, quantiles: ArrayLike, levels: Sequence[float]) -> float:
    """Twice the summed pinball loss over Σ|y|, mean over levels; NaN where Σ|y| is zero.

    The ρ-risk of DeepAR (Salinas et al. 2020, IJF 36(3)); free of units, dominated by large series.
    """
    y = np.asarray(actual, dtype=np.float64)
    seen = ~np.isnan(y)
    total = float(np.sum(np.abs(y[seen])))
    if total == 0:
        return float("nan")
    return _mean(2.0 * np.sum(pinball(y, quantiles, levels)[seen], axis=0) / total)


def crps(actual: ArrayLike, quantiles: ArrayLike, levels: Sequence[float]) -> float:
    """Continuous ranked probability score, approximated from quantiles: mean of 2 Σ_i w_i · pinball_i.

    CRPS = 2 ∫₀¹ pinball_τ dτ (Laio & Tamea 2007, HESS 11; Gneiting & Raftery 2007, JASA 102). The integral becomes a
    sum in which level τ_i stands for the part of (0, 1) nearer to it than to any other level, w_i its length. On the
    even grid τ_i = (i − ½)/Q all w_i are 1/Q and this is twice the mean pinball loss: exactly the CRPS of the
    distribution with mass 1/Q on each quantile, O(1/Q²) away from that of a smooth one. The three levels .1 .5 .9
    give .530 for a calibrated standard normal, whose CRPS is .564: compare forecasts at the same levels only.
    Where levels lie symmetrically about ½, a point forecast (all quantiles equal) scores its absolute error.
    """
    loss = pinball(actual, quantiles, levels)[~np.isnan(np.asarray(actual, dtype=np.float64))]
    edges = np.concatenate(([0.0], (np.asarray(levels[1:]) + np.asarray(levels[:-1])) / 2.0, [1.0]))
    return _mean(2.0 * loss @ np.diff(edges))


def coverage(actual: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> float:
    """The share of observed values in [lower, upper], both ends included."""
    y, low = _observed(actual, lower)
    _, high = _observed(actual, upper)
    return _mean((low <= y) & (y <= high))


def share_below(actual: ArrayLike, quantile: ArrayLike) -> float:
    """The share of observed values at or below a quantile: its level, if the forecast is calibrated."""
    y, q = _observed(actual, quantile)
    return _mean(y <= q)


def width(lower: ArrayLike, upper: ArrayLike) -> float:
    """Mean width of the intervals, in the data's unit, over all that were forecast."""
    low, high = _alike(lower, upper)
    return _mean(high - low)


def _alike(first: ArrayLike, second: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.shape != two.shape:
        # broadcasting would give a number here, of something else
        raise ShapeError(f"the two arrays to compare have the shapes {one.shape} and {two.shape}")
    return one, two


def _observed(actual: ArrayLike, forecast: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    y, f = _alike(actual, forecast)
    seen = ~np.isnan(y)
    return y[seen], f[seen]


def _usable(actual: ArrayLike, scale: ArrayLike) -> np.ndarray:
    y, unit = np.asarray(actual, dtype=np.float64), np.asarray(scale, dtype=np.float64)
    if unit.shape != y.shape[:-1]:
        raise ShapeError(f"the scales have shape {unit.shape}; one for each row of {y.shape} is needed")
    return np.any(~np.isnan(y), axis=-1) & np.isfinite(unit) & (unit > 0)


def _scaled(loss: np.ndarray, actual: np.ndarray, scale: ArrayLike) -> np.ndarray:
    usable = _usable(actual, scale)
    seen = ~np.isnan(actual)
    total = np.where(seen, loss, 0.0).sum(axis=-1)
    unit = seen.sum(axis=-1) * np.asarray(scale, dtype=np.float64)
    return np.divide(total, unit, out=np.full(usable.shape, np.nan), where=usable)


def _seasonal_differences(values: ArrayLike, season: int) -> np.ndarray:
    y = np.asarray(values, dtype=np.float64)
    for lag in (season, 1):
        difference = y[lag:] - y[:-lag]
        difference = difference[~np.isnan(difference)]
        if difference.size:
            return difference
    return np.empty(0)


def _row_lags(rows: np.ndarray, season: int) -> np.ndarray:
    """`_seasonal_differences` of rows [k, n] that lack no value."""
    lag = season if rows.shape[1] > season else 1
    return rows[:, lag:] - rows[:, :-lag]


def _row_means(rows: np.ndarray) -> np.ndarray:
    return rows.mean(axis=1) if rows.shape[1] else np.full(len(rows), np.nan)


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if values.size else float("nan")
