"""A page has the parts of DESIGN §2, in their order, and stays a page."""

import ast
import re
from pathlib import Path

import pytest

from unspool import cells
from unspool.cells import built_in
from unspool.lang import Cell

PAGES = list(built_in().values())


def docstring(cell: Cell) -> str:
    return ast.get_docstring(ast.parse(cell.page)) or ""


@pytest.mark.parametrize("cell", PAGES, ids=lambda c: c.name)
def test_the_docstring_has_its_parts_in_order(cell: Cell):
    text = docstring(cell)
    title, equations, prose = text.split("\n\n", 2)
    assert title.endswith(".")
    assert "\n" not in title
    assert all(line.startswith("    ") and "=" in line for line in equations.splitlines())
    parts = [r"\b(19|20)\d\d\b", r"\bEquals\b", r"\bState: ", r"\bStarts\b", r"\bChoose it\b"]
    found = [re.search(part, prose) for part in parts]
    assert all(found), [p for p, f in zip(parts, found, strict=True) if not f]
    places = [f.start() for f in found if f]
    assert places == sorted(places)


@pytest.mark.parametrize("cell", PAGES, ids=lambda c: c.name)
def test_the_equations_are_the_body(cell: Cell):
    """One equation per line of the body, in order, under the same letters; h' = … is the next h."""
    written = [line.strip().split("=")[0].strip() for line in docstring(cell).split("\n\n")[1].splitlines()]
    function = next(n for n in ast.parse(cell.page).body if isinstance(n, ast.FunctionDef))
    body = [n.targets[0].id for n in function.body if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)]
    states = [s.name for s in cell.graph.states]
    if len(body) < len(written):
        body.append(states[0])
    assert [n.rstrip("'") for n in written] == body
    assert [n for n in written if n.endswith("'")] == [f"{n}'" for n in body if n in states]


@pytest.mark.parametrize("cell", PAGES, ids=lambda c: c.name)
def test_a_page_stays_a_page(cell: Cell):
    lines = cell.page.splitlines()
    assert len(lines) <= 60
    tree = ast.parse(cell.page)
    modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert modules <= {"unspool.lang", "unspool.lang.starts", "typing"}
    assert not any(isinstance(n, ast.Import | ast.For | ast.While | ast.If) for n in ast.walk(tree))


def test_the_file_is_named_after_its_cell():
    assert {name: cell.name for name, cell in built_in().items()} == {name: name for name in built_in()}


def test_nothing_is_registered_by_hand():
    pages = {path.stem for path in Path(cells.__path__[0]).glob("*.py")}
    assert set(built_in()) == pages - {"__init__", "library"}
