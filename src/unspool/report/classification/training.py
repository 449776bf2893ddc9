"""The chart of every member's losses."""

import math

import plotly.graph_objects as go

from unspool.report.axis import ratio_axis
from unspool.report.chart import Chart, View, figure, titled
from unspool.report.classification.data import ClassificationReport
from unspool.report.numbers import count, for_drawing
from unspool.report.palette import INK, MODEL_COLOUR
from unspool.train import Fitted

LOG_FROM = 10
"""Losses that span more than this factor are drawn on a logarithmic axis."""


def loss_chart(report: ClassificationReport) -> Chart:
    """Training and validation loss of all members, and where each was kept.

    How long it took is left out: the same job gives the same page.
    """
    logs = report.run.scored.logs
    step = _steps_per_epoch(report)
    traces = []
    for place, log in enumerate(logs):
        x = [step * epoch.number for epoch in log.epochs]
        first = place == 0
        traces.append(_line(x, [e.train_loss for e in log.epochs], "training", INK, "dot", 1.2, first))
        traces.append(_line(x, [e.valid_loss for e in log.epochs], "validation", MODEL_COLOUR, "solid", 1.6, first))
    kept = [(step * log.best, log.epochs[log.best - 1].valid_loss) for log in logs if log.best]
    traces.append(
        go.Scatter(
            x=[k[0] for k in kept], y=for_drawing(k[1] for k in kept), mode="markers", name="kept",
            marker={"size": 9, "color": MODEL_COLOUR, "symbol": "diamond"}, hovertemplate="%{y:.3~g}",
        )
    )  # fmt: skip
    losses = [v for log in logs for e in log.epochs for v in (e.train_loss, e.valid_loss) if math.isfinite(v)]
    logarithmic = min(losses) > 0 and max(losses) > LOG_FROM * min(losses)
    made = figure(
        traces, hovermode="closest",
        xaxis={"title": titled("step")},
        yaxis={"title": titled("loss, nats")} | (ratio_axis((min(losses), max(losses))) if logarithmic else {}),
    )  # fmt: skip
    smoothing = report.run.scored.recipe.smoothing
    caption = f"{_ends(logs)} Each was kept where its validation loss was lowest."
    if smoothing:
        caption += f" The training loss counts smoothed labels ({smoothing:g}), so it does not go to zero."
    caption += " Logarithmic scale." if logarithmic else ""
    return Chart("training", "Training", {"": View(made, f"Line chart of the losses. {caption}", caption)})


def _steps_per_epoch(report: ClassificationReport) -> int:
    train = report.run.scored.recipe.train
    return max(1, train.steps // train.validations)


def _ends(logs: tuple[Fitted, ...]) -> str:
    reasons = [log.stopped for log in logs]
    parts = [
        f"{count(reasons.count(why), 'member')} ended by {why}" for why in dict.fromkeys(reasons) if why != "finished"
    ]
    whole = reasons.count("finished")
    parts += [f"{count(whole, 'member')} ran to the last step"] if whole else []
    return "; ".join(parts) + "."


def _line(
    x: list[int], losses: list[float], name: str, colour: str, dash: str, width: float, first: bool
) -> go.Scatter:
    return go.Scatter(
        x=x, y=for_drawing(losses), name=name, legendgroup=name, showlegend=first,
        mode="lines+markers" if len(x) < 3 else "lines", opacity=0.75,
        line={"color": colour, "width": width, "dash": dash}, hovertemplate="%{y:.3~g}",
    )  # fmt: skip
