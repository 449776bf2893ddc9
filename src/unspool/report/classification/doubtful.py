"""The chart of single sequences: those it gets wrong, and those it is least sure of."""

import numpy as np
import plotly.graph_objects as go

from unspool.report.chart import Chart, Option, Selector, View, figure, titled
from unspool.report.classification.data import ClassificationReport
from unspool.report.classification.words import drawn, precise
from unspool.report.numbers import for_drawing
from unspool.report.palette import INK, ORANGE, TEAL

MOST = 12
"""Sequences that can be chosen."""

CHANNELS = 16
"""Channels that can be chosen."""

AVERAGED = 200
"""Sequences of a class whose mean is drawn, at most."""

POINTS = 400
"""Steps of a sequence that are drawn; of a longer one, evenly spaced ones."""


def doubtful_chart(report: ClassificationReport) -> Chart:
    """A sequence beside the mean course of its class and of the one it was, or was nearly, taken for."""
    places = doubtful(report)
    names = report.run.test.channels[:CHANNELS]
    telling = _telling_channel(report, len(names))
    views = {f"{place}/{channel}": _view(report, place, channel) for place in places for channel in range(len(names))}
    wrong = report.truth != report.predicted
    sequences = tuple(
        Option(str(p), _described(report, p), "Wrong, the surest first" if wrong[p] else "Right, the least sure first")
        for p in places
    )
    channels = tuple(Option(str(k), name) for k, name in enumerate(names))
    selectors = (
        Selector("sequence", "Sequence", sequences, sequences[0].key),
        Selector("channel", "Channel", channels, str(telling)),
    )
    return Chart("sequence", "Sequences", views, selectors)


def doubtful(report: ClassificationReport, most: int = MOST) -> list[int]:
    """Places of test sequences: the wrong ones, the surest first, then the right ones, the least sure first."""
    confidence = report.run.probabilities.max(1)
    wrong = np.flatnonzero(report.truth != report.predicted)
    right = np.flatnonzero(report.truth == report.predicted)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    right = right[np.argsort(confidence[right], kind="stable")]
    half = most // 2
    taken = max(half, most - len(right)) if len(right) else most
    wrong = wrong[:taken]
    return [*wrong.tolist(), *right[: most - len(wrong)].tolist()]


def _described(report: ClassificationReport, place: int) -> str:
    sure = precise(report.run.probabilities[place].max())
    named, true = report.classes[report.predicted[place]], report.classes[report.truth[place]]
    name = report.run.test.ids[place]
    return f"{name}: {true}" + (f" taken for {named}, {sure}" if named != true else f", {sure}")


def _view(report: ClassificationReport, place: int, channel: int) -> View:
    values = report.run.test.values[place][:, channel]
    steps = np.unique(np.linspace(0, len(values) - 1, min(len(values), POINTS)).round().astype(int))
    true, named = int(report.truth[place]), int(report.predicted[place])
    name = report.run.test.ids[place]
    mode = "lines+markers" if len(steps) < 3 else "lines"
    order = np.argsort(-report.run.probabilities[place], kind="stable")[:3]
    rival = named if named != true else int(order[1])
    curves = [
        (f"class {drawn(report.classes[true])}, mean", true, TEAL, "dash"),
        (f"class {drawn(report.classes[rival])}, mean", rival, ORANGE, "dot"),
    ]
    traces = [
        go.Scatter(
            x=(steps + 1).tolist(), y=for_drawing(_mean(report, label, channel, len(values))[steps]), name=said,
            mode=mode, line={"color": colour, "width": 1.8, "dash": dash}, hovertemplate="%{y:.4~g}",
        )
        for said, label, colour, dash in curves
    ]  # fmt: skip
    traces.append(
        go.Scatter(
            x=(steps + 1).tolist(), y=for_drawing(values[steps]), name="the sequence", mode=mode,
            line={"color": INK, "width": 2}, hovertemplate="%{y:.4~g}",
        )
    )  # fmt: skip
    made = figure(traces, xaxis={"title": titled("step")}, yaxis={"title": titled("value")})
    likely = ", ".join(f"{report.classes[k]}: {precise(report.run.probabilities[place, k])}" for k in order)
    said = (
        f"Sequence {name} is of class {report.classes[true]}"
        + (f" and was taken for {report.classes[named]}" if named != true else "")
        + f". Probabilities {likely}. The means are of sequences trained on, stretched to its length."
    )
    return View(made, f"Line chart of channel {report.run.test.channels[channel]}. {said}", said)


def _mean(report: ClassificationReport, label: int, channel: int, steps: int) -> np.ndarray:
    """[steps] mean over training sequences of a class, `AVERAGED` at most, each stretched to that length."""
    train = report.run.train
    rows = []
    members = np.flatnonzero(np.array(train.labels) == report.classes[label])
    for place in members[np.unique(np.linspace(0, len(members) - 1, min(len(members), AVERAGED)).astype(int))]:
        mine = train.values[place][:, channel]
        seen = np.flatnonzero(~np.isnan(mine))
        if len(seen):
            rows.append(np.interp(np.linspace(0, len(mine) - 1, steps), seen, mine[seen]))
    return np.mean(rows, axis=0) if rows else np.full(steps, np.nan)


def _telling_channel(report: ClassificationReport, channels: int) -> int:
    """The channel whose level differs most between classes, against its spread within them."""
    train = report.run.train
    level = np.array([np.where(np.isnan(v), 0, v).sum(0) / np.maximum((~np.isnan(v)).sum(0), 1) for v in train.values])
    labels = np.array(train.labels)
    means = np.array([level[labels == name].mean(0) for name in report.classes])
    within = np.array([level[labels == name].std(0) for name in report.classes]).mean(0)
    return int((means.std(0) / np.maximum(within, 1e-12))[:channels].argmax())
