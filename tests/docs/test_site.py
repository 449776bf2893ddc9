"""The documentation is a site: built without a warning, whole, needing nothing from elsewhere; its first steps run."""

import html
import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.cli.running import run
from unspool.cells import built_in, find_cell
from unspool.report.drawing.step import draw_step

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LOADED = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("use", "href")}
"""What a browser fetches to show a page. A `link` counts unless it only names another page."""


class Reader(HTMLParser):
    """What a page loads, where it leads, and the names of its places."""

    def __init__(self, page: Path):
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.places: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        for name, value in given.items():
            if (tag, name) in LOADED and given.get("rel") not in ("next", "prev", "canonical"):
                self.loads.append(value)
        if tag == "a" and "href" in given:
            self.leads.append(given["href"])


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="the extra `docs` is not installed: the site is not built")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr[-4000:]
    assert "WARNING" not in done.stderr
    return folder


def environment() -> dict[str, str]:
    scripts = str(Path(sys.executable).parent)
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "NO_MKDOCS_2_WARNING": "1", "COLUMNS": "200"}


def pages(site: Path) -> Iterator[tuple[Path, Reader]]:
    for page in sorted(site.rglob("*.html")):
        yield page, Reader(page)


def test_nothing_comes_from_elsewhere(site: Path):
    found = 0
    for page, reader in pages(site):
        found += len(reader.loads)
        assert not [u for u in reader.loads if u.startswith("//") or urlsplit(u).scheme not in ("", "data")], page
    assert found > 200
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"@import|url\(\s*[\"']?(https?:)?//", text), sheet


def test_every_link_leads_somewhere(site: Path):
    readers = dict(pages(site))
    for page, reader in readers.items():
        for link in reader.leads:
            parts = urlsplit(link)
            if parts.scheme or page.name == "404.html":
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), (page, link)
            if parts.fragment and target in readers:
                assert unquote(parts.fragment) in readers[target].places | {"__top"}, (page, link)


@pytest.mark.parametrize("name", built_in())
def test_every_cell_has_its_page(name: str, site: Path):
    cell = built_in()[name]
    text = (site / "cells" / f"{name}.html").read_text(encoding="utf-8")
    equations = re.findall(r"<math\b", text)
    assert len(equations) >= len(cell.graph.states)
    for steps in (1, 3):
        assert draw_step(cell.graph, steps).strip() in text
    assert "Choose it" in text
    assert f'<a href="{name}.html">' in (site / "cells" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", built_in())
def test_how_a_cell_is_used(name: str, site: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNSPOOL_BACKEND", "reference")
    text = (site / "cells" / f"{name}.html").read_text(encoding="utf-8")
    blocks = [html.unescape(re.sub(r"<[^>]+>", "", b)) for b in re.findall(r"<code>(.*?)</code>", text, re.S)]
    (code,) = (b for b in blocks if "import Recurrent" in b)
    names: dict[str, Any] = {}
    exec(compile(code, name, "exec"), names)
    assert names["output"].shape[:2] == (8, 100)


def test_equations_and_formulas_are_mathematics(site: Path):
    gradient = (site / "dynamics" / "5-the-vanishing-gradient.html").read_text(encoding="utf-8")
    assert "<mfrac>" in gradient
    assert r"\frac" not in gradient


@pytest.mark.parametrize(
    "room", ["nn", "lang", "cells", "train", "dynamics", "forecast", "classify", "text", "tasks", "testing"]
)
def test_the_reference_has_every_public_name(room: str, site: Path):
    text = (site / "reference" / f"{room}.html").read_text(encoding="utf-8")
    names = importlib.import_module(f"unspool.{room}").__all__
    assert not [name for name in names if not re.search(rf'id="unspool\.{room}(\.\w+)*\.{name}"', text)]


def test_the_pictures_of_the_landing_page_are_the_cells():
    graph = find_cell("gru").graph
    assert (DOCS / "gru.svg").read_text(encoding="utf-8") == draw_step(graph), "unspool draw gru --out docs/gru.svg"
    assert (DOCS / "gru-unrolled.svg").read_text(encoding="utf-8") == draw_step(graph, 3), "unspool draw gru --unrolled"


def test_the_first_steps_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """All of the page but the installation, which stands in its prose: every block of code, and every command."""
    text = (DOCS / "first-steps.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w+)(?: title=\"([\w.]+)\")?\n(.*?)^```$", text, re.S | re.M)
    assert len(blocks) == text.count("```") // 2 >= 9
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for language, file, code in blocks:
        if file:
            (tmp_path / file).write_text(code, encoding="utf-8")
        elif language == "python":
            exec(compile(code, "first-steps.md", "exec"), names)
        else:
            assert language == "sh"
            for command in code.strip().splitlines():
                program, *words = shlex.split(command, comments=True)
                assert program == "unspool"
                ran = run(capsys, *words)
                assert ran.code == 0, (command, ran.err)
    assert {"forecast.csv", "report.html", "metrics.json", "model"} <= {p.name for p in Path("out/co2").iterdir()}
    assert Path("out/inspect/report.html").is_file()
    assert Path("keep-3.svg").is_file()
