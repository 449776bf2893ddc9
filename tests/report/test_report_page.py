"""The page as text: well-formed, self-contained, harmless whatever the data are called, whole or not there at all."""

import json
import os
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from plotly.offline import get_plotlyjs
from report_samples import LEVELS, quantiles_around, sample, training_log

from unspool.errors import OutputError
from unspool.forecast.result import Choice, Forecast
from unspool.report import ReportData, render_report, write_report

HOSTILE = "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>{{7*7}} %{y} & ' \" <!-- \u2028"
VOID = {"meta", "link", "img", "br", "input"}


class Page(HTMLParser):
    """What a page holds: tags in balance, attributes, headings, text outside scripts."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.headings: list[int] = []
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag[0] == "h" and tag[1:].isdigit():
            self.headings.append(int(tag[1:]))
        if tag == "script":
            self.scripts.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def checked(report: ReportData) -> Page:
    """Render, parse, and check what holds for every page."""
    text = render_report(report)
    assert text.startswith("<!doctype html>")
    page = Page(text)
    for tag, name, value in page.attributes:
        if name in ("src", "href", "action", "data", "poster", "srcset"):
            assert value.startswith("#") or value == "data:,", (tag, name, value)
        assert not name.startswith("on")
        assert name != "style"
        assert tag not in ("iframe", "img", "object", "base")
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    for _, name, value in page.attributes:
        assert name not in ("aria-labelledby", "for") or value in ids
        assert name != "href" or not value.startswith("#") or value[1:] in ids
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in zip(page.headings, page.headings[1:], strict=False))
    assert {"header", "nav", "main"} <= set(page.tags)
    assert len(page.scripts) == 3
    assert page.scripts[1].strip() == get_plotlyjs().strip()
    charts = json.loads(page.scripts[0])["charts"]
    drawn = [value for _, name, value in page.attributes if name == "data-chart"]
    assert drawn == list(charts)
    for chart in charts.values():
        assert all(view["alt"] and view["caption"] for view in chart["views"].values())
    assert "None" not in page.text
    assert "nan" not in page.text.lower().split()
    return page


def charts_of(page: Page) -> dict:
    return json.loads(page.scripts[0])["charts"]


def test_a_whole_report():
    page = checked(sample(length=600))
    assert list(charts_of(page)) == ["series", "folds", "steps", "calibration", "training"]
    assert "lower MASE than the best baseline, ridge" in page.text
    assert "Next value, 1969-09-27" in page.text
    assert page.text.count("(best)") >= 12
    assert "unspool forecast co2.csv" in page.text
    assert "59 of 2284 weeks have no value" in page.text


def test_without_a_backtest_its_sections_are_one_line():
    page = checked(sample(length=300, folds=0))
    assert list(charts_of(page)) == ["series", "training"]
    assert "No backtest was made" in page.text
    assert "Calibration" not in page.text


def test_the_duration_of_a_fit_leaves_no_trace():
    report = sample(length=200, horizon=4, folds=0)
    slower = [replace(log, seconds=99.0) for log in report.training]
    assert render_report(replace(report, training=slower)) == render_report(report)


def test_a_backtest_alone():
    page = checked(replace(sample(length=500, horizon=12), forecast=None, choice=None))
    assert list(charts_of(page)) == ["series", "folds", "steps", "calibration", "training"]
    assert "backtest fit 1" in page.text
    assert "inal fit" not in page.text
    assert "backtested 12" in page.text


def test_fifty_series_draw_twelve():
    page = checked(sample(series=50, length=200, horizon=3, folds=1))
    assert len(charts_of(page)["series"]["views"]) == 12
    assert "The other 38 are left out" in page.text
    assert "Hardest in the backtest" in {value for tag, _, value in page.attributes if tag == "optgroup"}


def test_a_horizon_of_one_step():
    page = checked(sample(length=300, horizon=1, folds=3))
    assert "steps" not in charts_of(page)
    assert "looks one step ahead" in page.text


@pytest.mark.parametrize(
    "times", [np.arange(40), np.arange(40) / 12 + 1987, [f"{1980 + k // 12}-{k % 12 + 1:02d}" for k in range(40)]]
)
def test_other_kinds_of_time(times):
    ahead = np.datetime64("1983-05", "us") if isinstance(times, list) else times[-1] + 1
    values = np.sin(np.arange(40.0))
    point = np.zeros((1, 1))
    forecast = Forecast(("y",), np.array([[ahead]]), point, quantiles_around(point), LEVELS)
    page = checked(ReportData("y", [("y", times, values)], forecast))
    assert str(ahead)[:7] in page.text


def test_values_that_are_missing_or_constant_or_huge():
    times = np.arange(30)
    for values in (np.full(30, np.nan), np.full(30, 5.0), np.linspace(-1e300, 1e300, 30), np.full(30, np.inf)):
        checked(ReportData("y", [("y", times, values)]))
    point = np.full((1, 3), np.nan)
    forecast = Forecast(("y",), np.arange(30, 33)[None], point, quantiles_around(point), LEVELS)
    checked(ReportData("y", [("y", times, np.full(30, np.nan))], forecast))


def test_a_point_forecast_without_intervals():
    point = np.ones((1, 3))
    forecast = Forecast(("y",), np.arange(30, 33)[None], point, np.empty((1, 3, 0)), ())
    page = checked(ReportData("y", [("y", np.arange(30), np.ones(30))], forecast))
    assert "interval" not in page.text


def hostile() -> ReportData:
    report = sample(series=2, length=300, horizon=4, folds=2, names=[HOSTILE, "`${window.pwned=1}`"])
    log = replace(training_log(), network=HOSTILE, cell=HOSTILE, stopped=HOSTILE)
    return replace(
        report, title=HOSTILE, findings=[HOSTILE], settings={HOSTILE: HOSTILE}, command=HOSTILE, training=[log],
        choice=Choice(HOSTILE, {HOSTILE: 1.0}, HOSTILE), versions={HOSTILE: HOSTILE},
        time_labels=lambda times: [HOSTILE for _ in times],
    )  # fmt: skip


def test_a_series_called_script_is_harmless():
    report = hostile()
    page = checked(report)
    assert page.tags.count("script") == 3
    assert "<script>window.pwned" in page.text
    assert "<" not in page.scripts[0]
    assert charts_of(page)["series"]["views"]["0"]["caption"].startswith(HOSTILE)
    # plotly reads markup and templates in its texts, so none of the user's words may stand in a figure
    figures = [[view["data"], view["layout"]] for chart in charts_of(page).values() for view in chart["views"].values()]
    assert "pwned" not in json.dumps(figures)


def test_many_findings_are_folded_away():
    page = checked(replace(sample(length=300, folds=0), findings=[f"finding {n}." for n in range(1000)]))
    assert "980 more" in page.text
    assert "480 others are not listed" in page.text


def test_the_same_report_gives_the_same_bytes():
    assert render_report(sample(length=300, horizon=9)) == render_report(sample(length=300, horizon=9))


def test_a_page_replaces_the_old_one_whole(tmp_path, monkeypatch):
    target = tmp_path / "report.html"
    target.write_text("old")
    report = sample(length=200, horizon=4, folds=0)

    def broken(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OutputError, match="No space left"):
        write_report(target, report)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
    monkeypatch.undo()
    with target.open() as reader:
        write_report(target, report)
        assert reader.read() == "old"
    assert target.read_text(encoding="utf-8") == render_report(report)
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*report\.html"):
        write_report(tmp_path / "none" / "report.html", sample(length=200, horizon=4, folds=0))
