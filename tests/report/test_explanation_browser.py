"""The page on what a forecast rests on, in a browser: drawn, readable on a phone, and its choices move both charts."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from report_chromium import Browser, chromium
from test_report_browser import DRAWN, WIDTH, choose, silent
from tests.forecast.explanation.samples import untrained, with_covariates

from unspool.forecast import explain, make_forecast
from unspool.report.explanation import ExplanationReport, render_explanation

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("no chromium found: the page was not looked at in a browser")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        Browser(program, Path(profile) / "profile") as opened,
    ):
        yield opened


def test_it_is_drawn_on_a_phone_and_a_choice_moves_both_charts(browser: Browser, tmp_path: Path):
    panel = with_covariates()
    model = untrained(panel, network="segment")
    page = tmp_path / "report.html"
    report = ExplanationReport("What it rests on", explain(model, panel), make_forecast(model, panel), 9, 14)
    page.write_text(render_explanation(report), encoding="utf-8")
    browser.screen(390, 900, phone=True)
    browser.open(page)
    assert len(browser.run(DRAWN)) == 2
    assert min(browser.run(DRAWN)) >= 1
    assert browser.run(WIDTH) <= 390
    choose(browser, "series", "2")
    choose(browser, "ahead", "0")
    captions = browser.run("[...document.querySelectorAll('figcaption')].map(caption => caption.textContent)")
    assert captions[0].startswith("s2, 1\u00a0day ahead, ")
    assert captions[1].startswith("s2, 1\u00a0day ahead. ")
    assert browser.run("[...document.querySelectorAll('.rests')].map(one => one.hidden)") == [True, True, False]
    silent(browser, page)
