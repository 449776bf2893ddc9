"""The tables of a report, as rows of text that the template only lays out."""

from dataclasses import dataclass

from unspool.forecast.result import MODEL, Backtest, Choice, Search
from unspool.report.axis import axis_times
from unspool.report.bands import bands
from unspool.report.data import ReportData
from unspool.report.names import metric_name, spoken
from unspool.report.numbers import HARD, MISSING, between, count, level, number, percent
from unspool.report.scoring import headline_metric, metrics_of, skill, usable
from unspool.report.selection import Selection

MOST_ROWS = 60
MOST_TRIED = 20
_NO_CONTEST = frozenset({"coverage", "width", "bias"})
"""Measures of which the lowest is not the best."""


@dataclass(frozen=True)
class Cell:
    """One entry: its text, whether it is the best of its column, and the key of the series that a click on it draws."""

    text: str
    best: bool = False
    pick: str = ""


@dataclass(frozen=True)
class Table:
    """A heading row, and rows that begin with their own heading.

    Attributes:
        caption: what the table holds.
        columns: the headings, the first one of the row headings.
        rows: cells in the columns' order.
        left_out: rows not shown.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = 0


def score_table(backtest: Backtest) -> Table:
    """The model and the baselines by metric, the lowest of each column marked, and the skill against each baseline."""
    overall = backtest.metrics.get("overall", {})
    names = [name for name in (MODEL, *(name for name in overall if name != MODEL)) if name in overall]
    keys = [key for key in metric_keys(backtest) if _scored(backtest, key) > 1]
    lowest = {key: min(overall[name][key] for name in names if usable(overall[name].get(key))) for key in keys}
    compared = headline_metric(backtest.metrics)
    rows = []
    for name in names:
        row = [Cell(spoken(name))]
        if compared is not None:
            row.append(Cell("" if name == MODEL else _skill(skill(backtest.metrics, name, compared))))
        for key in keys:
            value = overall[name].get(key)
            best = usable(value) and value == lowest[key] and key not in _NO_CONTEST
            row.append(Cell(number(value), best))
        rows.append(tuple(row))
    skilled = (f"Skill ({metric_name(compared)})",) if compared is not None else ()
    head = ("Method", *skilled, *map(metric_name, keys))
    return Table("Mean errors over all series, folds and steps ahead", head, tuple(rows))


def score_note(backtest: Backtest) -> str:
    """What the score table cannot say: the metrics that only the model has, and what a baseline's CRPS is."""
    mine = metrics_of(backtest.metrics, MODEL)
    lone = [key for key in metric_keys(backtest) if _scored(backtest, key) == 1 and usable(mine.get(key))]
    words = "; ".join(f"{metric_name(key).lower()} {number(mine[key])}" for key in lone)
    note = f"Only for this forecast: {words}. " if lone else ""
    if _scored(backtest, "crps") < 2:
        return note
    others = " other" if backtest.metrics.get("rivals") else ""
    return f"{note}The CRPS of{others} baselines, which have no intervals, is their MAE."


def metric_keys(backtest: Backtest) -> list[str]:
    """Every metric that the model or a baseline has, in their order."""
    return list(dict.fromkeys(key for values in backtest.metrics.get("overall", {}).values() for key in values))


def _scored(backtest: Backtest, key: str) -> int:
    """How many methods have the metric."""
    return sum(usable(values.get(key)) for values in backtest.metrics.get("overall", {}).values())


def fold_table(report: ReportData, backtest: Backtest) -> Table | None:
    """The headline metric of each fold; None with fewer than two folds."""
    key, folds = headline_metric(backtest.metrics), backtest.metrics.get("folds", ())
    if key is None or len(folds) < 2:
        return None
    names = [name for name in backtest.metrics["overall"] if any(name in fold for fold in folds)]
    rows = []
    for fold in folds:
        values = [fold.get(name, {}).get(key) for name in names]
        lowest = min((value for value in values if usable(value)), default=None)
        cells = (Cell(number(value), usable(value) and value == lowest) for value in values)
        rows.append((Cell(f"{fold.get('number', len(rows) + 1)}: after {fold.get('cutoff', MISSING)}"), *cells))
    return Table(f"{metric_name(key)} by fold", ("Fold", *map(spoken, names)), tuple(rows))


