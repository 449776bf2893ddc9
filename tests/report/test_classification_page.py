"""The page about a classifier: its numbers are the run's, its words are text."""

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.classify.samples import easy

from unspool.classify import Options, Run, run_job
from unspool.report.classification import ClassificationReport, render_classification
from unspool.report.classification.confusion import MOST, confusion_chart
from unspool.report.classification.doubtful import doubtful
from unspool.report.classification.words import judgement

SMALL = Options(hidden_size=4, members=2, steps=6, batch_size=8)


@pytest.fixture(scope="module")
def run() -> Run:
    """A run that has not learned much, on classes with names that are markup."""
    names = ("<b>flat</b>", "rising", "wave")
    return run_job(easy(8, classes=names), SMALL, easy(5, seed=1, classes=names))


@pytest.fixture(scope="module")
def report(run: Run) -> ClassificationReport:
    return ClassificationReport("<i>title</i>", run, "unspool classify train x.ts", {"cell": "gru"}, {"torch": "2"})


@pytest.fixture(scope="module")
def page(report: ClassificationReport) -> str:
    return render_classification(report)


def charts(page: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, flags=re.DOTALL)
    return json.loads(text)["charts"]


def test_every_chart_is_there(page: str):
    assert charts(page).keys() == {"confusion", "sequence", "calibration", "training"}


def test_the_confusion_chart_holds_the_matrix(page: str, run: Run):
    right, wrong = charts(page)["confusion"]["views"][""]["data"]
    texts = [
        [int(a or 0) + int(b or 0) for a, b in zip(*row, strict=True)]
        for row in zip(right["text"], wrong["text"], strict=True)
    ]
    assert texts == run.metrics["confusion"]
    off = np.array([[bool(t) for t in row] for row in wrong["text"]])
    assert not off.diagonal().any()


def test_the_sequences_drawn_are_wrong_or_unsure(report: ClassificationReport, run: Run, page: str):
    places = doubtful(report, most=6)
    wrong = report.truth != report.predicted
    flags = [bool(wrong[p]) for p in places]
    assert flags == sorted(flags, reverse=True)
    assert sum(flags) == min(wrong.sum(), 3)
    sure = run.probabilities.max(1)
    right = [p for p in places if not wrong[p]]
    assert right == sorted(np.flatnonzero(~wrong), key=lambda p: sure[p])[: len(right)]
    view = charts(page)["sequence"]["views"][f"{places[0]}/1"]
    np.testing.assert_allclose(view["data"][-1]["y"], run.test.values[places[0]][:, 1], rtol=1e-6)


def test_the_mean_of_a_class_is_drawn(report: ClassificationReport, run: Run, page: str):
    """All sequences of one length: the mean is plain."""
    values = tuple(np.full((4, 2), float(k)) for k in range(6))
    data = replace(easy(2), values=values)
    small = run_job(data, replace(SMALL, steps=1, members=1, pool="mean"), data)
    drawn = charts(render_classification(ClassificationReport("", small)))["sequence"]["views"]
    own = next(v for k, v in drawn.items() if k == "4/0")["data"][0]
    assert own["y"] == [2.5] * 4  # of sequences 1 and 4


def test_the_figures_of_the_table(page: str, run: Run):
    accuracy = run.metrics["overall"]["unspool"]["accuracy"]
    assert f"{100 * accuracy:.1f}".removesuffix(".0") + "\u00a0%" in page
    assert "pool attention" in page  # what was tried


def test_names_are_text(page: str):
    assert "<b>flat" not in page.split('id="figures"')[0]
    assert "&lt;b&gt;flat" in page
    assert "<i>title" not in page
    # plotly reads markup in what it draws
    for chart in charts(page).values():
        for view in chart["views"].values():
            assert "<b>flat" not in json.dumps([view["data"], view["layout"]])


def test_the_same_run_the_same_page(report: ClassificationReport, page: str):
    assert render_classification(report) == page


def test_the_judgement_is_honest(run: Run):
    def with_rival(accuracy: float) -> str:
        overall = {k: dict(v) for k, v in run.metrics["overall"].items()}
        overall["unspool"] |= {"accuracy": 0.8, "accuracy_interval": [0.7, 0.9]}
        overall["nearest_neighbour"]["accuracy"] = accuracy
        overall["summary_statistics"]["accuracy"] = 0.1
        return judgement(ClassificationReport("", replace(run, metrics={**run.metrics, "overall": overall})))

    assert "a simple method does better: nearest neighbour, 90\u00a0%" in with_rival(0.9)
    assert "does as well: nearest neighbour" in with_rival(0.8)
    assert "the best simple method, nearest neighbour, of 60\u00a0%" in with_rival(0.6)


def test_of_many_classes_those_with_errors_are_drawn(run: Run):
    counts = np.diag(np.full(100, 3))
    counts[97, 3] = 2
    names = tuple(f"c{k}" for k in range(100))
    many = replace(
        run, metrics={**run.metrics, "confusion": counts.tolist()}, scored=replace(run.scored, classes=names)
    )
    chart = confusion_chart(ClassificationReport("", many)).shown
    right = chart.figure.to_plotly_json()["data"][0]
    assert len(right["x"]) == MOST
    assert {"c97", "c3"} <= set(right["x"])
    assert "the other 40" in chart.caption
    assert "c97 taken for c3 2×" in chart.alt
