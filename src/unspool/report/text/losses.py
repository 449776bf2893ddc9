"""The chart of the losses of a language model, in nats and in bits."""

import math

import plotly.graph_objects as go

from unspool.report.chart import Chart, Option, Selector, View, figure, titled
from unspool.report.numbers import count, for_drawing, number
from unspool.report.palette import FAINT, INK, MODEL_COLOUR
from unspool.text import FittedText

UNITS = {"nats": 1.0, "bits": 1 / math.log(2)}


def loss_chart(model: FittedText) -> Chart | None:
    """Training and validation loss by validation, in either unit; None where nothing was validated."""
    if not model.epochs:
        return None
    views = {unit: _view(model, unit, factor) for unit, factor in UNITS.items()}
    selector = Selector("unit", "In", tuple(Option(unit, unit) for unit in UNITS), "nats")
    return Chart("losses", "Losses", views, (selector,))


def symbol_noun(model: FittedText) -> str:
    """What a symbol of the model is called."""
    return "byte" if model.vocabulary.level == "byte" else "character"


def _view(model: FittedText, unit: str, factor: float) -> View:
    noun = symbol_noun(model)
    numbers = [epoch.number for epoch in model.epochs]
    train = [factor * epoch.train_loss for epoch in model.epochs]
    valid = [factor * epoch.valid_loss for epoch in model.epochs]
    traces = [
        _line(numbers, train, "on the text learned from", INK, "dot", 1.6),
        _line(numbers, valid, "on the text held back", MODEL_COLOUR, "solid", 2.4),
    ]
    shapes, marks = [], []
    if model.best:
        at = {"type": "line", "x0": model.best, "x1": model.best, "y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
        shapes.append({**at, "line": {"color": FAINT, "width": 1.3, "dash": "dash"}})
        right = model.best > (numbers[0] + numbers[-1]) / 2
        marks.append({
            "x": model.best, "y": 1, "yref": "paper", "yanchor": "top", "xanchor": "right" if right else "left",
            "text": f" kept: {number(valid[model.best - 1])} ", "showarrow": False, "font": {"color": INK},
        })  # fmt: skip
    made = figure(
        traces,
        shapes=shapes,
        annotations=marks,
        xaxis={"title": titled("validation"), "tickformat": "d", "dtick": math.ceil(len(numbers) / 20)},
        yaxis={"title": titled(f"{unit} per {noun}")},
    )
    words = f"{count(len(numbers), 'validation')}; {model.stopped}."
    if model.best:
        words += f" The weights of validation {model.best} were kept."
    caption = (
        f"{words} The loss on the text learned from is the mean since the validation before, taken while the weights "
        f"changed; the other one is exact, over all {count(model.symbols[1], noun)} held back."
    )
    return View(made, f"Line chart of the losses in {unit} per {noun}. {words}", caption)


def _line(x: list[int], y: list[float], name: str, colour: str, dash: str, width: float) -> go.Scatter:
    return go.Scatter(
        x=x, y=for_drawing(y), name=name, mode="lines+markers" if len(x) < 3 else "lines",
        line={"color": colour, "width": width, "dash": dash}, hovertemplate="%{y:.4~g}",
    )  # fmt: skip
