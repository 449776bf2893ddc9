"""The sentences and large figures at the top of the page."""

from html import escape

from unspool.classify.job import MODEL
from unspool.report.classification.data import ClassificationReport
from unspool.report.headline import Fact
from unspool.report.names import cell_name
from unspool.report.numbers import count, number, percent

METHODS = {
    MODEL: "this classifier",
    "majority": "commonest class",
    "nearest_neighbour": "nearest neighbour",
    "summary_statistics": "regression on statistics",
}


def drawn(name: str) -> str:
    """A class's name for a chart, which would take `<b>` in it for markup."""
    return escape(name, quote=False)


def precise(share: float) -> str:
    """A share with one decimal, because 97 % and 97.8 % are different news: `97.8 %`."""
    return f"{100 * share:.1f}".removesuffix(".0") + "\u00a0%"


def summary(report: ClassificationReport) -> str:
    """What was told apart, by which network, and on what it was scored."""
    run = report.run
    settings = run.scored.recipe.model
    ways = "bidirectional " if settings.bidirectional else ""
    network = f"{ways}{cell_name(run.scored.recipe.cell.name)} networks"
    where = "held out of the same file" if run.held_out else "of the test file"
    channels = count(len(run.train.channels), "channel")
    return (
        f"{count(len(report.classes), 'class', 'classes')} of sequences of {channels}, told apart by "
        f"{count(len(run.scored.members), 'member')}, {network} with {settings.pool} pooling, fitted to "
        f"{count(len(run.train.ids), 'sequence')}. The scores are of {count(len(run.test.ids), 'sequence')} {where}."
    )


def judgement(report: ClassificationReport) -> str:
    """The honest sentence: the accuracy with its interval, beside the best simple method."""
    overall = report.run.metrics["overall"]
    mine = overall[MODEL]
    low, high = mine["accuracy_interval"]
    rivals = {name: values["accuracy"] for name, values in overall.items() if name != MODEL}
    best = max(rivals, key=lambda name: rivals[name])
    said = (
        f"It names the right class of {precise(mine['accuracy'])} of the sequences "
        f"(95 % interval {precise(low)} to {precise(high)})"
    )
    if rivals[best] > mine["accuracy"]:
        return f"{said}; a simple method does better: {METHODS[best]}, {precise(rivals[best])}."
    if rivals[best] == mine["accuracy"]:
        return f"{said}; a simple method does as well: {METHODS[best]}."
    return f"{said}; the best simple method, {METHODS[best]}, of {precise(rivals[best])}."


def facts(report: ClassificationReport) -> list[Fact]:
    """Accuracy, errors, the weakest class, and whether the probabilities can be believed."""
    metrics = report.run.metrics
    mine = metrics["overall"][MODEL]
    wrong = int((report.truth != report.predicted).sum())
    found = [Fact("Accuracy", precise(mine["accuracy"]), f"{wrong} of {count(mine['sequences'], 'sequence')} wrong")]
    seen = [row for row in metrics["per_class"] if row["recall"] is not None]
    weakest = min(seen, key=lambda row: row["recall"])
    found.append(
        Fact(
            "Balanced accuracy",
            precise(mine["balanced_accuracy"]),
            f"weakest: class {weakest['class']}, {percent(weakest['recall'])}",
        )
    )
    found.append(
        Fact(
            "Log-loss",
            number(mine["log_loss"]),
            f"nats; commonest class {number(metrics['overall']['majority']['log_loss'])}",
        )
    )
    found.append(Fact("Confidence off by", precise(mine["expected_calibration_error"]), "in the mean"))
    return found
