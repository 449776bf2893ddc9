"""What a command prints: the data, the choice, the backtest, the files."""

from pathlib import Path
from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from unspool.forecast import Choice, Explanation, Panel, Run
from unspool.forecast.result import MODEL, Search
from unspool.report.explanation.words import rests_overall

METRICS = {"mae": "MAE", "rmse": "RMSE", "smape": "sMAPE", "mase": "MASE", "rmsse": "RMSSE", "crps": "CRPS"}
FINDINGS = 6


class Screen:
    """Prints for a person; `quiet` prints nothing, for a program is listening."""

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(quiet=quiet, highlight=False, soft_wrap=True)

    def data(self, name: str, panel: Panel) -> None:
        """What was read and what was found in it."""
        lengths = [len(s.values) for s in panel.series]
        first, last = min(s.times[0] for s in panel.series), max(s.times[-1] for s in panel.series)
        span = " to ".join(panel.labels([first, last]))
        count = "1 series" if len(lengths) == 1 else f"{len(lengths)} series"
        size = f"{lengths[0]:,} steps" if len(set(lengths)) == 1 else f"{min(lengths):,} to {max(lengths):,} steps"
        self.console.print(Text(f"{name}: {count} of {size}, {panel.frequency.name}, {span}", style="bold"))
        season = panel.frequency.season_length
        self.console.print(Text(f"season: {season} step{'s' if season > 1 else ''}"))
        for finding in panel.findings[:FINDINGS]:
            self.console.print(Text(f"found: {finding.message}"))
        if len(panel.findings) > FINDINGS:
            self.console.print(Text(f"found: {len(panel.findings) - FINDINGS} more findings; the report lists them"))

    def choice(self, choice: Choice) -> None:
        """What `auto` took, and by how much."""
        if choice.search is not None:
            self._search(choice, choice.search)
        elif len(choice.tried) > 1:
            tried = ", ".join(f"{name} {loss:.4f}" for name, loss in sorted(choice.tried.items(), key=lambda t: t[1]))
            self.console.print(Text(f"auto chose {choice.chosen} ({choice.metric}: {tried})"))

    def _search(self, choice: Choice, search: Search) -> None:
        refused = f", {len(search.refused)} could not be fitted" if search.refused else ""
        self.console.print(
            Text(f"auto tried {len(search.trials)} candidates ({search.ended}){refused}; it keeps {choice.chosen}")
        )
        self.console.print(members_table(search))
        self.console.print(Text(f"in {choice.metric}: {search.loss:.4f}; of the best alone {best_alone(search):.4f}"))
        if not choice.interrupted:
            self.console.print(Text(f"the fits that follow take about {search.rest:,.0f} s"))

    def baseline(self, done: str) -> None:
        """A statistical baseline that is done with a fold."""
        self.console.print(f"[dim]{'':<28} {done}[/dim]", highlight=False)

    def outcome(self, run: Run, written: dict[str, Path], explanation: Explanation | None = None) -> None:
        """The backtest, what the forecast rests on, what should be known, and where the files are."""
        if run.backtest is not None:
            self.console.print()
            self.console.print(backtest_table(run.backtest.metrics))
            self.console.print(Text(verdict(run.backtest.metrics)))
        if explanation is not None:
            self.console.print(Text(rests_overall(explanation)))
        for note in run.notes:
            self.console.print(Text(f"note: {note}", style="yellow"))
        self.console.print()
        for what, path in written.items():
            self.console.print(Text(f"{what:<10} {path}"))


def members_table(search: Search) -> Table:
    """What each member of an ensemble adds."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("member", "weight", "alone", "without it"):
        table.add_column(name, justify="left" if name == "member" else "right")
    for one in search.members:
        without = "" if one.without is None else f"{one.without:.4f}"
        table.add_row(Text(one.name), f"{one.weight:.2f}", f"{one.alone:.4f}", without)
    return table


def best_alone(search: Search) -> float:
    """The lowest loss of a trial."""
    return min(trial.loss for trial in search.trials)


def backtest_table(metrics: dict[str, Any]) -> Table:
    """The model and the baselines by metric, the best of each in bold, and the model's skill against each."""
    folds = len(metrics["folds"])
    cutoffs = (
        f"{metrics['folds'][0]['cutoff']} … {metrics['folds'][-1]['cutoff']}"
        if folds > 1
        else metrics["folds"][0]["cutoff"]
    )
    table = Table(
        title=f"Backtest, {folds} fold{'s' if folds > 1 else ''}, cutoff {cutoffs}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("")
    for title in (*METRICS.values(), "skill (MASE)"):
        table.add_column(title, justify="right")
    overall = metrics["overall"]
    best = {m: min((v[m] for v in overall.values() if v.get(m) is not None), default=None) for m in METRICS}
    for name, values in overall.items():
        cells = [_number(values.get(m), bold=values.get(m) is not None and values.get(m) == best[m]) for m in METRICS]
        skill = None if name == MODEL else metrics["skill"][name]["mase"]
        table.add_row(Text(name.replace("_", " ")), *cells, "" if skill is None else f"{100 * skill:+.1f} %")
    return table


def verdict(metrics: dict[str, Any]) -> str:
    """Coverage, and the skill against the best baseline, also where it is bad."""
    baselines = {n: v["mase"] for n, v in metrics["overall"].items() if n != MODEL and v["mase"] is not None}
    said = []
    if baselines and metrics["overall"][MODEL]["mase"] is not None:
        name = min(baselines, key=lambda n: baselines[n])
        skill = metrics["skill"][name]["mase"]
        how = "better" if skill > 0 else "worse"
        said.append(f"{abs(100 * skill):.1f} % {how} than the best baseline, {name.replace('_', ' ')} (MASE)")
    for entry in metrics["coverage"]:
        if abs(entry["nominal"] - 0.8) < 1e-9 and entry["actual"] is not None:
            said.append(f"the 80 % interval covered {100 * entry['actual']:.0f} %")
    return "; ".join(said)


def forecast_view(table: pl.DataFrame) -> None:
    """A forecast as a table on the screen."""
    view = Table(box=box.SIMPLE_HEAD)
    for name, dtype in table.schema.items():
        view.add_column(Text(name), justify="right" if dtype.is_numeric() else "left")
    for row in table.head(200).iter_rows():
        view.add_row(*(Text(f"{v:.5g}" if isinstance(v, float) else str(v)) for v in row))
    # Whole numbers and whole dates, also where the screen is narrower or there is none.
    console = Console(highlight=False)
    needed = console.measure(view, options=console.options.update(max_width=1000)).maximum
    Console(highlight=False, width=max(console.width, needed)).print(view)


def _number(value: float | None, *, bold: bool) -> Text:
    return Text("–" if value is None else f"{value:.4g}", style="bold" if bold else "")
