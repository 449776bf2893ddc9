"""What `unspool classify` writes and prints."""

from importlib.metadata import version
from pathlib import Path

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from unspool.atomic import new_folder
from unspool.classify import Run, Sequences
from unspool.classify.output import prediction_table
from unspool.classify.saving import FILES, write_model
from unspool.cli.output import dumps
from unspool.report.classification import ClassificationReport, render_classification
from unspool.report.classification.tables import score_table
from unspool.report.classification.words import judgement

OURS = frozenset({"predictions.csv", "predictions.parquet", "metrics.json", "report.html", "model"}) | {
    f"model/{name}" for name in FILES
}

SHOWN = 200
"""Predictions shown on the screen."""


def write_run(folder: Path, run: Run, command: str) -> dict[str, Path]:
    """Write a run's folder; what was written, by what it is."""
    versions = {name: version(name) for name in ("unspool", "torch", "numpy", "scikit-learn")}
    title = f"{run.train.source}: {len(run.model.classes)} classes"
    page = render_classification(ClassificationReport(title, run, command, _settings(run), versions))
    table = prediction_table(run.test, run.scored.classes, run.probabilities)
    with new_folder(folder, OURS) as draft:
        table.write_csv(draft / "predictions.csv")
        table.write_parquet(draft / "predictions.parquet")
        (draft / "metrics.json").write_text(dumps(run.metrics), encoding="utf-8")
        (draft / "model").mkdir()
        write_model(draft / "model", run.model, run.train.columns)
        (draft / "report.html").write_text(page, encoding="utf-8")
    names = {"predictions": "predictions.csv", "parquet": "predictions.parquet", "metrics": "metrics.json"}
    return {what: folder / name for what, name in {**names, "model": "model", "report": "report.html"}.items()}


def show_data(console: Console, sequences: Sequences, test: Sequences | None) -> None:
    """What was read."""
    for part in filter(None, (sequences, test)):
        lengths = part.lengths
        steps = f"{lengths.min()}" if lengths.min() == lengths.max() else f"{lengths.min()} to {lengths.max()}"
        channels = f"{len(part.channels)} channel{'s' if len(part.channels) > 1 else ''}"
        said = f"{part.source}: {len(part.ids)} sequences of {steps} steps, {channels}, {len(part.classes)} classes"
        console.print(Text(said, style="bold"))


def show_run(console: Console, run: Run, written: dict[str, Path]) -> None:
    """What was chosen, the scores beside those of simple methods, and where the files are."""
    if len(run.choice.tried) > 1:
        tried = ", ".join(f"{k} {v:.4f}" for k, v in sorted(run.choice.tried.items(), key=lambda t: t[1]))
        console.print(Text(f"auto chose {run.choice.chosen} (validation loss: {tried})"))
    report = ClassificationReport("", run)
    scores = score_table(report)
    view = Table(title=scores.caption, title_justify="left", box=box.SIMPLE_HEAD)
    for place, name in enumerate(scores.columns):
        view.add_column(name, justify="right" if place else "left")
    for row in scores.rows:
        view.add_row(*(Text(cell.text, style="bold" if cell.best else "") for cell in row))
    console.print()
    _print_whole(console, view)
    console.print(Text(judgement(report)))
    for note in run.notes:
        console.print(Text(f"note: {note}", style="yellow"))
    console.print()
    for what, path in written.items():
        console.print(Text(f"{what:<12} {path}"))


def show_predictions(table: pl.DataFrame) -> None:
    """A prediction table on the screen."""
    view = Table(box=box.SIMPLE_HEAD)
    for name, dtype in table.schema.items():
        view.add_column(Text(name), justify="right" if dtype.is_numeric() else "left")
    for row in table.head(SHOWN).iter_rows():
        view.add_row(*(Text(f"{v:.3f}" if isinstance(v, float) else str(v)) for v in row))
    console = Console(highlight=False)
    _print_whole(console, view)
    if len(table) > SHOWN:
        console.print(Text(f"{len(table) - SHOWN} more: write them with --out"))


def _print_whole(console: Console, view: Table) -> None:
    """Whole words and numbers, also where the screen is narrower or there is none."""
    needed = console.measure(view, options=console.options.update(max_width=1000)).maximum
    console.width = max(console.width, needed)
    console.print(view)


def _settings(run: Run) -> dict[str, str]:
    recipe = run.scored.recipe
    found = {"cell": recipe.cell.name, "members": str(len(run.scored.members)), "seed": str(recipe.seed)}
    found |= {name.replace("_", " "): _shown(value) for name, value in recipe.model.to_json().items()}
    found |= {"steps at most": str(recipe.train.steps), "learning rate": f"{recipe.train.learning_rate:g}"}
    found |= {"batch size": str(recipe.batch_size), "label smoothing": f"{recipe.smoothing:g}"}
    found |= {"noise": f"{recipe.noise:g}", "class weight": "balanced" if recipe.balanced else "none"}
    return found | {"temperature": f"{run.scored.temperature:.3g}"}


def _shown(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
