"""The page about a language model: losses in either unit, samples, units drawn, and the honest sentences."""

import json
import math
import re
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_chromium import Browser, chromium

from unspool.report.text import TextReport, render_text
from unspool.report.text.colouring import coloured
from unspool.report.text.page import judgement, printable, verdict
from unspool.text import FittedText, TextModel, Tracking
from unspool.text.samples import Sample
from unspool.text.units import Unit

TEXT = "<b>one</b>\n" + 'he said "two (three" four)\n' * 30


@cache
def fitted() -> FittedText:
    model = TextModel(hidden_size=8, num_layers=1, chunk=16, batch_size=4, steps=20, validations=3).train(TEXT * 3)
    return model.fitted_


def tracking(held: float = 0.9, feature: str = "inside quotes") -> Tracking:
    wanted = np.array([float(c == '"') for c in TEXT])
    return Tracking(feature, Unit(2, "c", 7), False, 0.95, held, 0.1, TEXT, 2 * wanted - 1, wanted)


def page(**parts: Any) -> str:
    return render_text(TextReport("a <i>model</i>", fitted(), **parts))


def charts(html: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', html, flags=re.DOTALL)
    return json.loads(text)["charts"]


def test_losses_are_drawn_in_nats_and_in_bits():
    views = charts(page())["losses"]["views"]
    valid = [e.valid_loss for e in fitted().epochs]
    assert views["nats"]["data"][1]["y"] == pytest.approx(valid, rel=1e-6)
    assert views["bits"]["data"][1]["y"] == pytest.approx([v / math.log(2) for v in valid], rel=1e-6)
    assert "bits per character" in json.dumps(views["bits"]["layout"])


def test_samples_of_several_moments_are_there_as_text():
    made = tuple(Sample(k, 2.0, f"sample {k} <script>alert()</script>\x07") for k in range(1, 20))
    html = render_text(TextReport("t", replace(fitted(), samples=made)))
    shown = re.findall(r"sample (\d+) &lt;script&gt;", html)
    assert shown == ["1", "5", "10", "15", "19"]
    assert "<script>alert" not in html
    assert "\x07" not in html
    assert "<i>model</i>" not in html


def test_the_text_is_drawn_in_the_colours_of_its_unit():
    html = page(units=[tracking()])
    assert "c[7] of layer 2: r = +0.90 with “inside quotes”" in html
    assert '<span class="high4">&#34;</span>' in html
    pieces = coloured(tracking(), shown=200)
    assert all((piece.name == "high4") == (piece.text == '"') for piece in pieces)
    assert "".join(piece.text for piece in pieces) in TEXT


def test_what_holds_by_picking_only_is_not_drawn():
    html = page(units=[tracking(held=0.3)])
    assert "No single unit tracks any of the 1 properties" in html
    assert '<div class="unit">' not in html
    assert "+0.30" in html


def test_training_is_given_the_credit_only_where_it_is_due():
    units = [tracking(0.9), tracking(0.8, "in a word")]
    report = TextReport("t", fitted(), units, [tracking(0.2), tracking(-0.8, "in a word")])
    assert "Training is behind “inside quotes”; for the others a network with random weights" in verdict(report)
    assert "training did not make these" in verdict(replace(report, units=units[1:]))
    assert "too short, or has none" in verdict(replace(report, units=[]))


def test_the_sentence_on_top():
    bits = fitted().valid_nats / math.log(2)
    assert f"{bits:.3f} bits per character" in judgement(fitted())
    assert "Nothing was learned" in judgement(replace(fitted(), best=0))


def test_a_model_that_was_never_validated_has_a_page():
    html = render_text(TextReport("t", replace(fitted(), epochs=(), best=0, samples=())))
    assert "Nothing was validated" in html
    assert charts(html) == {}


def test_nothing_is_fetched():
    html = page(units=[tracking()])
    outside = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert not re.findall(r'(?:src|href)="(?!#|data:)', outside)


def test_control_characters_become_dots():
    assert printable("a\x00b\n\tc\u200b") == "a·b\n\tc·"


@pytest.mark.browser
def test_in_a_browser_it_is_silent_drawn_and_fits_a_phone(tmp_path: Path):
    program = chromium()
    if program is None:
        pytest.skip("no chromium found: the page was not looked at in a browser")
    (tmp_path / "report.html").write_text(page(units=[tracking()], untrained=[tracking(0.1)]), encoding="utf-8")
    with tempfile.TemporaryDirectory() as profile, Browser(program, Path(profile) / "profile") as browser:
        browser.screen(390, 844, phone=True)
        browser.open(tmp_path / "report.html")
        assert browser.run("document.documentElement.scrollWidth") == 390
        assert browser.run("document.querySelectorAll('.losses .main-svg').length")
        high = "getComputedStyle(document.querySelector('.unit .high4')).backgroundColor"
        assert browser.run(high) == "rgba(38, 110, 205, 0.68)"
        assert not browser.complaints
        assert all(request.startswith("file:") for request in browser.requests)
