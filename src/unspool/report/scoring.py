"""What the backtest's numbers say: which baseline is the best, and how the model stands against it."""

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from unspool.forecast.result import MODEL
from unspool.report.names import metric_name, spoken
from unspool.report.numbers import count, percent

HEADLINE = ("mase", "mae", "rmse")
"""The metric of the headline: the first of these that was computed."""
CLOSE = 0.01
"""Differences below this share are called a tie."""


def metrics_of(metrics: Mapping[str, Any], name: str) -> Mapping[str, float]:
    """`overall.<name>`, empty where there is none."""
    return metrics.get("overall", {}).get(name, {})


def baselines(metrics: Mapping[str, Any]) -> list[str]:
    """The names in `overall` beside the model's, in their order."""
    return [name for name in metrics.get("overall", {}) if name != MODEL]


def headline_metric(metrics: Mapping[str, Any]) -> str | None:
    """The metric that the report compares by; None where none is known for the model and a baseline."""
    for key in HEADLINE:
        if usable(metrics_of(metrics, MODEL).get(key)) and any(
            usable(metrics_of(metrics, name).get(key)) for name in baselines(metrics)
        ):
            return key
    return None


def best_baseline(metrics: Mapping[str, Any]) -> str | None:
    """The baseline with the lowest headline metric; None where there is nothing to compare."""
    key = headline_metric(metrics)
    if key is None:
        return None
    known = [(value, name) for name in baselines(metrics) if usable(value := metrics_of(metrics, name).get(key))]
    return min(known, key=lambda pair: pair[0])[1]


def skill(metrics: Mapping[str, Any], baseline: str, key: str) -> float | None:
    """`1 − model/baseline`: positive is better than the baseline. None where it cannot be said."""
    mine, other = metrics_of(metrics, MODEL).get(key), metrics_of(metrics, baseline).get(key)
    if not usable(mine) or not usable(other) or other == 0:
        return None
    return 1 - mine / other


def verdict(metrics: Mapping[str, Any]) -> str:
    """The honest sentence on the model against the best baseline."""
    key, rival = headline_metric(metrics), best_baseline(metrics)
    if key is None or rival is None:
        return "No baseline could be scored, so it is not known whether this forecast is any good."
    gain, won = skill(metrics, rival, key), folds_won(metrics)
    against = f"the best baseline, {spoken(rival)}"
    often = f" ({won})" if won else ""
    if gain is None:
        return f"{metric_name(key)} of {against}, is 0, so nothing can be better; use it instead."
    if abs(gain) < CLOSE:
        return f"{metric_name(key)} within {percent(CLOSE)} of {against}{often}: no better than that simpler method."
    if gain > 0:
        return f"{percent(gain)} lower {metric_name(key)} than {against}{often}."
    return f"Worse than {against}: {percent(-gain)} higher {metric_name(key)}{often}. Use {spoken(rival)} instead."


def folds_won(metrics: Mapping[str, Any]) -> str:
    """`lower in 4 of 5 folds`; empty with fewer than two folds."""
    key, rival = headline_metric(metrics), best_baseline(metrics)
    pairs = [
        (fold[MODEL].get(key), fold[rival].get(key))
        for fold in metrics.get("folds", ())
        if rival in fold and MODEL in fold
    ]
    known = [mine < other for mine, other in pairs if usable(mine) and usable(other)]
    return f"lower in {sum(known)} of {count(len(known), 'fold')}" if len(known) > 1 else ""


def usable(value: Any) -> TypeGuard[float]:
    """Whether a metric is a finite number."""
    return isinstance(value, int | float) and math.isfinite(value)
