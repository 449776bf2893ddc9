"""The confusion matrix as a chart: a row for each true class, hits in blue, errors in orange."""

import numpy as np
import plotly.graph_objects as go

from unspool.report.chart import Chart, View, figure, titled
from unspool.report.classification.data import ClassificationReport
from unspool.report.classification.words import drawn
from unspool.report.numbers import count
from unspool.report.palette import INK

HIT = "rgba(26, 95, 180, "
MISS = "rgba(214, 98, 30, "
MOST = 60
"""Classes drawn."""

WRITTEN = 30
"""Classes up to which every cell has its number written in it."""


def confusion_chart(report: ClassificationReport) -> Chart:
    """Cells are shaded by the share of their row."""
    whole = np.array(report.run.metrics["confusion"])
    totals = whole.sum(1, keepdims=True)
    errors = whole.sum(0) + whole.sum(1) - 2 * whole.diagonal()
    kept = np.sort(np.argsort(-errors, kind="stable")[:MOST])
    counts, share = whole[np.ix_(kept, kept)], (whole / np.maximum(totals, 1))[np.ix_(kept, kept)]
    names = [report.classes[k] for k in kept]
    diagonal = np.eye(len(names), dtype=bool)
    labels = [drawn(name) for name in names]
    traces = [
        _cells(share, counts, diagonal, labels, "right", HIT),
        _cells(share, counts, ~diagonal, labels, "wrong", MISS),
    ]
    axis = {"type": "category", "showgrid": False, "ticks": "", "categoryorder": "array", "categoryarray": labels}
    made = figure(
        traces,
        hovermode="closest",
        xaxis={**axis, "title": titled("class named"), "side": "bottom"},
        yaxis={**axis, "title": titled("true class"), "autorange": "reversed"},
    )
    wrong = int(whole.sum() - np.trace(whole))
    order = np.argsort(-np.where(diagonal, 0, counts), axis=None, kind="stable")[:3]
    places = [np.unravel_index(place, counts.shape) for place in order]
    worst = "; ".join(f"{names[i]} taken for {names[j]} {counts[i, j]}×" for i, j in places if counts[i, j] and i != j)
    alt = f"Confusion matrix of {count(int(whole.sum()), 'sequence')}, {wrong} of them wrong. {worst}"
    caption = (
        "A row holds the sequences of one true class, a column those that were given its name. Blue is right, orange "
        "wrong; the darker, the greater the share of the row."
    )
    if left := len(report.classes) - len(kept):
        caption += f" The {len(kept)} classes with the most errors are drawn; metrics.json has the other {left} too."
    return Chart("confusion", "Confusion matrix", {"": View(made, alt, caption)})


def _cells(
    share: np.ndarray, counts: np.ndarray, where: np.ndarray, names: list[str], said: str, colour: str
) -> go.Heatmap:
    shown = where & (counts > 0)
    # The colours are see-through, so that they fit both themes: the page's script does not look into colour scales.
    scale = [[0.0, f"{colour}0.10)"], [1.0, f"{colour}0.60)"]]
    shares = [
        [float(f"{v:.4g}") if on else None for v, on in zip(*row, strict=True)]
        for row in zip(share, shown, strict=True)
    ]
    texts = [[str(v) if on else "" for v, on in zip(*row, strict=True)] for row in zip(counts, shown, strict=True)]
    return go.Heatmap(
        x=names, y=names, z=shares, text=texts,
        texttemplate="%{text}" if len(names) <= WRITTEN else None, textfont={"color": INK, "size": 13},
        # an error that takes half of a row is as dark as they come
        zmin=0, zmax=1 if said == "right" else 0.5,
        colorscale=scale, showscale=False, xgap=2, ygap=2, hoverongaps=False,
        hovertemplate=f"true %{{y}}, named %{{x}}<br>%{{text}} ({said}), %{{z:.1%}} of the row<extra></extra>",
    )  # fmt: skip
