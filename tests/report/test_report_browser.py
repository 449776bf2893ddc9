"""The page in a browser: silent, drawn, readable on a phone, in the dark and on paper."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from report_chromium import Browser, chromium
from report_samples import sample
from test_report_page import hostile

from unspool.report import write_report
from unspool.report.palette import DARK, INK

pytestmark = pytest.mark.browser

DRAWN = "[...document.querySelectorAll('.plot')].map(plot => plot.querySelectorAll('.main-svg').length)"
LEGEND = "document.querySelector('.series .legendtext').style.fill"
# not against innerWidth, which on a phone grows with a page that is too wide
WIDTH = "document.documentElement.scrollWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("no chromium found: the report was not looked at in a browser")
    with tempfile.TemporaryDirectory() as profile, Browser(program, Path(profile) / "profile") as opened:
        yield opened


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, sample(series=3, length=700, horizon=26, folds=3))
    return path


def rgb(colour: str) -> str:
    return f"rgb({int(colour[1:3], 16)}, {int(colour[3:5], 16)}, {int(colour[5:7], 16)})"


def choose(browser: Browser, name: str, value: str) -> None:
    select = f"document.querySelector('select[data-choice={name}]')"
    browser.run(
        f"{select}.value = {json.dumps(value)}, {select}.dispatchEvent(new Event('change', {{bubbles: true}})), 0"
    )


def silent(browser: Browser, page: Path) -> None:
    assert browser.complaints == []
    assert set(browser.requests) <= {page.resolve().as_uri(), "data:,"}
    browser.requests.clear()


def test_charts_are_drawn_and_answer(browser, page):
    browser.screen(1280, 900)
    browser.open(page)
    assert min(browser.run(DRAWN)) >= 1
    assert len(browser.run(DRAWN)) == 5
    assert browser.run(WIDTH) <= 1280
    assert browser.run(LEGEND) == rgb(INK)
    # a choice of series moves both charts and the numbers
    choose(browser, "series", "2")
    captions = browser.run("[...document.querySelectorAll('figcaption')].map(caption => caption.textContent)")
    assert captions[0].startswith("station 3: ")
    assert captions[1].startswith("station 3, 3\u00a0folds")
    assert browser.run("[...document.querySelectorAll('.numbers')].map(one => one.hidden)") == [True, True, False]
    choose(browser, "fold", "2")
    assert browser.run("document.querySelector('.folds figcaption').textContent").startswith("station 3, fold 2, after")
    assert "fold 2" in browser.run("document.querySelector('.folds .plot').getAttribute('aria-label')")
    silent(browser, page)


def test_a_zoom_in_time_fills_the_height(browser, page):
    browser.screen(1280, 900)
    browser.open(page)
    height = "(([low, high]) => high - low)(document.querySelector('.series .plot').layout.yaxis.range)"
    recent = browser.run(height)
    # paper in between must not cost the chart its ears
    browser.run("['beforeprint', 'afterprint'].forEach(name => window.dispatchEvent(new Event(name)))")
    browser.run("document.querySelector('[data-span=all]').click()")
    assert browser.run(height) > 1.5 * recent
    assert browser.run("document.querySelector('[data-span=all]').getAttribute('aria-pressed')") == "true"
    span = "{'xaxis.range': ['1960-01-01', '1960-03-01']}"
    browser.run(f"Plotly.relayout(document.querySelector('.series .plot'), {span}).then(() => 0)")
    assert browser.run(height) < recent
    assert browser.run("document.querySelectorAll('[aria-pressed=true]').length") == 0
    silent(browser, page)


def test_dark_and_light_by_the_system_and_by_hand_and_light_on_paper(browser, page, tmp_path):
    browser.screen(1280, 900, dark=True)
    browser.open(page)
    assert browser.run(LEGEND) == rgb(DARK[INK])
    browser.run("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.run(LEGEND) == rgb(INK)
    assert (
        browser.run("Math.max(...[...document.querySelectorAll('.main-svg')].map(svg => svg.width.baseVal.value))")
        <= 680
    )
    browser.run("window.dispatchEvent(new Event('afterprint'))")
    assert browser.run(LEGEND) == rgb(DARK[INK])
    browser.paper(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    assert browser.run(LEGEND) == rgb(DARK[INK])
    browser.run("document.querySelector('.theme').click()")
    assert browser.run(LEGEND) == rgb(INK)
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(252, 252, 250)"
    browser.run("document.querySelector('.theme').click()")
    assert browser.run(LEGEND) == rgb(DARK[INK])
    browser.screen(1280, 900, dark=False)
    assert browser.run(LEGEND) == rgb(DARK[INK])
    browser.run("document.querySelector('.theme').click()")
    assert browser.run(LEGEND) == rgb(INK)
    browser.screen(1280, 900, dark=True)
    assert browser.run(LEGEND) == rgb(DARK[INK])
    silent(browser, page)


@pytest.mark.parametrize("width", [320, 375])
def test_a_phone_never_scrolls_sideways(browser, page, width):
    browser.screen(width, 800, phone=True)
    browser.open(page)
    browser.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert browser.run(WIDTH) <= width
    assert browser.run("document.querySelector('#scores .scroll').scrollWidth") > width
    assert browser.run("document.querySelector('.series .plot').layout.dragmode") is False
    silent(browser, page)


def test_hostile_names_run_nothing(browser, tmp_path):
    path = tmp_path / "hostile.html"
    write_report(path, hostile())
    browser.screen(375, 800, phone=True)
    browser.open(path)
    assert browser.run("window.pwned") is None
    assert browser.run("document.images.length") == 0
    assert min(browser.run(DRAWN)) >= 1
    assert browser.run(WIDTH) <= 375
    silent(browser, path)


def test_a_click_on_a_hard_series_draws_it(browser, page):
    browser.screen(1280, 900)
    browser.open(page)
    link = "document.querySelector('#hardest [data-pick]:not([data-pick=\"0\"])')"
    wanted, name = browser.run(f"{link}.dataset.pick"), browser.run(f"{link}.textContent")
    browser.run(f"{link}.click(), 0")
    assert browser.run("document.querySelector('select[data-choice=series]').value") == wanted
    assert browser.run("document.querySelector('.series figcaption').textContent").startswith(f"{name}: ")
