"""The tables of the page about a classifier."""

import numpy as np

from unspool.classify.job import MODEL
from unspool.report.classification.data import ClassificationReport
from unspool.report.classification.words import METHODS, precise
from unspool.report.numbers import MISSING, number, percent
from unspool.report.tables import Cell, Table

MOST_ROWS = 60

_COLUMNS = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "log_loss": "Log-loss, nats",
    "expected_calibration_error": "Confidence off by",
}
_LOWER = ("log_loss",)
_NO_CONTEST = ("expected_calibration_error",)
"""The commonest class wins this one by saying how common it is."""


def score_table(report: ClassificationReport) -> Table:
    """The classifier and the simple methods, the best of each column marked."""
    overall = report.run.metrics["overall"]
    best = {key: (min if key in _LOWER else max)(values[key] for values in overall.values()) for key in _COLUMNS}
    rows = []
    for name in (MODEL, *(n for n in overall if n != MODEL)):
        cells = [
            Cell(number(value) if key in _LOWER else precise(value), value == best[key] and key not in _NO_CONTEST)
            for key in _COLUMNS
            for value in [overall[name][key]]
        ]
        rows.append((Cell(METHODS[name]), *cells))
    caption = f"Scores on {report.run.metrics['overall'][MODEL]['sequences']} sequences that nothing learned from"
    return Table(caption, ("Method", *_COLUMNS.values()), tuple(rows))


def class_table(report: ClassificationReport) -> Table:
    """Precision and recall of each class, and what it is most often taken for."""
    confusion = np.array(report.run.metrics["confusion"])
    training = report.run.train.labels or ()
    rows = []
    for k, row in enumerate(report.run.metrics["per_class"][:MOST_ROWS]):
        others = confusion[k].copy()
        others[k] = 0
        taken = f"{report.classes[int(others.argmax())]} ({others.max()}×)" if others.max() else MISSING
        shares = (percent(row[key]) for key in ("precision", "recall", "f1"))
        cells = (str(training.count(row["class"])), str(row["support"]), *shares, taken)
        rows.append((Cell(row["class"]), *map(Cell, cells)))
    head = ("Class", "Trained on", "Scored on", "Precision", "Recall", "F1", "Most often taken for")
    left_out = max(0, len(report.classes) - MOST_ROWS)
    return Table("Precision and recall, class by class", head, tuple(rows), left_out)


def data_table(report: ClassificationReport) -> Table:
    """How many sequences, of which lengths, with how many missing values."""
    rows = []
    parts = ("Trained on", report.run.train), ("Scored on", report.run.test)
    for name, part in parts:
        lengths = part.lengths
        span = f"{lengths.min()}" if lengths.min() == lengths.max() else f"{lengths.min()} to {lengths.max()}"
        absent = sum(int(np.isnan(v).sum()) for v in part.values)
        total = sum(v.size for v in part.values)
        missing = percent(absent / total) if absent else "none"
        rows.append((Cell(name), *map(Cell, (part.source, str(len(part.ids)), span, missing))))
    return Table("The sequences", ("", "File", "Sequences", "Steps", "Values missing"), tuple(rows))


def choice_table(report: ClassificationReport) -> Table | None:
    """What was tried, the best first; None where nothing was left open."""
    choice = report.run.choice
    if len(choice.tried) < 2:
        return None
    rows = tuple(
        (Cell(name), Cell(number(loss), name == choice.chosen), Cell("taken" if name == choice.chosen else ""))
        for name, loss in sorted(choice.tried.items(), key=lambda item: item[1])
    )
    return Table("What was tried, by validation loss (lower is better)", ("Network", "Loss, nats", ""), rows)
