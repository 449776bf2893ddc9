"""The chart of nominal against actual coverage."""

import plotly.graph_objects as go

from unspool.forecast.result import Backtest
from unspool.report.chart import Chart, View, figure, titled
from unspool.report.numbers import level, percent
from unspool.report.palette import FAINT, MODEL_COLOUR
from unspool.report.scoring import usable


def calibration_chart(backtest: Backtest) -> Chart | None:
    """How often each interval held what came, against how often it promised to; None without intervals."""
    rows = [row for row in backtest.metrics.get("coverage", ()) if usable(row.get("actual"))]
    if not rows:
        return None
    rows = sorted(rows, key=lambda row: row["nominal"])
    ideal = go.Scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="as promised", line={"color": FAINT, "width": 1.3, "dash": "dash"},
        hoverinfo="skip",
    )  # fmt: skip
    found = go.Scatter(
        x=[row["nominal"] for row in rows], y=[row["actual"] for row in rows],
        mode="lines+markers", name="this forecast",
        line={"color": MODEL_COLOUR, "width": 1.6}, marker={"size": 10, "color": MODEL_COLOUR},
        hovertemplate="%{y:.1%}",
    )  # fmt: skip
    scale = {"range": [0, 1.03], "tickformat": ".0%", "dtick": 0.2}
    made = figure(
        [ideal, found],
        xaxis={**scale, "title": titled("promised")},
        yaxis={**scale, "title": titled("held")},
        hovermode="closest",
    )
    pairs = "; ".join(f"the {level(row['nominal'])} interval held {percent(row['actual'])}" for row in rows)
    caption = "On the dashed line the intervals keep their promise; below it they are too narrow, above it too wide."
    return Chart("calibration", "Calibration", {"": View(made, f"Scatter chart of coverage: {pairs}.", caption)})
