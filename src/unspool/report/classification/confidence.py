"""The chart of how often the classifier is right against how sure it says it is."""

import plotly.graph_objects as go

from unspool.classify.job import MODEL
from unspool.report.chart import Chart, View, figure, titled
from unspool.report.classification.data import ClassificationReport
from unspool.report.classification.words import precise
from unspool.report.palette import FAINT, MODEL_COLOUR


def confidence_chart(report: ClassificationReport) -> Chart:
    """A dot for each tenth of confidence, the larger the more sequences there are in it."""
    rows = report.run.metrics["reliability"]
    total = sum(row["count"] for row in rows)
    ideal = go.Scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="as promised", line={"color": FAINT, "width": 1.3, "dash": "dash"},
        hoverinfo="skip",
    )  # fmt: skip
    found = go.Scatter(
        x=[float(f"{row['confidence']:.4g}") for row in rows], y=[float(f"{row['accuracy']:.4g}") for row in rows],
        text=[str(row["count"]) for row in rows], mode="markers", name="this classifier",
        marker={"color": MODEL_COLOUR, "size": [8 + 16 * (row["count"] / total) ** 0.5 for row in rows]},
        hovertemplate="said %{x:.1%}, right %{y:.1%}<br>%{text} sequences<extra></extra>",
    )  # fmt: skip
    scale = {"range": [-0.02, 1.05], "tickformat": ".0%", "dtick": 0.2}
    made = figure(
        [ideal, found],
        xaxis={**scale, "title": titled("probability of the class named")},
        yaxis={**scale, "title": titled("share that was right")},
        hovermode="closest",
    )
    pairs = "; ".join(
        f"{row['count']} said {precise(row['confidence'])}, right {precise(row['accuracy'])}" for row in rows
    )
    off = precise(report.run.metrics["overall"][MODEL]["expected_calibration_error"])
    caption = (
        f"On the dashed line it is right as often as it says; below it, it is too sure, above it, too modest. In the "
        f"mean it is off by {off}. A large dot stands for many sequences; a small one may lie anywhere by chance."
    )
    return Chart("calibration", "Calibration", {"": View(made, f"Confidence against accuracy: {pairs}.", caption)})
