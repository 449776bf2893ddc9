"""What a reader in a hurry takes away: what was forecast, by what, the next value, and how good it is."""

from dataclasses import dataclass

import numpy as np

from unspool.forecast.result import Forecast
from unspool.report.bands import bands
from unspool.report.data import ReportData
from unspool.report.names import cell_name
from unspool.report.numbers import between, count, level, number, percent
from unspool.report.scoring import usable, verdict

OFF = 0.05
"""Coverage this far from its promise is remarked on."""


@dataclass(frozen=True)
class Fact:
    """One of the large figures under the heading."""

    name: str
    value: str
    detail: str


def summary(report: ReportData) -> str:
    """What was forecast, from what, by which network."""
    series = len({name for name, _, _ in report.history})
    seen = sum(int(np.isfinite(np.asarray(values, dtype=np.float64)).sum()) for _, _, values in report.history)
    horizon = _horizon(report)
    what = (f"{count(series, 'series', 'series')} with " if series != 1 else "") + count(seen, "observation")
    if horizon is not None:
        verb = "forecast" if report.forecast is not None else "backtested"
        what += f", {verb} {count(horizon, 'step')} ahead"
    if report.training:
        log, search = report.training[0], report.choice.search if report.choice is not None else None
        if search is not None and len(search.members) > 1:
            return f"{what} by an ensemble of {len(search.members)} networks."
        what += f" by a{'n' if log.network[0] in 'aeiou' else ''} {log.network} network of {cell_name(log.cell)} cells"
    return what + "."


def judgement(report: ReportData) -> str:
    """The honest sentence."""
    if report.backtest is None:
        return "No backtest was made, so nothing is known of how good this forecast is."
    return verdict(report.backtest.metrics)


def facts(report: ReportData) -> list[Fact]:
    """The next value of a single series, and how often the intervals held."""
    found = []
    if report.forecast is not None and len(report.forecast.ids) == 1:
        found.append(_next_value(report, report.forecast))
    if report.backtest is not None:
        coverage = [row for row in report.backtest.metrics.get("coverage", ()) if usable(row.get("actual"))]
        if coverage:
            # the interval people plan with: nearest to 80 %
            row = min(coverage, key=lambda row: abs(row["nominal"] - 0.8))
            off = row["actual"] - row["nominal"]
            remark = "" if abs(off) < OFF else ": too wide" if off > 0 else ": too narrow"
            held = f"{level(row['nominal'])} interval held"
            found.append(Fact(held, percent(row["actual"]), f"of the values that came{remark}"))
    return found


def _next_value(report: ReportData, forecast: Forecast) -> Fact:
    when = report.time_labels(forecast.times[0][:1])[0]
    nested = bands(forecast.levels)
    if not nested:
        return Fact(f"Next value, {when}", number(forecast.point[0, 0]), "")
    low, high = forecast.quantiles[0, 0, [nested[0].low, nested[0].high]]
    return Fact(f"Next value, {when}", number(forecast.point[0, 0]), f"{nested[0].name}: {between(low, high)}")


def _horizon(report: ReportData) -> int | None:
    if report.forecast is not None:
        return report.forecast.times.shape[1]
    if report.backtest is not None and report.backtest.folds:
        return report.backtest.folds[0].times.shape[1]
    return None