def coverage_table(backtest: Backtest) -> Table | None:
    """Each interval: promised and actual coverage, mean width; None without intervals."""
    rows = sorted(backtest.metrics.get("coverage", ()), key=lambda row: row["nominal"])
    if not rows:
        return None
    cells = (
        (Cell(level(row["nominal"])), Cell(percent(row.get("actual"))), Cell(number(row.get("width")))) for row in rows
    )
    return Table("Coverage and mean width of the intervals", ("Interval", "Held", "Mean width"), tuple(cells))


def choice_table(choice: Choice) -> Table:
    """What `auto` tried, the best first."""
    tried = sorted(choice.tried.items(), key=lambda item: (not usable(item[1]), item[1]))
    members = {one.name for one in choice.search.members} if choice.search is not None else {choice.chosen}
    rows = []
    for name, value in tried[:MOST_TRIED]:
        taken = name in members
        rows.append((Cell(name), Cell(number(value), taken), Cell("taken" if taken else "")))
    caption = f"What was tried, by {choice.metric} (lower is better)"
    return Table(caption, ("Network", "Value", ""), tuple(rows), max(0, len(tried) - MOST_TRIED))


def member_table(search: Search) -> Table:
    """What each member adds to the ensemble that was kept."""
    rows = []
    for one in search.members:
        cells = (one.name, percent(one.weight), number(one.alone), number(one.without))
        rows.append(tuple(Cell(text) for text in cells))
    return Table("What each member adds", ("Member", "Weight", "Alone", "Ensemble without it"), tuple(rows))


def search_words(search: Search) -> str:
    """How a search went, in a sentence or two."""
    words = f"Within a budget of {search.budget}, {count(len(search.trials), 'candidate')} were tried; {search.ended}. "
    alone = min(trial.loss for trial in search.trials)
    if len(search.members) == 1:
        return words + "The best one stands alone: no second one made it better."
    size = len(search.members)
    return f"{words}The ensemble of {size} has a loss of {number(search.loss)}; the best alone has {number(alone)}."


def next_table(report: ReportData, selection: Selection) -> Table | None:
    """The next value of each selected series; None for a single series, whose next value is in the heading."""
    forecast = report.forecast
    if forecast is None or len(forecast.ids) < 2:
        return None
    nested = bands(forecast.levels)
    rows = []
    for name in selection.ids:
        if name not in forecast.ids:
            continue
        place = forecast.ids.index(name)
        cells = [
            Cell(name),
            Cell(report.time_labels(forecast.times[place][:1])[0]),
            Cell(number(forecast.point[place, 0])),
        ]
        if nested:
            low, high = forecast.quantiles[place, 0, [nested[0].low, nested[0].high]]
            cells.append(Cell(between(low, high)))
        rows.append(tuple(cells))
    interval = (nested[0].name,) if nested else ()
    return Table("The next value of each series drawn", ("Series", "Time", "Forecast", *interval), tuple(rows))


def forecast_tables(report: ReportData, selection: Selection) -> list[Table | None]:
    """The forecast of each selected series as numbers, in the selection's order; the first sixty steps."""
    forecast = report.forecast
    if forecast is None:
        return []
    made: list[Table | None] = []
    columns = ("Time", "Forecast", *(level(at) for at in forecast.levels))
    for name in selection.ids:
        if name not in forecast.ids:
            made.append(None)
            continue
        place = forecast.ids.index(name)
        labels = report.time_labels(forecast.times[place][:MOST_ROWS])
        rows = tuple(
            (Cell(label), Cell(number(point)), *(Cell(number(value)) for value in quantiles))
            for label, point, quantiles in zip(labels, forecast.point[place], forecast.quantiles[place], strict=False)
        )
        left_out = max(0, len(axis_times(forecast.times[place])) - MOST_ROWS)
        made.append(Table(f"{name}: forecast and quantiles", columns, rows, left_out))
    return made


def _skill(value: float | None) -> str:
    if value is None:
        return MISSING
    return ("+" if value > 0 else "") + percent(value) if value else f"0{HARD}%"
