"""The pages of docs/dynamics are programs with asserts of their own numbers; here they are run."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parents[2] / "docs" / "dynamics"
PAGES = sorted(FOLDER.glob("*.md"))
PROGRAMS = [page for page in PAGES if page.name[0].isdigit()]
BLOCK = re.compile(r"^```python\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def torch_as_it_was() -> Iterator[None]:
    """A page seeds torch as it likes."""
    before = torch.get_rng_state()
    yield
    torch.set_rng_state(before)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def links(page: Path) -> set[str]:
    return {target for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text_of(page)) if not target.startswith("http")}


@pytest.mark.parametrize("page", PROGRAMS, ids=lambda page: page.stem)
def test_what_a_page_says_comes_out_of_its_blocks(page: Path):
    namespace: dict[str, object] = {}
    for number, block in enumerate(BLOCK.findall(text_of(page)), 1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), namespace)
    assert 60 <= len(text_of(page).splitlines()) <= 160


def test_there_is_a_page_for_each_idea():
    assert [page.name[0] for page in PROGRAMS] == list("123456")
    assert {page.name for page in PAGES} - {"README.md"} == {
        t for t in links(FOLDER / "README.md") if t.endswith(".md")
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_links_lead_somewhere(page: Path):
    for target in links(page):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PROGRAMS, ids=lambda page: page.stem)
def test_it_has_a_figure_that_its_own_code_draws(page: Path):
    figure = page.with_suffix(".svg")
    assert figure.name in links(page)
    assert figure.stat().st_size <= 60_000
    assert f'"{page.stem}":' in (FOLDER / "figures" / "draw.py").read_text(encoding="utf-8")
    assert len(re.findall(r"^ *assert |assert_close", text_of(page), flags=re.MULTILINE)) >= 6
