"""Forecasts that cost nothing: what a network has to beat before it is worth its training.

`last_value`, `seasonal_naive`, `drift` and `mean` look at one series: values [n] with NaN where nothing was observed,
horizon H, season m → [H]. They are the benchmark methods of Hyndman & Athanasopoulos, Forecasting: Principles and
Practice, 3rd ed. (2021), §5.2. A history without any observed value gives NaN.

`fit_ridge` is the strong one: a linear map from the network's own window to the whole horizon, pooled over all series,
which is also given the covariates known in the future.
`BASELINES` holds all five under one signature, for a backtest to loop over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unspool.forecast.evaluation.alike import of_each
from unspool.forecast.evaluation.metrics import mase_scales

History = np.ndarray
"""The values [n] of one series before a cutoff, NaN where nothing was observed."""

MOST_WINDOWS = 50_000
MOST_NUMBERS = 10_000_000  # 80 MB: longer windows are drawn in smaller numbers
STRENGTHS = (1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)  # the smallest keeps the equations well conditioned
DEFAULT_STRENGTH = 1e-1  # with too few windows to choose
BEFORE = 7
"""Steps before the cutoff whose known covariates the ridge reads, besides those of the gap and the horizon."""


def last_value(values: History, horizon: int, season: int = 1) -> np.ndarray:
    """The last observed value, repeated."""
    seen = np.flatnonzero(~np.isnan(values))
    return np.full(horizon, values[seen[-1]] if seen.size else np.nan)


def seasonal_naive(values: History, horizon: int, season: int = 1) -> np.ndarray:
    """The last observed value of the same phase; the last value where that phase was never observed."""
    n = len(values)
    rows = -(-n // season)
    # one row per season, the newest last and complete: column p is the phase of step p + 1
    table = np.concatenate([np.full(rows * season - n, np.nan), values]).reshape(rows, season)
    cycle = last_value(values, season)
    for row in table:
        cycle = np.where(np.isnan(row), cycle, row)
    return np.resize(cycle, horizon)


def drift(values: History, horizon: int, season: int = 1) -> np.ndarray:
    """The straight line through the first and the last observed value, continued."""
    seen = np.flatnonzero(~np.isnan(values))
    if seen.size < 2:
        return last_value(values, horizon)
    first, last = seen[0], seen[-1]
    slope = (values[last] - values[first]) / (last - first)
    return values[last] + slope * (len(values) - 1 - last + np.arange(1, horizon + 1))


def mean(values: History, horizon: int, season: int = 1) -> np.ndarray:
    """The mean of all observed values, repeated."""
    seen = values[~np.isnan(values)]
    return np.full(horizon, np.mean(seen) if seen.size else np.nan)


@dataclass(frozen=True)
class PooledRidge:
    """A fitted ridge regression: y = last + unit · (x W + b), x = (window − last) / unit, then what is known ahead.

    Missing values are 0 in x.

    `last` is the window's last observed value and `unit` the series' MASE scale (1 for a constant series).

    Attributes:
        weights: [window + beside, H]; the window may be shorter than asked for (see `fit_ridge`).
        bias: [H].
        season: m, for the unit.
        strength: the penalty taken, per window and relative to the mean square of x.
        beside: how many numbers are known covariates: K of each of `BEFORE` + gap + H steps.
    """

    weights: np.ndarray
    bias: np.ndarray
    season: int
    strength: float
    beside: int = 0

    def predict(self, histories: Sequence[History], known: Sequence[np.ndarray] | None = None) -> np.ndarray:
        """Forecast the horizon after each history: N arrays → [N, H]; NaN for a history without observed values.

        Args:
            histories: the values.
            known: as for `fit_ridge`.
        """
        window = len(self.weights) - self.beside
        x = np.stack([_pad(values, window)[-window:] for values in histories])
        last = BASELINES["last_value"](histories, 1, 1)[:, 0]
        unit = _units(histories, self.season)
        x = (x - last[:, None]) / unit[:, None]
        x = np.nan_to_num(x, nan=0.0)
        if known is not None:
            steps = self.beside // known[0].shape[1]
            x = np.hstack([x, np.stack([_padded_front(each, steps)[-steps:].ravel() for each in known])])
        return last[:, None] + unit[:, None] * (x @ self.weights + self.bias)


def fit_ridge(
    histories: Sequence[History],
    window: int,
    horizon: int,
    season: int = 1,
    gap: int = 0,
    seed: int = 0,
    known: Sequence[np.ndarray] | None = None,
) -> PooledRidge:
    """Fit one ridge regression from the last `window` values to steps gap + 1 … gap + horizon of every series.

    The window is shortened to the longest that leaves at least as many training windows as it has values; without any
    training window the result is the last value. The penalty is the best of `STRENGTHS`, by squared error in units, on
    the last fifth of each series' windows; what it is fitted on for that comparison ends before their targets begin.
    Of more than 50,000 windows, so many are drawn by `seed`. A window needs an observed value, and so does its target.

    `known` are N arrays [n + gap + H, K] of about unit size, without NaN: covariates that are known in the future.
    """
    lengths = np.array([len(values) for values in histories])
    while window > 1 and np.maximum(0, lengths - window - gap - horizon + 1).sum() < window:
        window -= 1
    x, y, early, late = _windows(histories, window, horizon, season, gap, seed, known)
    strength = DEFAULT_STRENGTH
    if early.any() and late.any():
        errors = []
        for candidate in STRENGTHS:
            weights, bias = _solve(x[early], y[early], candidate)
            errors.append(np.nanmean((x[late] @ weights + bias - y[late]) ** 2))
        strength = STRENGTHS[int(np.argmin(errors))]
    return PooledRidge(*_solve(x, y, strength), season, strength, x.shape[1] - window)


Method = Callable[[np.ndarray, int, int], np.ndarray]


def _pooled(method: Method, together: Method) -> Callable[..., np.ndarray]:
    """The method for many histories; `together` is the same for rows [k, n] that lack no value."""

    def forecast(histories: Sequence[History], horizon: int, season: int, *, gap: int = 0, **_: Any) -> np.ndarray:
        steps = gap + horizon
        return of_each(
            histories, lambda values: method(values, steps, season), lambda rows: together(rows, steps, season)
        )[:, gap:]

    return forecast


def _last_values(rows: np.ndarray, horizon: int, season: int) -> np.ndarray:
    del season
    return np.repeat(rows[:, -1:], horizon, axis=1)


def _seasonal_naives(rows: np.ndarray, horizon: int, season: int) -> np.ndarray:
    cycle = _last_values(rows, season, season)
    known = min(season, rows.shape[1])
    cycle[:, season - known :] = rows[:, -known:]
    return cycle[:, np.arange(horizon) % season]


def _drifts(rows: np.ndarray, horizon: int, season: int) -> np.ndarray:
    count = rows.shape[1]
    if count < 2:
        return _last_values(rows, horizon, season)
    slope = (rows[:, -1:] - rows[:, :1]) / (count - 1)
    return rows[:, -1:] + slope * np.arange(1, horizon + 1)


def _means(rows: np.ndarray, horizon: int, season: int) -> np.ndarray:
    del season
    return np.repeat(rows.mean(axis=1, keepdims=True), horizon, axis=1)


def _ridge(
    histories: Sequence[History],
    horizon: int,
    season: int,
    *,
    window: int,
    gap: int = 0,
    seed: int = 0,
    known: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    return fit_ridge(histories, window, horizon, season, gap, seed, known).predict(histories, known)


BASELINES: dict[str, Callable[..., np.ndarray]] = {
    "last_value": _pooled(last_value, _last_values),
    "seasonal_naive": _pooled(seasonal_naive, _seasonal_naives),
    "drift": _pooled(drift, _drifts),
    "mean": _pooled(mean, _means),
    "ridge": _ridge,
}
"""name → (histories, horizon, season, *, window, gap=0, seed=0, known=None) → [N, H], steps gap + 1 … gap + H."""


def _units(histories: Sequence[History], season: int) -> np.ndarray:
    scales = mase_scales(histories, season)
    return np.where(scales > 0, scales, 1.0)


def _pad(values: History, window: int) -> np.ndarray:
    return np.concatenate([np.full(max(0, window - len(values)), np.nan), values])


def _padded_front(known: np.ndarray, steps: int) -> np.ndarray:
    return np.pad(known, ((max(0, steps - len(known)), 0), (0, 0)))


def _windows(
    histories: Sequence[History],
    window: int,
    horizon: int,
    season: int,
    gap: int,
    seed: int,
    known: Sequence[np.ndarray] | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Windows x, targets y (both relative), and which rows the penalty is tried on: fitted (early), compared (late)."""
    lengths = np.array([len(values) for values in histories])
    counts = np.maximum(0, lengths - window - gap - horizon + 1)
    drawn = np.arange(counts.sum())
    steps = BEFORE + gap + horizon
    beside = 0 if known is None else steps * known[0].shape[1]
    most = min(MOST_WINDOWS, max(1, MOST_NUMBERS // (window + horizon + beside)))
    if drawn.size > most:
        drawn = np.sort(np.random.default_rng(seed).choice(drawn.size, most, replace=False))
    series = np.repeat(np.arange(len(counts)), counts)[drawn]
    place = drawn - (np.cumsum(counts) - counts)[series]  # of the window in its series
    flat = np.concatenate(histories)
    start = (np.cumsum(lengths) - lengths)[series] + place
    x = flat[start[:, None] + np.arange(window)]
    y = flat[start[:, None] + window + gap + np.arange(horizon)]

    seen = ~np.isnan(x)
    last = x[np.arange(len(x)), window - 1 - np.argmax(seen[:, ::-1], axis=1)]
    unit = _units(histories, season)[series]
    x = np.nan_to_num((x - last[:, None]) / unit[:, None], nan=0.0)
    y = (y - last[:, None]) / unit[:, None]
    if known is not None:
        ahead = np.concatenate([_padded_front(each, len(each) + BEFORE) for each in known])
        first = (np.cumsum(lengths + steps) - lengths - steps)[series] + place + window
        x = np.hstack([x, ahead[first[:, None] + np.arange(steps)].reshape(len(x), beside)])
    cut = (counts - np.ceil(counts / 5))[series]
    use = seen.any(axis=1) & ~np.isnan(y).all(axis=1)
    return x[use], y[use], (place + horizon <= cut)[use], (place >= cut)[use]


def _solve(x: np.ndarray, y: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Ridge weights [W, H] and bias [H]; steps are fitted together on the rows in which all of them were observed.

    Where such rows are few, the horizon is halved until they are many or one step is left: no target is invented.
    """
    from sklearn.linear_model import Ridge  # takes a second to import, so not before it is needed

    rows, window = x.shape
    horizon = y.shape[1]
    complete = ~np.isnan(y).any(axis=1)
    if horizon > 1 and np.count_nonzero(complete) < min(10 * window, rows / 2):
        halves = [_solve(x, part, strength) for part in np.array_split(y, 2, axis=1)]
        return np.hstack([weights for weights, _ in halves]), np.hstack([bias for _, bias in halves])
    x, y = x[complete], y[complete]
    if not len(x):
        return np.zeros((window, horizon)), np.zeros(horizon)
    size = float(np.mean(x**2)) or 1.0
    fitted = Ridge(alpha=strength * len(x) * size, solver="cholesky").fit(x, y)
    return np.reshape(fitted.coef_, (horizon, window)).T, np.reshape(fitted.intercept_, horizon)
