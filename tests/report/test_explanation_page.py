"""The section on what a forecast rests on: words, charts that add up, and a page that holds any name."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from report_samples import sample
from tests.forecast.explanation.samples import untrained, with_covariates

from unspool.forecast import Explanation, explain, make_forecast
from unspool.report import render_report
from unspool.report.explanation import ExplanationReport, render_explanation, rests_on
from unspool.report.explanation.tables import source_table
from unspool.report.explanation.words import aligned, by_distance, moves, rests_overall, sources

HOSTILE = "</script><b>&amp; 'quoted' \"Köln\""


@pytest.fixture(scope="module")
def found() -> Explanation:
    panel = with_covariates(gap=1)
    return explain(untrained(panel, network="segment", gap=1), panel, ahead=[1, 5])


@pytest.fixture(scope="module")
def page(found: Explanation) -> str:
    return render_explanation(ExplanationReport("rests", found, None, 9, 14, inspect="unspool inspect model t.csv"))


def charts(page: str) -> dict:
    embedded = re.search(r'<script type="application/json" id="figures">(.*?)</script>', page, re.DOTALL)
    assert embedded is not None
    return json.loads(embedded[1])["charts"]


def test_the_bars_of_both_charts_add_up_to_what_is_explained(found: Explanation, page: str):
    drawn = charts(page)
    for place, one in enumerate(found.series):
        for k in range(len(one.ahead)):
            wanted = one.forecast[k] - one.rest[k] - one.unexplained[k]
            static = sum(driver.attribution[k].sum() for driver in one.drivers if driver.role == "static")
            bars = [trace for trace in drawn["timeline"]["views"][f"{place}/{k}"]["data"] if trace["type"] == "bar"]
            assert len(bars) == 6  # past values and five drivers that have steps
            assert sum(sum(bar["y"]) for bar in bars) == pytest.approx(wanted - static, abs=0.02)
            both = drawn["shares"]["views"][f"{place}/{k}"]["data"]
            assert sum(both[0]["x"]) == pytest.approx(wanted, abs=0.01)
            assert both[1]["x"] == pytest.approx([source.occlusion[k] for source in sources(one, "day")], rel=1e-3)


def test_bars_stand_at_their_steps(found: Explanation, page: str):
    one = found.series[0]
    view = charts(page)["timeline"]["views"]["0/1"]
    bars = {trace["name"]: trace for trace in view["data"] if trace["type"] == "bar"}
    for name, size in (("past values", 14), ("visitors", 14), ("temp", 14 + 1 + 5), ("the calendar", 20)):
        assert (bars[name]["x0"], bars[name]["dx"], len(bars[name]["y"])) == (-13, 1, size)
    marked = next(trace for trace in view["data"] if trace["name"] == "explained")
    assert (marked["x"], marked["y"]) == ([1 + 5], [pytest.approx(one.forecast[1], rel=1e-6)])
    assert "the recurrence reaches 9\u00a0days back" in json.dumps(view["layout"], ensure_ascii=False)


def test_columns_of_the_table_add_up_as_they_are_written(found: Explanation):
    table = source_table(found.series[0], found.noun)
    for column in range(2, len(table.columns)):
        at_rest, *added, forecast = [float(row[column].text.replace("−", "-")) for row in table.rows]
        assert at_rest + sum(added) == pytest.approx(forecast, abs=0.5e-3 * len(table.rows))


def test_words(found: Explanation):
    one = found.series[0]
    said = rests_on(one, "day")
    shares = [float(share) for share in re.findall(r"([\d.]+)\u00a0% on ", said)]
    assert sum(shares) == pytest.approx(100, abs=3)
    assert shares == sorted(shares, reverse=True) or said.rstrip(".").endswith("all else")
    assert rests_overall(found).startswith("In the mean of 3 series, the forecast rests ")
    assert moves(one, found, 1).startswith("5\u00a0days ahead, 2020-03-16: ")
    assert sum(by_distance(one).values()) == pytest.approx(1)
    assert min(by_distance(one)) == 2  # a step of gap lies between


def test_numbers_are_written_with_as_many_decimals(found: Explanation):
    one = replace(found.series[0], forecast=np.array([12345.0]), rest=np.array([12000.0]))
    assert aligned([1234.56, -0.4, 0.0, 2.5], one, signed=True) == ["+1\u202f235", "0", "0", "+2"]
    one = replace(one, forecast=np.array([0.01234]), rest=np.array([0.0]))
    assert aligned([0.01234, -0.0001], one) == ["0.012340", "−0.000100"]


def test_any_name_is_text(found: Explanation):
    named = replace(found, series=tuple(replace(one, id=HOSTILE) for one in found.series))
    page = render_explanation(ExplanationReport(HOSTILE, named, None, None, 14))
    assert HOSTILE not in page
    usual = render_explanation(ExplanationReport("a", found, None, None, 14))
    assert page.count("</script>") == usual.count("</script>")
    assert charts(page)["timeline"]["views"]["0/0"]["caption"].startswith(HOSTILE)


def test_a_report_without_an_explanation_has_no_such_section():
    report = sample(series=2, length=300, horizon=26, folds=0)
    assert 'id="rests"' not in render_report(report)


def test_a_report_with_one_has_it_and_the_numbers_of_the_forecast():
    panel = with_covariates()
    model = untrained(panel, network="segment")
    report = replace(
        sample(series=3, length=200, horizon=5, folds=0),
        history=[(one.id, one.times, one.values) for one in panel.series],
        forecast=make_forecast(model, panel),
        explanation=explain(model, panel),
        inspect="unspool inspect out/model sales.csv",
    )
    page = render_report(report)
    assert page.count('<p class="rests"') == 3
    assert "<code>unspool inspect out/model sales.csv</code>" in page
    assert "NaN" not in page[page.index('id="figures"') : page.index('id="figures"') + 200_000].split("</script>")[0]
    assert page == render_report(report)
