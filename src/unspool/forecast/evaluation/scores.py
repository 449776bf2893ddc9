"""The metrics of a backtest, as metrics.json holds them: plain dictionaries, lists and floats, None where undefined.

    overall      <name>.<metric>            over all folds, series and steps
    by_step      <name>.<metric>            a list of H, the same for each step ahead
    folds        [{number, cutoff, <name>: {metric: value}}]
    coverage     [{nominal, actual, width}]     the central intervals, narrowest first
    calibration  [{level, actual}]              how often values lay at or below each quantile
    skill        <baseline>.<metric>        1 − model / baseline: 0 as good, 1 perfect, negative worse
    worst        [{series, mase, seasonal_naive}]   the series the model forecasts worst, at most 20; see `hardest`
    lost         [{series, mase, seasonal_naive}]   those where the seasonal naive is better by most, at most 20
    rivals       <name>.coverage            as coverage, for the baselines with quantiles; absent where there is none

<name> is the model or a baseline; metrics are defined in `evaluation.metrics`. A series at one cutoff is one row
for MASE and RMSSE. Quantile losses and coverage are the model's and those of the baselines that have quantiles,
calibration is the model's alone. For any other baseline, crps is its MAE, because that is the CRPS of a forecast that
puts all its mass on one point (Gneiting & Raftery 2007, JASA 102), so that the model's crps has something to be
compared with.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from unspool.errors import DataError
from unspool.forecast.evaluation import metrics
from unspool.forecast.evaluation.hardest import hardest
from unspool.forecast.result import MODEL, Fold

SKILLS = ("mae", "mse", "mase")


def score(folds: Sequence[Fold], levels: Sequence[float], cutoffs: Sequence[str] | None = None) -> dict[str, Any]:
    """Score the model and its baselines over the folds of a backtest.

    Args:
        folds: all with the same names in `point`, the same horizon and the same quantile levels.
        levels: [Q] ascending; the last axis of each fold's quantiles.
        cutoffs: the text of each fold's cutoff; by default the latest time seen before it, as it prints.

    Raises:
        DataError: there is nothing to score.
    """
    if not any(np.isfinite(fold.actual).any() for fold in folds):
        raise DataError("no value was observed in the test part of any fold", hint="use fewer steps or other cutoffs")
    labels = [str(np.max(fold.last_seen)) for fold in folds] if cutoffs is None else cutoffs
    actual = np.concatenate([fold.actual for fold in folds])
    quantiles = np.concatenate([fold.quantiles for fold in folds])
    overall = _table(folds, levels)
    steps = [_table(folds, levels, slice(h, h + 1)) for h in range(actual.shape[1])]
    return {
        "overall": overall,
        "by_step": {
            name: {metric: [step[name][metric] for step in steps] for metric in values}
            for name, values in overall.items()
        },
        "folds": [
            {"number": fold.number, "cutoff": label, **_table([fold], levels)}
            for fold, label in zip(folds, labels, strict=True)
        ],
        "coverage": _coverage(actual, quantiles, levels),
        "calibration": [
            {"level": float(level), "actual": _number(metrics.share_below(actual, quantiles[..., i]))}
            for i, level in enumerate(levels)
        ],
        "skill": {
            name: {metric: _skill(overall[MODEL][metric], values[metric]) for metric in SKILLS}
            for name, values in overall.items()
            if name != MODEL
        },
    } | (hardest(folds) | _rivals(folds, actual, levels))


def _table(folds: Sequence[Fold], levels: Sequence[float], steps: slice = slice(None)) -> dict[str, dict]:
    """Metrics by name, over the given folds and steps."""
    actual = np.concatenate([fold.actual[:, steps] for fold in folds])
    mase_scale = np.concatenate([fold.mase_scale for fold in folds])
    rmsse_scale = np.concatenate([fold.rmsse_scale for fold in folds])
    table = {}
    for name in folds[0].point:
        point = np.concatenate([fold.point[name][:, steps] for fold in folds])
        values = {
            "mae": metrics.mae(actual, point),
            "mse": metrics.mse(actual, point),
            "rmse": metrics.rmse(actual, point),
            "smape": metrics.smape(actual, point),
            "mase": metrics.mase(actual, point, mase_scale),
            "rmsse": metrics.rmsse(actual, point, rmsse_scale),
        }
        if name != MODEL and name not in folds[0].rivals:
            values["crps"] = values["mae"]
        elif len(levels):
            of = [fold.quantiles if name == MODEL else fold.rivals[name] for fold in folds]
            quantiles = np.concatenate([part[:, steps] for part in of])
            values["quantile_loss"] = metrics.quantile_loss(actual, quantiles, levels)
            values["weighted_quantile_loss"] = metrics.weighted_quantile_loss(actual, quantiles, levels)
            values["crps"] = metrics.crps(actual, quantiles, levels)
        table[name] = {metric: _number(value) for metric, value in values.items()}
    return table


def _coverage(actual: np.ndarray, quantiles: np.ndarray, levels: Sequence[float]) -> list[dict]:
    """One entry for each pair of levels that lies symmetrically about ½."""
    found = []
    for i, low in enumerate(levels):
        for j, high in enumerate(levels):
            if low < 0.5 < high and math.isclose(low + high, 1.0, abs_tol=1e-9):
                lower, upper = quantiles[..., i], quantiles[..., j]
                found.append(
                    {
                        "nominal": round(float(high - low), 9),
                        "actual": _number(metrics.coverage(actual, lower, upper)),
                        "width": _number(metrics.width(lower, upper)),
                    }
                )
    return sorted(found, key=lambda entry: entry["nominal"])


def _rivals(folds: Sequence[Fold], actual: np.ndarray, levels: Sequence[float]) -> dict[str, Any]:
    names = folds[0].rivals
    if not names:
        return {}
    found = {name: np.concatenate([fold.rivals[name] for fold in folds]) for name in names}
    return {"rivals": {name: {"coverage": _coverage(actual, values, levels)} for name, values in found.items()}}


def _skill(model: float | None, baseline: float | None) -> float | None:
    return None if model is None or not baseline else 1.0 - model / baseline


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
