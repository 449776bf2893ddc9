"""Reports made up for the tests: a weekly record like Mauna Loa's, and variations of it."""

from dataclasses import replace
from typing import Any

import numpy as np

from unspool.forecast.evaluation.scores import score
from unspool.forecast.result import MODEL, Backtest, Choice, Epoch, Fold, Forecast, TrainingLog
from unspool.report import ReportData

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
NORMAL = np.array([-1.645, -1.282, -0.674, 0.0, 0.674, 1.282, 1.645])
BASELINES = ("last_value", "seasonal_naive", "drift", "mean", "ridge")


def weekly_signal(length: int) -> np.ndarray:
    """A rising trend and a yearly wave: what a good network would find."""
    t = np.arange(length)
    return 316 + 0.023 * t + 2.9 * np.sin(2 * np.pi * t / 52.18) + 0.7 * np.sin(4 * np.pi * t / 52.18 + 1)


def weekly_values(length: int, seed: int = 0) -> np.ndarray:
    """The signal with noise, and with missing weeks in it."""
    noise = np.random.default_rng(seed)
    wander = np.cumsum(noise.normal(0, 0.02, length))
    values = weekly_signal(length) + wander + noise.normal(0, 0.25, length)
    values[noise.choice(length - 60, length // 40, replace=False)] = np.nan
    return values


def weekly_times(length: int) -> np.ndarray:
    return np.datetime64("1958-03-29", "us") + np.arange(length) * np.timedelta64(7, "D")


def training_log(epochs: int = 24, best: int = 17) -> TrainingLog:
    made = tuple(
        Epoch(n, 0.9 * np.exp(-n / 5) + 0.11, 0.8 * np.exp(-n / 6) + 0.14 + 0.001 * max(0, n - best), 0.4, 0.3 * n)
        for n in range(1, epochs + 1)
    )
    return TrainingLog(made, best, "no better validation loss for 7 epochs", "segment", "gru", 7.4)


def quantiles_around(point: np.ndarray, spread: float = 0.35) -> np.ndarray:
    steps = np.sqrt(1 + np.arange(point.shape[1]) / 12)
    return point[:, :, None] + spread * steps[None, :, None] * NORMAL


def fold_of(
    number: int, ids: tuple[str, ...], times: np.ndarray, values: np.ndarray, cutoff: int, horizon: int
) -> Fold:
    """The fold after `cutoff` points of series that share their times; `values` [N, n]."""
    noise = np.random.default_rng(number)
    actual = values[:, cutoff : cutoff + horizon]
    place = np.arange(values.shape[1])
    filled = np.stack([np.interp(place, place[np.isfinite(row)], row[np.isfinite(row)]) for row in values])
    last, season = filled[:, cutoff - 1 : cutoff], filled[:, cutoff - 52 : cutoff]
    signal = weekly_signal(values.shape[1])
    level = (filled[:, cutoff - 26 : cutoff] - signal[cutoff - 26 : cutoff]).mean(axis=1, keepdims=True)
    good = signal[cutoff : cutoff + horizon] + level
    point = {
        MODEL: good + noise.normal(0, 0.1, actual.shape),
        "last_value": np.repeat(last, horizon, axis=1),
        "seasonal_naive": np.tile(season, (1, horizon // 52 + 1))[:, :horizon],
        "drift": last + 0.03 * np.arange(1, horizon + 1),
        "mean": np.repeat(np.mean(filled[:, :cutoff], axis=1, keepdims=True), horizon, axis=1),
        "ridge": good + noise.normal(0, 0.2, actual.shape) - 0.006 * np.arange(horizon),
    }
    rows = len(ids)
    return Fold(
        number=number,
        ids=ids,
        last_seen=np.repeat(times[cutoff - 1], rows),
        times=np.tile(times[cutoff : cutoff + horizon], (rows, 1)),
        actual=actual,
        point=point,
        quantiles=quantiles_around(point[MODEL]),
        mase_scale=np.full(rows, 1.5),
        rmsse_scale=np.full(rows, 3.0),
        history=tuple(row[max(0, cutoff - 160) : cutoff] for row in values),
        training=training_log() if number == 1 else None,
    )


def sample(series: int = 1, length: int = 2284, horizon: int = 52, folds: int = 5, names: Any = None) -> ReportData:
    """A whole report; `folds=0` leaves the backtest away."""
    ids = tuple(names or (["co2"] if series == 1 else [f"station {place + 1}" for place in range(series)]))
    times = weekly_times(length)
    values = np.stack([weekly_values(length, seed) for seed in range(len(ids))])
    ahead = times[-1] + np.arange(1, horizon + 1) * np.timedelta64(7, "D")
    drifted = np.nanmean(values[:, -26:] - weekly_signal(length)[-26:], axis=1, keepdims=True)
    point = weekly_signal(length + horizon)[-horizon:] + drifted
    made = tuple(
        fold_of(number + 1, ids, times, values, length - (folds - number) * horizon, horizon) for number in range(folds)
    )
    metrics = score(made, LEVELS, [str(fold.last_seen[0])[:10] for fold in made]) if folds else {}
    return ReportData(
        title=f"{ids[0]}, 52 weeks ahead" if series == 1 else f"{series} stations, {horizon} weeks ahead",
        history=[(name, times, row) for name, row in zip(ids, values, strict=True)],
        forecast=Forecast(ids, np.tile(ahead, (len(ids), 1)), point, quantiles_around(point), LEVELS),
        backtest=Backtest(made, LEVELS, metrics) if folds else None,
        training=[training_log(), training_log(31, 24)],
        choice=Choice("segment, 13 steps", {"direct": 0.231, "segment, 4 steps": 0.187, "segment, 13 steps": 0.162}),
        findings=["co2: 59 of 2284 weeks have no value (first: 1958-05-10, longest run 14 weeks from 1964-01-25)"],
        settings={"horizon": str(horizon), "cell": "gru", "network": "auto", "folds": str(folds), "seed": "0"},
        command=f"unspool forecast co2.csv --time date --target co2 --horizon {horizon} --folds {folds} --out out/demo",
        versions={"unspool": "0.1.0", "python": "3.11.9", "torch": "2.13.0", "numpy": "2.2.0"},
    )


def without_backtest(report: ReportData) -> ReportData:
    return replace(report, backtest=None)
