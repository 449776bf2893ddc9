"""The chart of the losses of each fit."""

import math

import plotly.graph_objects as go

from unspool.forecast.result import TrainingLog
from unspool.report.chart import Chart, Option, Selector, View, figure, titled
from unspool.report.data import ReportData
from unspool.report.names import cell_name
from unspool.report.numbers import count, for_drawing, number
from unspool.report.palette import FAINT, INK, MODEL_COLOUR

LOG_FROM = 30
"""Losses that span more than this factor are drawn on a logarithmic axis."""


def training_chart(report: ReportData) -> Chart | None:
    """One view for each fit, the final one first; None where nothing was trained.

    How long it took is left out: the same job gives the same page.
    """
    logs = [log for log in report.training if log.epochs]
    if not logs:
        return None
    final = ["final fit"] if report.forecast is not None else []
    names = final + [f"backtest fit {place}" for place in range(1, len(logs) + 1 - len(final))]
    views = {str(place): _view(log, name) for place, (log, name) in enumerate(zip(logs, names, strict=True))}
    options = tuple(Option(str(place), name) for place, name in enumerate(names))
    return Chart("training", "Training", views, (Selector("fit", "Fit", options, "0"),))


def _view(log: TrainingLog, name: str) -> View:
    epochs = [epoch.number for epoch in log.epochs]
    train, valid = [epoch.train_loss for epoch in log.epochs], [epoch.valid_loss for epoch in log.epochs]
    kept = next((epoch for epoch in log.epochs if epoch.number == log.best), None)
    traces = [
        _line(epochs, train, "training loss", INK, "dot", 1.6),
        _line(epochs, valid, "validation loss", MODEL_COLOUR, "solid", 2.2),
    ]
    shapes, marks = [], []
    if kept is not None:
        upright = {"type": "line", "x0": kept.number, "x1": kept.number, "y0": 0, "y1": 1, "yref": "paper"}
        shapes.append({**upright, "layer": "below", "line": {"color": FAINT, "width": 1.3, "dash": "dash"}})
        right = kept.number > sum(epochs[:: len(epochs) - 1 or 1]) / 2
        marks.append({
            "x": kept.number, "y": 1, "yref": "paper", "yanchor": "top", "xanchor": "right" if right else "left",
            "text": f" kept: epoch {kept.number} ", "showarrow": False, "font": {"color": INK},
        })  # fmt: skip
    losses = [loss for loss in train + valid if math.isfinite(loss)]
    logarithmic = bool(losses) and min(losses) > 0 and max(losses) > LOG_FROM * min(losses)
    made = figure(
        traces, shapes=shapes, annotations=marks,
        xaxis={"title": titled("epoch"), "tickformat": "d"}, yaxis={"type": "log" if logarithmic else "linear"},
    )  # fmt: skip
    network = f"{log.network} network of {cell_name(log.cell)} cells"
    words = f"{name.capitalize()}: {network}, {count(len(epochs), 'epoch')}; {log.stopped}."
    if kept is not None:
        words += f" Kept: epoch {kept.number}, validation loss {number(kept.valid_loss)}."
    return View(
        made, f"Line chart of the losses by epoch. {words}", words + (" Logarithmic scale." if logarithmic else "")
    )


def _line(epochs: list[int], losses: list[float], name: str, colour: str, dash: str, width: float) -> go.Scatter:
    return go.Scatter(
        x=epochs, y=for_drawing(losses), name=name, mode="lines+markers" if len(epochs) < 3 else "lines",
        line={"color": colour, "width": width, "dash": dash}, hovertemplate="%{y:.4~g}",
    )  # fmt: skip
